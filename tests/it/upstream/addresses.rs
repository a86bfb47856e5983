//! Several addresses of the upstream: a dead one costs little and once, and a connect timeout is not paid by each request.

use crate::support::proxy::upstream_settings;
use crate::support::recorder::{Recorder, Reply};
use http::Request;
use http_body_util::BodyExt as _;
use portcullis::config::gateway::UpstreamConfig as Settings;
use portcullis::telemetry::record::UnconnectedCause;
use portcullis::upstream::{
    Answered, Failed, Origin, Unreachable, UpstreamBody, UpstreamClient, UpstreamConnector, UpstreamError,
};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// The upstream at `port` of these addresses of this machine, by a name that does not exist.
fn upstream(addresses: &[&str], port: u16, connect_timeout: Duration) -> UpstreamClient {
    let resolve = addresses.iter().map(|address| address.parse::<IpAddr>().unwrap()).collect();
    let settings = Settings { resolve, connect_timeout, ..upstream_settings() };
    let origin = Origin::new(false, "upstream.invalid", port).unwrap();
    UpstreamClient::new(UpstreamConnector::new(origin, &settings).unwrap())
}

async fn get(upstream: &UpstreamClient) -> Result<Answered, Failed> {
    upstream.send(Request::get("/v1/users").body(UpstreamBody::Empty).unwrap()).await
}

/// The error and its cause, and how long it took.
async fn failure(upstream: &UpstreamClient) -> (UpstreamError, Option<UnconnectedCause>, Duration) {
    let clock = Instant::now();
    let (error, call) = get(upstream).await.map(|(response, _)| response.status()).unwrap_err();
    (error, call.unconnected, clock.elapsed())
}

/// A listener whose backlog is full: the kernel drops further connection requests, as a dead host does.
async fn dead(address: SocketAddr) -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(1).unwrap();
    let mut filling = Vec::new();
    while let Ok(Ok(stream)) =
        pingora_timeout::timeout(Duration::from_millis(100), TcpStream::connect(listener.local_addr().unwrap())).await
    {
        filling.push(stream);
    }
    (listener, filling)
}

#[tokio::test]
async fn a_dead_first_address_costs_a_moment_and_only_once() {
    // each response ends its connection, so that each request opens one
    let closing =
        |_: &_| Reply::BytesThenClose(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}".to_vec());
    let recorder = Recorder::start(closing).await;
    let port = recorder.address().port();
    let _dead = dead(SocketAddr::from(([127, 0, 0, 2], port))).await;
    let upstream = upstream(&["127.0.0.2", "127.0.0.1"], port, Duration::from_secs(10));
    for longest in [2_000, 200, 200] {
        let (response, call) = get(&upstream).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "{}");
        assert_eq!((call.peer, call.reused), (Some(recorder.address()), false));
        let connect = call.connect.unwrap();
        assert!(connect < Duration::from_millis(longest), "{connect:?} of {longest} ms");
    }
    // the name is that of the URL
    assert_eq!(recorder.request().await.header("host"), [format!("upstream.invalid:{port}")]);
}

#[tokio::test]
async fn a_connect_timeout_is_not_paid_by_every_request() {
    let (listener, filling) = dead("127.0.0.1:0".parse().unwrap()).await;
    let port = listener.local_addr().unwrap().port();
    let upstream = upstream(&["127.0.0.1"], port, Duration::from_millis(400));
    let timeout = (UpstreamError::from(Unreachable::ConnectTimeout), Some(UnconnectedCause::Timeout));
    let (error, cause, took) = failure(&upstream).await;
    assert!((error, cause) == timeout && took >= Duration::from_millis(400), "{error} {took:?}");
    for _ in 0..10 {
        let (error, cause, took) = failure(&upstream).await;
        assert!((error, cause) == timeout && took < Duration::from_millis(100), "{error} {took:?}");
    }
    drop((listener, filling));
}

#[tokio::test]
async fn an_upstream_that_is_back_is_noticed_at_once() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let upstream = upstream(&["127.0.0.1"], socket.local_addr().unwrap().port(), Duration::from_secs(10));
    for _ in 0..3 {
        let (error, cause, _) = failure(&upstream).await;
        assert_eq!((error, cause), (Unreachable::Refused.into(), Some(UnconnectedCause::Refused)));
    }
    let _recorder = Recorder::on(socket.listen(16).unwrap(), None, |_| Reply::json(200, "{}"));
    // as long as a refusal takes
    pingora_timeout::sleep(Duration::from_millis(100)).await;
    assert_eq!(get(&upstream).await.unwrap().0.status(), 200);
}

#[tokio::test]
async fn an_address_that_fails_after_it_accepted_is_tried_last() {
    use crate::support::authority::Authority;
    let authority = Authority::new("ours");
    let recorder = Recorder::tls(authority.http1_server("upstream.invalid"), |_| Reply::json(200, "{}")).await;
    let port = recorder.address().port();
    let broken = TcpListener::bind(SocketAddr::from(([127, 0, 0, 2], port))).await.unwrap();
    let accepting = tokio::spawn(async move { while broken.accept().await.is_ok() {} });
    let settings = Settings {
        resolve: vec![[127, 0, 0, 2].into(), [127, 0, 0, 1].into()],
        ca_file: Some(authority.file().to_owned()),
        ..upstream_settings()
    };
    let origin = Origin::new(true, "upstream.invalid", port).unwrap();
    let upstream = UpstreamClient::new(UpstreamConnector::new(origin, &settings).unwrap());
    let (error, cause, took) = failure(&upstream).await;
    assert_eq!((error, cause), (Unreachable::BrokenOff.into(), Some(UnconnectedCause::Handshake)));
    pingora_timeout::sleep(took + Duration::from_millis(50)).await;
    assert_eq!(get(&upstream).await.unwrap().1.peer, Some(recorder.address()));
    accepting.abort();
}
