//! The server: spread over workers, limits, panics, drain.

use crate::support::client::Client;
use crate::support::handler::Handler;
use crate::support::http2::{ACK, GOAWAY, Http2, Outcome, PING};
use crate::support::proxy::{budget, settings};
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use portcullis::server::{BoundListener, DrainReport, Peer, Server, ServerSettings, WorkerIndex, listen};
use portcullis::telemetry::ServerMetrics;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore};

const LONG: Duration = Duration::from_secs(10);

/// A server whose answers are what `answer` makes of the path, the worker and the peer.
fn serve<A, R>(settings: ServerSettings, answer: A) -> (Server, SocketAddr)
where
    A: Fn(String, WorkerIndex, Peer) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = String> + Send + 'static,
{
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::start(
        vec![BoundListener::plain(listener)],
        settings,
        &ServerMetrics::default(),
        &budget(),
        move |worker| {
            let answer = answer.clone();
            move |peer| {
                let answer = answer.clone();
                Handler(move |request: http::Request<hyper::body::Incoming>| {
                    let answer = answer(request.uri().path().to_owned(), worker, Peer::clone(&peer));
                    async move { Response::new(Full::new(Bytes::from(answer.await))) }
                })
            }
        },
    );
    (server.unwrap(), address)
}

fn echo_path(settings: ServerSettings) -> (Server, SocketAddr) {
    serve(settings, |path, _, _| async move { path })
}

async fn connections_by_worker(workers: usize, connections: usize) -> HashMap<String, usize> {
    let settings = ServerSettings { workers, ..settings() };
    let (_server, address) = serve(settings, |_, worker, _| async move { worker.0.to_string() });
    let mut clients = Vec::new();
    let mut by_worker = HashMap::new();
    for _ in 0..connections {
        let mut client = Client::connect(address).await;
        *by_worker.entry(client.get("/").await.text().to_owned()).or_default() += 1;
        clients.push(client);
    }
    by_worker
}

#[tokio::test]
async fn thirty_two_connections_spread_evenly() {
    for workers in [2, 4] {
        let by_worker = connections_by_worker(workers, 32).await;
        let fair = 32 / workers;
        assert_eq!(by_worker.len(), workers, "{by_worker:?}");
        assert!(by_worker.values().all(|&count| count.abs_diff(fair) * 4 <= fair), "{by_worker:?}");
    }
}

#[tokio::test]
async fn a_worker_whose_connections_closed_gets_the_next_ones() {
    let (_server, address) =
        serve(ServerSettings { workers: 2, ..settings() }, |_, worker, _| async move { worker.0.to_string() });
    let mut by_worker: HashMap<String, Vec<Client>> = HashMap::new();
    for _ in 0..8 {
        let mut client = Client::connect(address).await;
        let worker = client.get("/").await.text().to_owned();
        by_worker.entry(worker).or_default().push(client);
    }
    by_worker.remove("0");
    // the worker has to see its connections close before it counts as free
    let mut zero = 0;
    let begun = Instant::now();
    while zero < 4 {
        let mut client = Client::connect(address).await;
        let worker = client.get("/").await.text().to_owned();
        zero += usize::from(worker == "0");
        by_worker.entry(worker).or_default().push(client);
        assert!(begun.elapsed() < LONG);
    }
    assert!(by_worker["1"].len() <= 6, "{}", by_worker["1"].len());
}

#[tokio::test]
async fn the_service_knows_its_peer() {
    let (_server, address) = serve(settings(), |_, _, peer| async move { peer.client.address.unwrap().to_string() });
    let mut client = Client::connect(address).await;
    let own = client.stream.local_addr().unwrap().to_string();
    assert_eq!(client.get("/").await.text(), own);
}

