//! HTTP/2 by a real client: judged as HTTP/1.1 is, forwarded byte for byte, drained, bounded.

use crate::support::authority::Authority;
use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup, head, json};
use crate::support::recorder::{Recorder, Reply};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis::config::gateway::TlsFiles as Files;
use portcullis::server::{BoundListener, ReloadableTls, listen};
use rustls::pki_types::ServerName;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const FORBIDDEN: &str = r#"{"skip_password_checks":true}"#;
const ALLOWED: &str = "{\"first_name\": \"Ada\\u00e9\",  \"last_name\":null}";

type Sender = SendRequest<Full<Bytes>>;

async fn speak<T>(stream: T) -> (Sender, JoinHandle<hyper::Result<()>>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    (sender, tokio::spawn(connection))
}

/// A client with prior knowledge of HTTP/2.
async fn connect(gateway: &Gateway) -> Sender {
    speak(TcpStream::connect(gateway.address).await.unwrap()).await.0
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(format!("http://gateway{path}"));
    request = request.header("authorization", "Bearer sk_live_portcullis");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::from(body.to_owned())).unwrap()
}

fn patch(body: &str) -> Request<Full<Bytes>> {
    request("PATCH", "/v1/users/user_1", &[("content-type", "application/json")], body)
}

async fn ask(sender: &mut Sender, request: Request<Full<Bytes>>) -> (u16, HeaderMap, String) {
    let answer: Response<_> = sender.send_request(request).await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn what_is_allowed_is_forwarded_byte_for_byte_and_what_is_forbidden_is_not() {
    let upstream = Recorder::answering(200, "{\"id\":\"user_1\"}").await;
    let mut gateway = Setup::before(upstream.address()).start();
    let mut sender = connect(&gateway).await;
    let (status, headers, body) = ask(&mut sender, patch(FORBIDDEN)).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (422, "application/json"));
    assert!(body.contains("gateway_policy_denied"), "{body}");
    let (status, _, body) = ask(&mut sender, patch(ALLOWED)).await;
    assert_eq!((status, body.as_str()), (200, "{\"id\":\"user_1\"}"));
    let forwarded = upstream.request().await;
    assert_eq!(forwarded.line(), "PATCH /v1/users/user_1 HTTP/1.1");
    assert_eq!(forwarded.body, ALLOWED.as_bytes());
    assert_eq!(forwarded.header("content-length"), [ALLOWED.len().to_string()]);
    assert_eq!(forwarded.header("host"), [upstream.address().to_string()]);
    assert!(forwarded.header("transfer-encoding").is_empty());
    assert_eq!(upstream.seen(), 1);
    assert_eq!(gateway.line().await["status"], 422);
}

#[tokio::test]
async fn over_tls_it_is_agreed_on_by_alpn() {
    let authority = Authority::new("ours");
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.issue(&["localhost"]);
    let files = Files {
        certificate_file: folder.path().join("tls.crt"),
        private_key_file: folder.path().join("tls.key"),
        client_ca_file: None,
        client_crl_file: None,
    };
    std::fs::write(&files.certificate_file, certificate).unwrap();
    std::fs::write(&files.private_key_file, key).unwrap();
    let tls = Arc::new(ReloadableTls::load(&files).unwrap());
    let upstream = Recorder::answering(200, "{}").await;
    let listener = BoundListener::tls(listen(([127, 0, 0, 1], 0).into()).unwrap(), tls);
    let gateway = Setup::before(upstream.address()).start_on(listener);
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let by = authority.client(&["h2", "http/1.1"], None);
    let stream = by.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (mut sender, _) = speak(stream).await;
    assert_eq!(ask(&mut sender, patch(FORBIDDEN)).await.0, 422);
    let over_tls = Request::from_parts(
        Request::patch("https://gateway/v1/users/user_1")
            .header("content-type", "application/json")
            .body(())
            .unwrap()
            .into_parts()
            .0,
        Full::from(ALLOWED),
    );
    assert_eq!(ask(&mut sender, over_tls).await.0, 200);
    assert_eq!(upstream.request().await.body, ALLOWED.as_bytes());
}

/// Method, path, headers and body.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);

