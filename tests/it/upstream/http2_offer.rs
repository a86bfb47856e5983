//! `upstream.http2`: which versions of HTTP a connection offers by ALPN, and which one requests are sent by.

use crate::support::authority::Authority;
use crate::support::proxy::upstream_settings;
use crate::support::recorder::{Recorder, Reply};
use http::Request;
use http_body_util::BodyExt as _;
use portcullis::config::gateway::{UpstreamConfig as Settings, UpstreamHttp2};
use portcullis::upstream::{Origin, UpstreamBody, UpstreamClient, UpstreamConnector};
use rustls::server::Acceptor;
use tokio::net::TcpListener;
use tokio_rustls::LazyConfigAcceptor;

fn upstream(port: u16, http2: UpstreamHttp2, trusted: &Authority) -> UpstreamClient {
    let settings = Settings { ca_file: Some(trusted.file().to_owned()), http2, ..upstream_settings() };
    let origin = Origin::new(true, "localhost", port).unwrap();
    UpstreamClient::new(UpstreamConnector::new(origin, &settings).unwrap())
}

/// The protocols in the hello of a new connection.
async fn offered(http2: UpstreamHttp2) -> Vec<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = Authority::new("ours");
    let upstream = upstream(listener.local_addr().unwrap().port(), http2, &authority);
    let hello = async {
        let (stream, _) = listener.accept().await.unwrap();
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await.unwrap();
        let protocols = start.client_hello().alpn().expect("an offer").map(<[u8]>::to_vec).collect::<Vec<_>>();
        protocols.into_iter().map(|protocol| String::from_utf8(protocol).unwrap()).collect()
    };
    let request = Request::get("/v1/users").body(UpstreamBody::Empty).unwrap();
    // the handshake ends with the hello, and the request with an error
    let (_, protocols) = tokio::join!(upstream.send(request), hello);
    protocols
}

#[tokio::test]
async fn http2_is_offered_as_it_is_configured() {
    assert_eq!(offered(UpstreamHttp2::Auto).await, ["h2", "http/1.1"]);
    assert_eq!(offered(UpstreamHttp2::Never).await, ["http/1.1"]);
}

#[tokio::test]
async fn never_is_http_1_also_where_the_server_has_both() {
    let authority = Authority::new("ours");
    // its certificate's acceptor prefers HTTP/2
    let recorder = Recorder::tls(authority.server("localhost"), |_| Reply::json(200, "{}")).await;
    let upstream = upstream(recorder.address().port(), UpstreamHttp2::Never, &authority);
    for is_reused in [false, true] {
        let request = Request::get("/v1/users").body(UpstreamBody::Empty).unwrap();
        let (response, call) = upstream.send(request).await.unwrap();
        assert_eq!((call.protocol_version, call.reused), (Some("1.1"), is_reused));
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "{}");
        assert_eq!(recorder.request().await.line(), "GET /v1/users HTTP/1.1");
    }
    assert_eq!(recorder.connections(), 1);
}
