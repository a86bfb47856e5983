//! HTTP/2 to the upstream, agreed on by ALPN: what is sent there, shared connections, and requests that are lost.

use crate::support::authority::Authority;
use crate::support::proxy::upstream_settings;
use crate::support::recorder::{Recorder, Reply};
use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use portcullis::config::gateway::UpstreamConfig as Settings;
use portcullis::upstream::{
    Failed, Origin, Unreachable, UpstreamBody, UpstreamClient, UpstreamConnector, UpstreamError,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;

/// A request as it arrived.
struct Arrived {
    request: Request<()>,
    body: Vec<u8>,
}

/// An upstream that does what the path says: `/refused` resets the stream unprocessed, `/reset` after it was processed,
/// `/goodbye` answers and lets the connection end, `/gated` waits for a permit, `/interim?N` sends as many hints first; anything
/// else answers at once.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
    arrived: UnboundedReceiver<Arrived>,
}

impl Server {
    async fn start(tls: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (sender, arrived) = unbounded_channel();
        let (counted, gated) = (Arc::clone(&connections), Arc::clone(&gate));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(converse(tls.clone(), stream, Arc::clone(&gated), sender.clone()));
            }
        });
        Self { address, connections, gate, arrived }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    fn upstream(&self, authority: &Authority) -> UpstreamClient {
        let settings = Settings { ca_file: Some(authority.file().to_owned()), ..upstream_settings() };
        UpstreamClient::new(
            UpstreamConnector::new(Origin::new(true, "localhost", self.address.port()).unwrap(), &settings).unwrap(),
        )
    }
}

async fn converse(tls: TlsAcceptor, stream: TcpStream, gate: Arc<Semaphore>, arrived: UnboundedSender<Arrived>) {
    let Ok(stream) = tls.accept(stream).await else { return };
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, answer))) = connection.accept().await {
        let goodbye = request.uri().path() == "/goodbye";
        tokio::spawn(reply(request, answer, Arc::clone(&gate), arrived.clone()));
        if goodbye {
            connection.graceful_shutdown();
        }
    }
}

async fn reply(
    request: Request<h2::RecvStream>,
    mut answer: SendResponse<Bytes>,
    gate: Arc<Semaphore>,
    arrived: UnboundedSender<Arrived>,
) {
    let (head, mut stream) = request.into_parts();
    let path = head.uri.path().to_owned();
    let hints = head.uri.query().and_then(|query| query.parse().ok()).unwrap_or(0);
    if path == "/refused" {
        let _ = arrived.send(Arrived { request: Request::from_parts(head, ()), body: Vec::new() });
        return answer.send_reset(Reason::REFUSED_STREAM);
    }
    let mut body = Vec::new();
    while let Some(Ok(data)) = stream.data().await {
        let _ = stream.flow_control().release_capacity(data.len());
        body.extend(data);
    }
    let _ = arrived.send(Arrived { request: Request::from_parts(head, ()), body });
    if path == "/gated" {
        gate.acquire().await.unwrap().forget();
    }
    for _ in 0..hints {
        answer.send_informational(Response::builder().status(103).body(()).unwrap()).unwrap();
    }
    if path == "/reset" {
        return answer.send_reset(Reason::INTERNAL_ERROR);
    }
    let mut body = answer.send_response(Response::new(()), false).unwrap();
    body.send_data(Bytes::from_static(b"{}"), true).unwrap();
}

async fn send(
    upstream: &UpstreamClient,
    method: &str,
    path: &str,
    body: UpstreamBody,
) -> Result<(String, bool), Failed> {
    let request = Request::builder().method(method).uri(path).header("host", "gateway").header("x-kept", "yes");
    let (answer, call) = upstream.send(request.body(body).unwrap()).await?;
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    Ok((String::from_utf8(body.to_vec()).unwrap(), call.reused))
}

async fn get(upstream: &UpstreamClient, path: &str) -> Result<(String, bool), Failed> {
    send(upstream, "GET", path, UpstreamBody::Empty).await
}