#[tokio::test]
async fn several_sockets_are_served() {
    let listeners: Vec<_> = (0..3).map(|_| listen(([127, 0, 0, 1], 0).into()).unwrap()).collect();
    let addresses: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    let listeners = listeners.into_iter().map(BoundListener::plain).collect();
    let _server = Server::start(listeners, settings(), &ServerMetrics::default(), &budget(), |_| {
        |_| Handler(|_| async { Response::new(Full::new(Bytes::from_static(b"here"))) })
    });
    for address in addresses {
        assert_eq!(Client::connect(address).await.get("/").await.text(), "here");
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_until_one_closes() {
    let (_server, address) = echo_path(ServerSettings { connections: 2, ..settings() });
    let mut first = Client::connect(address).await;
    let mut second = Client::connect(address).await;
    first.get("/1").await;
    second.get("/2").await;
    let mut third = Client::connect(address).await;
    third.send("GET /3 HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    let waiting = pingora_timeout::timeout(Duration::from_millis(200), third.answer()).await;
    assert!(waiting.is_err(), "the third was served at a limit of two");
    assert_eq!(second.get("/still").await.text(), "/still");
    drop(first);
    assert_eq!(third.answer().await.unwrap().text(), "/3");
}

#[tokio::test]
async fn an_idle_connection_lives_as_long_as_the_idle_timeout() {
    let idle_timeout = Duration::from_millis(600);
    let (_server, address) = echo_path(ServerSettings { idle_timeout, ..settings() });
    let mut client = Client::connect(address).await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.status(), 200);
        pingora_timeout::sleep(Duration::from_millis(300)).await;
    }
    let idle = Instant::now();
    client.closed().await;
    assert!(idle.elapsed() < LONG / 2);
}

#[tokio::test]
async fn a_bound_below_hyper_s_own_minimum_does_not_panic() {
    let (_server, address) = echo_path(ServerSettings { header_bytes: 256, ..settings() });
    assert_eq!(Client::connect(address).await.get("/").await.status(), 200);
}

#[tokio::test]
async fn a_panic_costs_one_connection_only() {
    let (_server, address) = serve(settings(), |path, _, _| async move {
        assert_ne!(path, "/panic", "a panic on purpose");
        path
    });
    let mut steady = Client::connect(address).await;
    assert_eq!(steady.get("/before").await.status(), 200);
    let mut unlucky = Client::connect(address).await;
    unlucky.send("GET /panic HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    assert!(unlucky.closed().await.is_empty());
    assert_eq!(steady.get("/after").await.text(), "/after");
    assert_eq!(Client::connect(address).await.get("/new").await.text(), "/new");
}

/// Tells when it is dropped.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_request_along() {
    let (begun, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inner_begun, inner_dropped) = (Arc::clone(&begun), Arc::clone(&dropped));
    let (_server, address) = serve(settings(), move |_, _, _| {
        let (begun, dropped) = (Arc::clone(&inner_begun), Dropped(Arc::clone(&inner_dropped)));
        async move {
            let _dropped = dropped;
            begun.notify_one();
            std::future::pending().await
        }
    });
    let mut client = Client::connect(address).await;
    client.send("GET / HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    begun.notified().await;
    client.reset();
    pingora_timeout::timeout(LONG, dropped.notified()).await.expect("the request outlives its client");
}

/// A server whose answers wait for the returned permits, and what says that a request has begun.
fn gated() -> (Server, SocketAddr, Arc<Semaphore>, Arc<Notify>) {
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let (inner_gate, inner_begun) = (Arc::clone(&gate), Arc::clone(&begun));
    let (server, address) = serve(ServerSettings { workers: 2, ..settings() }, move |path, _, _| {
        let (gate, begun) = (Arc::clone(&inner_gate), Arc::clone(&inner_begun));
        async move {
            if path == "/gated" {
                begun.notify_one();
                gate.acquire().await.unwrap().forget();
            }
            path
        }
    });
    (server, address, gate, begun)
}

#[tokio::test]
async fn draining_finishes_what_has_begun_and_refuses_what_is_new() {
    let (server, address, gate, begun) = gated();
    let mut idle = Client::connect(address).await;
    idle.get("/").await;
    let mut untouched = Client::connect(address).await;
    let mut busy = Client::connect(address).await;
    busy.send("GET /gated HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    begun.notified().await;
    let drain = tokio::spawn(server.drain(LONG));
    assert!(idle.closed().await.is_empty());
    assert!(untouched.closed().await.is_empty());
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "a new connection was accepted");
    gate.add_permits(1);
    let answer = busy.answer().await.unwrap();
    assert_eq!((answer.text(), answer.header("connection")), ("/gated", Some("close")));
    assert_eq!(drain.await.unwrap(), DrainReport { finished: 3, cut: 0 });
    listen(address).expect("the port is free again");
}

#[tokio::test]
async fn draining_cuts_what_does_not_finish_in_time() {
    let (server, address, _gate, begun) = gated();
    let mut stuck = Client::connect(address).await;
    stuck.send("GET /gated HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    begun.notified().await;
    let clock = Instant::now();
    assert_eq!(server.drain(Duration::from_millis(100)).await, DrainReport { finished: 0, cut: 1 });
    assert!(clock.elapsed() < LONG / 2);
    assert!(stuck.closed().await.is_empty());
}

/// Lets the tasks of this runtime run, with what the kernel has for them.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_request_accepted_just_before_the_drain_is_answered() {
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(released));
    let (server, address) = serve(settings(), move |path, _, _| {
        let (begun, released) = (begun.clone(), Arc::clone(&released));
        async move {
            if path == "/block" {
                // holds the worker's whole thread, so that the next connection and the drain wait in its queue together
                begun.send(()).unwrap();
                released.lock().unwrap().recv().unwrap();
            }
            path
        }
    });
    let mut blocking = Client::connect(address).await;
    blocking.send("GET /block HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    settle().await;
    has_begun.recv_timeout(LONG).unwrap();
    let mut late = Client::connect(address).await;
    late.send("GET /late HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    settle().await;
    let drain = tokio::spawn(server.drain(LONG));
    settle().await;
    release.send(()).unwrap();
    assert_eq!(late.answer().await.expect("an answer, not a reset").text(), "/late");
    assert_eq!(drain.await.unwrap().cut, 0);
}

/// A flood of new connections must not be served before the requests of connections that are open already.
#[tokio::test]
async fn new_connections_do_not_queue_up_before_open_ones() {
    const NEW: usize = 300;
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(released));
    let order = Arc::<std::sync::Mutex<Vec<String>>>::default();
    let served = Arc::clone(&order);
    let settings = ServerSettings { connections: NEW + 10, ..settings() };
    let (_server, address) = serve(settings, move |path, _, _| {
        let (begun, released, served) = (begun.clone(), Arc::clone(&released), Arc::clone(&served));
        async move {
            let is_first = {
                let mut served = served.lock().unwrap();
                served.push(path.clone());
                served.iter().filter(|known| **known == path).count() == 1
            };
            if path == "/block" || path == "/new" && is_first {
                // holds the worker's whole thread, so that all that follows waits together
                begun.send(()).unwrap();
                released.lock().unwrap().recv().unwrap();
            }
            path
        }
    });
    let (mut open, mut blocking) = (Client::connect(address).await, Client::connect(address).await);
    open.get("/first").await;
    blocking.send("GET /block HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    settle().await;
    has_begun.recv_timeout(LONG).unwrap();
    let mut new = Vec::new();
    for _ in 0..NEW {
        let mut client = Client::connect(address).await;
        client.send("GET /new HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
        settle().await;
        new.push(client);
    }
    release.send(()).unwrap();
    has_begun.recv_timeout(LONG).unwrap();
    open.send("GET /second HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    release.send(()).unwrap();
    for client in &mut new {
        assert_eq!(client.answer().await.unwrap().text(), "/new");
    }
    let order = order.lock().unwrap();
    let before = order.iter().take_while(|path| *path != "/second").filter(|path| *path == "/new").count();
    assert!(before < 30, "{before} new connections were served first");
}

#[tokio::test]
async fn dropping_the_server_cuts_everything() {
    let (server, address) = echo_path(settings());
    let mut client = Client::connect(address).await;
    client.get("/").await;
    drop(server);
    assert!(client.closed().await.is_empty());
}

#[tokio::test]
async fn draining_lets_http_2_finish_what_has_begun() {
    let (server, address, gate, begun) = gated();
    let mut idle = Http2::connect(address).await;
    let mut busy = Http2::connect(address).await;
    busy.head(1, &[(":method", "GET"), (":scheme", "http"), (":authority", "gateway"), (":path", "/gated")], true)
        .await;
    begun.notified().await;
    let drain = tokio::spawn(server.drain(LONG));
    let mut goodbye = false;
    while let Some(frame) = idle.frame().await {
        goodbye |= frame.kind == GOAWAY;
        if frame.kind == PING {
            idle.send(PING, ACK, 0, &frame.payload).await;
        }
    }
    assert!(goodbye);
    gate.add_permits(1);
    assert_eq!(busy.outcome(1).await, Outcome::Answer(200, "/gated".to_owned()));
    drop(busy);
    assert_eq!(drain.await.unwrap(), DrainReport { finished: 2, cut: 0 });
}

#[tokio::test]
async fn a_worker_that_dies_is_started_again_and_serves_what_waited_for_it() {
    let lives = Arc::new(AtomicUsize::new(0));
    let metrics = ServerMetrics::default();
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let counted = Arc::clone(&lives);
    let _server = Server::start(vec![BoundListener::plain(listener)], settings(), &metrics, &budget(), move |_| {
        assert!(counted.fetch_add(1, Ordering::Relaxed) > 0, "the first life ends on purpose");
        |_| Handler(|_| async { Response::new(Full::new(Bytes::from_static(b"alive"))) })
    });
    assert_eq!(Client::connect(address).await.get("/").await.text(), "alive");
    assert_eq!((lives.load(Ordering::Relaxed), metrics.worker_restarts()), (2, 1));
}
