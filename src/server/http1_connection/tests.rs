//! Idle connections leave hyper and come back, and nothing else about them changes.

use super::super::connection::{ConnectionEnd, ConnectionHandler, Peer};
use super::super::connection_memory::ConnectionMemory;
use super::super::http_settings::Http;
use super::super::settings::ServerSettings;
use crate::budget::{BudgetLimits, ClientBudget, ClientKey};
use crate::head::HeadDefect;
use crate::telemetry::ServerMetrics;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinHandle;

const GET: &str = "GET /a HTTP/1.1\r\nhost: gateway\r\n\r\n";

/// Reports for how many bytes each read has room: 8 KiB in hyper, 4 KiB outside of it.
struct RoomReport {
    inner: DuplexStream,
    room: watch::Sender<usize>,
}

impl AsyncRead for RoomReport {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.room.send_replace(to.remaining());
        Pin::new(&mut self.inner).poll_read(context, to)
    }
}

impl AsyncWrite for RoomReport {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Responds with the path, or with the defect of the head. `/gated` waits for a permit.
#[derive(Clone)]
struct PathService(Arc<Semaphore>);

impl tower::Service<Request<Incoming>> for PathService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let gate = Arc::clone(&self.0);
        Box::pin(async move {
            if request.uri().path() == "/gated" {
                gate.acquire().await.unwrap().forget();
            }
            let (request, body) = request.into_parts();
            let _ = body.collect().await;
            let defect = request.extensions.get::<HeadDefect>().map(|defect| format!("{defect:?}"));
            let text = defect.unwrap_or_else(|| request.uri.path().to_owned());
            Ok(Response::new(Full::from(text)))
        })
    }
}

/// A served connection, from the client's side.
struct Served {
    client: DuplexStream,
    room: watch::Receiver<usize>,
    gate: Arc<Semaphore>,
    drain: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Serves a connection that leaves hyper after a quarter of `idle`.
fn serve(idle: Duration, age: Duration) -> Served {
    let settings = ServerSettings {
        workers: 1,
        connections: 1,
        header_bytes: 64 * 1024,
        header_timeout: Duration::from_millis(50),
        idle_timeout: idle,
        connection_age: age,
    };
    let (client, server) = tokio::io::duplex(64 * 1024);
    let (sender, room) = watch::channel(0);
    let (drain, draining) = oneshot::channel::<()>();
    let gate = Arc::new(Semaphore::new(0));
    let budget = ClientBudget::new(BudgetLimits { connections: 9, requests: 9, bytes: 1 << 30, client_share: 1.0 });
    let memory = ConnectionMemory::new(budget.account(ClientKey::Unnamed).connection(0).unwrap());
    let handler = ConnectionHandler {
        http: Http::new(settings),
        metrics: ServerMetrics::default(),
        service_for: |_: Peer| PathService(Arc::new(Semaphore::new(0))),
    };
    let service = PathService(Arc::clone(&gate));
    let task = tokio::spawn(async move {
        let ending = async {
            let _ = draining.await;
            ConnectionEnd::Drain
        };
        handler.version1(RoomReport { inner: server, room: sender }, service, memory, ending).await;
    });
    Served { client, room, gate, drain, task }
}

impl Served {
    async fn send(&mut self, text: &str) {
        self.client.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads until a response with the body `end` was read.
    async fn read_to(&mut self, end: &str) -> String {
        let mut read = String::new();
        while !read.ends_with(&format!("\r\n\r\n{end}")) {
            read.push(char::from(self.client.read_u8().await.expect(&read)));
        }
        read
    }

    /// Waits until the connection is out of hyper.
    async fn idles(&mut self) {
        self.room.wait_for(|room| *room == 4096).await.unwrap();
    }
}

const IDLE: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(600);

/// A connection that was used once and is out of hyper.
async fn used_and_idle(idle: Duration, age: Duration) -> Served {
    let mut served = serve(idle, age);
    served.send(GET).await;
    served.read_to("/a").await;
    served.idles().await;
    served
}

#[tokio::test]
async fn an_idle_connection_leaves_hyper_and_comes_back() {
    let mut served = used_and_idle(IDLE * 5, LONG).await;
    let long = format!("POST /b HTTP/1.1\r\nhost: gateway\r\ncontent-length: 20000\r\n\r\n{}", "b".repeat(20_000));
    let (whole, parts) = (GET.repeat(3), GET.split_at(20));
    for (sent, end) in [(vec![GET], "/a"), (vec![&long], "/b"), (vec![&whole], "/a"), (vec![parts.0, parts.1], "/a")] {
        for part in &sent {
            served.send(part).await;
            tokio::task::yield_now().await;
        }
        for _ in 0..sent[0].matches("GET /a HTTP/1.1").count().max(1) {
            assert!(served.read_to(end).await.starts_with("HTTP/1.1 200"), "{sent:?}");
        }
        served.idles().await;
    }
}

#[tokio::test]
async fn a_connection_with_a_request_under_way_stays_in_hyper() {
    let mut served = serve(IDLE, LONG);
    served.send("GET /gated HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    let left = pingora_timeout::timeout(IDLE, served.idles()).await;
    assert!(left.is_err(), "it left with a request under way");
    served.gate.add_permits(1);
    served.read_to("/gated").await;
    served.idles().await;
}

#[tokio::test]
async fn half_a_head_after_idling_has_its_time() {
    let mut served = used_and_idle(IDLE * 5, LONG).await;
    served.send("GET /a HT").await;
    served.read_to("TooSlow").await;
}

#[tokio::test]
async fn an_idle_connection_closes_at_its_limit_and_not_before() {
    let mut served = serve(IDLE, LONG);
    served.send(GET).await;
    served.read_to("/a").await;
    let answered = Instant::now();
    served.idles().await;
    assert_eq!(served.client.read(&mut [0; 9]).await.unwrap(), 0);
    assert!(answered.elapsed() >= IDLE, "{:?}", answered.elapsed());
    served.task.await.unwrap();
}

#[tokio::test]
async fn a_client_that_closes_while_it_idles_ends_the_connection() {
    let mut served = used_and_idle(IDLE * 5, LONG).await;
    served.client.shutdown().await.unwrap();
    assert_eq!(served.client.read(&mut [0; 9]).await.unwrap(), 0);
    served.task.await.unwrap();
}

#[tokio::test]
async fn a_drained_idle_connection_serves_what_is_on_its_way() {
    for sends in [false, true] {
        let mut served = used_and_idle(IDLE * 5, LONG).await;
        let Served { drain, .. } = served;
        drain.send(()).unwrap();
        if sends {
            served.client.write_all(GET.as_bytes()).await.unwrap();
        }
        let mut left = String::new();
        served.client.read_to_string(&mut left).await.unwrap();
        assert_eq!(left.contains("connection: close"), sends, "{left}");
        served.task.await.unwrap();
    }
}

#[tokio::test]
async fn the_first_response_after_idling_past_the_age_is_the_last() {
    let mut served = used_and_idle(IDLE, IDLE / 4).await;
    served.send(GET).await;
    assert!(served.read_to("/a").await.contains("connection: close"));
    served.task.await.unwrap();
}