#[tokio::test]
async fn the_judged_bytes_arrive_under_the_configured_authority() {
    let authority = Authority::new("ours");
    let mut server = Server::start(authority.server("localhost")).await;
    let upstream = server.upstream(&authority);
    let body = UpstreamBody::Buffered(Full::from("{\"a\": 1}"));
    assert_eq!(send(&upstream, "PATCH", "/v1/users/user_1?a=b", body).await.unwrap(), ("{}".to_owned(), false));
    let Arrived { request, body } = server.arrived.recv().await.unwrap();
    assert_eq!(request.uri().to_string(), format!("https://localhost:{}/v1/users/user_1?a=b", server.address.port()));
    assert_eq!((request.method().as_str(), body.as_slice()), ("PATCH", b"{\"a\": 1}".as_slice()));
    let headers = request.headers();
    assert_eq!((&headers["content-length"], &headers["x-kept"]), (&"8".parse().unwrap(), &"yes".parse().unwrap()));
    assert!(!headers.contains_key("host") && !headers.contains_key("transfer-encoding"));
}

#[tokio::test]
async fn requests_share_one_connection_up_to_a_hundred() {
    let authority = Authority::new("ours");
    let server = Server::start(authority.server("localhost")).await;
    let upstream = Arc::new(server.upstream(&authority));
    assert!(!get(&upstream, "/").await.unwrap().1);
    assert!(get(&upstream, "/").await.unwrap().1);
    for (at_once, connections) in [(100, 1), (101, 2)] {
        let asking = (0..at_once).map(|_| Arc::clone(&upstream));
        let asking: Vec<_> =
            asking.map(|upstream| tokio::spawn(async move { get(&upstream, "/gated").await.unwrap() })).collect();
        server.gate.add_permits(at_once);
        for asked in asking {
            asked.await.unwrap();
        }
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn what_may_have_arrived_is_never_sent_again() {
    let authority = Authority::new("ours");
    let mut server = Server::start(authority.server("localhost")).await;
    let upstream = server.upstream(&authority);
    for path in ["/refused", "/reset"] {
        let (error, call) = get(&upstream, path).await.unwrap_err();
        assert_eq!((error, call.status), (UpstreamError::Unreachable(Unreachable::BrokenOff), None), "{path}");
        assert_eq!(server.arrived.recv().await.unwrap().request.uri().path(), path);
        assert!(server.arrived.try_recv().is_err(), "{path} was sent again");
    }
    assert_eq!(get(&upstream, "/").await.unwrap(), ("{}".to_owned(), true), "the connection goes on");
}

#[tokio::test]
async fn an_upstream_that_says_goodbye_finishes_and_gets_a_new_connection() {
    let authority = Authority::new("ours");
    let server = Server::start(authority.server("localhost")).await;
    let upstream = Arc::new(server.upstream(&authority));
    let gated = Arc::clone(&upstream);
    get(&upstream, "/").await.unwrap();
    let under_way = tokio::spawn(async move { get(&gated, "/gated").await });
    get(&upstream, "/goodbye").await.unwrap();
    // the goodbye and its echo take a few turns
    while server.connections() == 1 {
        get(&upstream, "/").await.unwrap();
    }
    server.gate.add_permits(1);
    assert_eq!(under_way.await.unwrap().unwrap().0, "{}");
    assert!(get(&upstream, "/").await.unwrap().1);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn interim_answers_are_bounded() {
    let authority = Authority::new("ours");
    let server = Server::start(authority.server("localhost")).await;
    let upstream = server.upstream(&authority);
    for _ in 0..3 {
        assert_eq!(get(&upstream, "/interim?16").await.unwrap().0, "{}");
    }
    assert_eq!(server.connections(), 1);
    for hints in [17, 10_000] {
        let (error, _) = get(&upstream, &format!("/interim?{hints}")).await.unwrap_err();
        assert_eq!(error, Unreachable::InterimResponses.into(), "{hints}");
    }
}

#[tokio::test]
async fn an_upstream_without_it_is_spoken_to_in_http_1() {
    let authority = Authority::new("ours");
    let recorder = Recorder::tls(authority.http1_server("localhost"), |_| Reply::json(200, "{}")).await;
    let settings = Settings { ca_file: Some(authority.file().to_owned()), ..upstream_settings() };
    let origin = Origin::new(true, "localhost", recorder.address().port()).unwrap();
    let upstream = UpstreamClient::new(UpstreamConnector::new(origin, &settings).unwrap());
    assert_eq!(get(&upstream, "/v1/users").await.unwrap().0, "{}");
    assert_eq!(recorder.request().await.line(), "GET /v1/users HTTP/1.1");
}
