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
use portcullis::telemetry::record::UnsentCause;
use portcullis::upstream::{
    Failed, Origin, Unreachable, UpstreamBody, UpstreamClient, UpstreamConnector, UpstreamError,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;

/// A request as it arrived.
struct Arrived {
    request: Request<()>,
    body: Vec<u8>,
}

/// An upstream that does what the path says: `/refused` and `/required` reset the stream unprocessed, `/reset` after it was processed, `/short?N` sends fewer bytes than its length in N parts,
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
    let Ok(mut stream) = tls.accept(stream).await else { return };
    if stream.get_ref().1.alpn_protocol() == Some(b"http/1.1") {
        let mut head = [0; 4096];
        let read = stream.read(&mut head).await.unwrap();
        let request = String::from_utf8_lossy(&head[..read]);
        assert!(request.starts_with("PATCH /required HTTP/1.1\r\n") && request.ends_with("{}"), "{request}");
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        return;
    }
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
    if let "/refused" | "/required" = &*path {
        let _ = arrived.send(Arrived { request: Request::from_parts(head, ()), body: Vec::new() });
        let is_refused = path == "/refused";
        return answer.send_reset(if is_refused { Reason::REFUSED_STREAM } else { Reason::HTTP_1_1_REQUIRED });
    }
    if path == "/short" {
        let response = Response::builder().header("content-length", 20).body(()).unwrap();
        let mut body = answer.send_response(response, hints == 0).unwrap();
        for part in 1..=hints {
            // apart, so that the first is not read with the last
            gate.acquire().await.unwrap().forget();
            body.send_data(Bytes::from_static(b"{}"), part == hints).unwrap();
        }
        return;
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
    let (error, call) = get(&upstream, "/reset").await.unwrap_err();
    assert_eq!((error, call.status), (UpstreamError::Unreachable(Unreachable::BrokenOff), None));
    assert_eq!(server.arrived.recv().await.unwrap().request.uri().path(), "/reset");
    assert!(server.arrived.try_recv().is_err(), "it was sent again");
    assert_eq!(get(&upstream, "/").await.unwrap(), ("{}".to_owned(), true), "the connection goes on");
}

#[tokio::test]
async fn a_refused_stream_is_sent_once_more_on_a_new_connection() {
    let authority = Authority::new("ours");
    let mut server = Server::start(authority.server("localhost")).await;
    let upstream = server.upstream(&authority);
    for connections in [2, 3] {
        let (error, call) = get(&upstream, "/refused").await.unwrap_err();
        assert_eq!(error, UpstreamError::Unreachable(Unreachable::BrokenOff), "refused twice");
        assert_eq!(call.unsent.map(|unsent| unsent.cause), Some(UnsentCause::RefusedStream));
        assert_eq!(server.connections(), connections);
        for _ in 0..2 {
            assert_eq!(server.arrived.recv().await.unwrap().request.uri().path(), "/refused");
        }
        assert!(server.arrived.try_recv().is_err(), "it was sent a third time");
    }
}

#[tokio::test]
async fn an_upstream_that_requires_http_1_gets_the_request_by_it() {
    let authority = Authority::new("ours");
    let server = Server::start(authority.server("localhost")).await;
    let upstream = server.upstream(&authority);
    let request = Request::patch("/required").body(UpstreamBody::Buffered(Full::from("{}"))).unwrap();
    let (answer, call) = upstream.send(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), call.protocol_version), (200, Some("1.1")));
    let unsent = call.unsent.expect("an attempt before");
    assert_eq!((unsent.cause, unsent.protocol_version), (UnsentCause::Http1Required, Some("2")));
}

/// Answers the first connection's request by a GOAWAY that ends before it, with a code.
async fn going_away(tls: TlsAcceptor, code: u8) -> (SocketAddr, UnboundedReceiver<Arrived>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, arrived) = unbounded_channel();
    tokio::spawn(async move {
        let mut stream = tls.accept(listener.accept().await.unwrap().0).await.unwrap();
        // no settings, and after the request: the last stream is 0
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
        while !received.ends_with(b"{\"a\": 1}") {
            let read = stream.read(&mut buffer).await.unwrap();
            received.extend_from_slice(&buffer[..read]);
        }
        stream.write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, code]).await.unwrap();
        let (next, _) = listener.accept().await.unwrap();
        converse(tls, next, Arc::new(Semaphore::new(0)), sender).await;
        drop(stream);
    });
    (address, arrived)
}

#[tokio::test]
async fn a_goodbye_before_a_request_has_it_sent_once_more() {
    let authority = Authority::new("ours");
    for code in [0, 11] {
        let (address, mut arrived) = going_away(authority.server("localhost"), code).await;
        let settings = Settings { ca_file: Some(authority.file().to_owned()), ..upstream_settings() };
        let origin = Origin::new(true, "localhost", address.port()).unwrap();
        let upstream = UpstreamClient::new(UpstreamConnector::new(origin, &settings).unwrap());
        let body = UpstreamBody::Buffered(Full::from("{\"a\": 1}"));
        let request = Request::patch("/").header("x-kept", "yes").body(body).unwrap();
        let (answer, call) = upstream.send(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), call.reused), (200, false));
        assert_eq!(call.unsent.map(|unsent| unsent.cause), Some(UnsentCause::GoneAway), "code {code}");
        let Arrived { request, body } = arrived.recv().await.unwrap();
        assert_eq!((&request.headers()["x-kept"], body.as_slice()), (&"yes".parse().unwrap(), &b"{\"a\": 1}"[..]));
    }
}

#[tokio::test]
async fn a_response_shorter_than_its_length_is_refused() {
    let authority = Authority::new("ours");
    let server = Server::start(authority.server("localhost")).await;
    let upstream = server.upstream(&authority);
    server.gate.add_permits(1);
    for (path, expected) in [("/short?0", Unreachable::Garbage), ("/short?1", Unreachable::ShortBody)] {
        let (error, _) = get(&upstream, path).await.unwrap_err();
        assert_eq!(error, expected.into(), "{path}");
    }
    server.gate.add_permits(1);
    let request = Request::get("/short?2").body(UpstreamBody::Empty).unwrap();
    let (answer, _) = upstream.send(request).await.unwrap();
    server.gate.add_permits(1);
    assert!(answer.into_body().collect().await.is_err(), "the part was sent on, so that it breaks off");
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