/// Whoever speaks another version must not get another judgement.
#[tokio::test]
async fn both_versions_are_refused_alike() {
    let upstream = Recorder::answering(200, "{}").await;
    let gateway = Setup::before(upstream.address()).start();
    let mut sender = connect(&gateway).await;
    let json_type = ("content-type", "application/json");
    let table: [Case<'_>; 17] = [
        ("PATCH", "/v1/users/user_1", &[json_type], ALLOWED),
        ("PATCH", "/v1/users/user_1", &[json_type], FORBIDDEN),
        ("PATCH", "/v1/users/user_1", &[json_type], r#"{"skip_password_checks":false,"skip_password_checks":true}"#),
        ("PATCH", "/v1/users/user_1", &[json_type], r#"{"first_name":1}"#),
        ("PATCH", "/v1/users/user_1", &[json_type], "{"),
        ("PATCH", "/v1/users/user_1", &[json_type, json_type], FORBIDDEN),
        ("PATCH", "/v1/users/user_1", &[("content-type", "text/plain")], FORBIDDEN),
        ("PATCH", "/v1/users/user_1", &[json_type, ("content-encoding", "gzip")], FORBIDDEN),
        ("PATCH", "/v1/users/user_1", &[json_type, ("x-http-method-override", "PUT")], ALLOWED),
        ("PATCH", "/v1/users/user_1?a=b", &[json_type], ALLOWED),
        ("PATCH", "/v1/users/user_1/", &[json_type], FORBIDDEN),
        ("PATCH", "/v1/users/%75ser_1", &[json_type], FORBIDDEN),
        ("PATCH", "/v1/x/../users/user_1", &[json_type], FORBIDDEN),
        ("PUT", "/v1/users/user_1", &[json_type], FORBIDDEN),
        ("patch", "/v1/users/user_1", &[json_type], FORBIDDEN),
        ("TRACE", "/v1/users/user_1", &[], ""),
        ("GET", "/v1/users/user_1", &[json_type], FORBIDDEN),
    ];
    for (method, path, headers, body) in table {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = format!("content-length: {}\r\n{lines}", body.len());
        let mut client = Client::connect(gateway.address).await;
        client.send([head(&format!("{method} {path}"), &length).as_bytes(), body.as_bytes()].concat()).await;
        let one = client.answer().await.expect("an answer");
        let (status, fields, text) = ask(&mut sender, request(method, path, headers, body)).await;
        assert_eq!(status, one.status(), "{method} {path} {headers:?} {body}: {text}");
        let reason = |decision: Option<&str>| decision.map(|it| it.split("; id=").next().unwrap().to_owned());
        let two = fields.get("portcullis-decision").map(|it| it.to_str().unwrap());
        assert_eq!(reason(two), reason(one.header("portcullis-decision")), "{method} {path} {headers:?} {body}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_inspected_streams_and_cookies_become_one_field() {
    let upstream = Recorder::answering(200, "{}").await;
    let gateway = Setup::before(upstream.address()).start();
    let mut sender = connect(&gateway).await;
    let body = "x".repeat(300_000);
    let headers = [("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers")];
    assert_eq!(ask(&mut sender, request("POST", "/v1/users/user_1/profile_image", &headers, &body)).await.0, 200);
    let forwarded = upstream.request().await;
    assert_eq!(forwarded.body.len(), body.len());
    assert_eq!(forwarded.header("cookie"), ["a=1; b=2"]);
    assert!(forwarded.header("te").is_empty());
}

#[tokio::test]
async fn requests_at_once_are_bounded_as_on_any_connection() {
    let upstream = Recorder::start(|_| Reply::Nothing).await;
    let mut setup = Setup::before(upstream.address());
    setup.limits.in_flight = 1;
    let gateway = setup.start();
    let mut sender = connect(&gateway).await;
    let waiting = tokio::spawn(sender.send_request(patch(ALLOWED)));
    upstream.request().await;
    let (status, headers, _) = ask(&mut sender, patch(ALLOWED)).await;
    assert_eq!((status, headers["retry-after"].to_str().unwrap()), (429, "1"));
    waiting.abort();
}

#[tokio::test]
async fn a_request_that_the_client_gives_up_leaves_the_upstream_too() {
    let upstream = Recorder::start(|request| match request.line() {
        "PATCH /v1/users/user_1 HTTP/1.1" => Reply::Nothing,
        _ => Reply::json(200, "{}"),
    })
    .await;
    let mut setup = Setup::before(upstream.address());
    setup.limits.in_flight = 1;
    let gateway = setup.start();
    let mut sender = connect(&gateway).await;
    let waiting = tokio::spawn(sender.send_request(patch(ALLOWED)));
    upstream.request().await;
    waiting.abort();
    // it counts as under way until it is gone
    while ask(&mut sender, request("GET", "/v1/users", &[], "")).await.0 != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_body_too_large_ends_nothing_but_its_request() {
    let upstream = Recorder::answering(200, "{}").await;
    let gateway = Setup::before(upstream.address()).start();
    let mut sender = connect(&gateway).await;
    let large = format!("{{\"first_name\":\"{}\"}}", "x".repeat(300_000));
    assert_eq!(ask(&mut sender, patch(&large)).await.0, 413);
    assert_eq!(ask(&mut sender, patch(ALLOWED)).await.0, 200);
    let one = gateway.ask(json("PATCH /v1/users/user_1", "", &large)).await;
    assert_eq!(one.status(), 413);
}
