//! Egress through a proxy: CONNECT, TLS end to end, and a name for each way in which it fails.

use crate::support::authority::Authority;
use crate::support::client::Client;
use crate::support::closed_port::ClosedPort;
use crate::support::connect_proxy::ConnectProxy;
use crate::support::program::Program;
use crate::support::proxy::upstream_settings;
use crate::support::recorder::{Recorder, Reply};
use http::Request;
use http_body_util::BodyExt as _;
use portcullis::config::gateway::{ProxySource, UpstreamConfig as Settings, UpstreamProxy};
use portcullis::telemetry::record::UnconnectedCause;
use portcullis::transport::{EgressProxy, TunnelError};
use portcullis::upstream::{
    CertificateFault, Failed, Origin, ProxyFault, Unreachable, UpstreamBody, UpstreamClient, UpstreamConnector,
    UpstreamError,
};
use std::net::SocketAddr;
use std::time::Duration;

/// A name that only the proxy knows.
const HOST: &str = "api.clerk.invalid";
/// `user:hunter2`, as it is sent.
const CREDENTIALS: &str = "Basic dXNlcjpodW50ZXIy";

fn through(proxy: SocketAddr, trusted: &Authority) -> UpstreamClient {
    through_url(&format!("http://user:hunter2@{proxy}"), trusted, Duration::from_secs(10))
}

fn through_url(url: &str, trusted: &Authority, connect_timeout: Duration) -> UpstreamClient {
    let proxy = EgressProxy::parse(url).unwrap();
    let settings = Settings {
        ca_file: Some(trusted.file().to_owned()),
        proxy: Some(UpstreamProxy { proxy, source: ProxySource::Key }),
        connect_timeout,
        ..upstream_settings()
    };
    UpstreamClient::new(UpstreamConnector::new(Origin::new(true, HOST, 443).unwrap(), &settings).unwrap())
}

/// Sends a request and reads the response to its end, without which its connection is not kept.
async fn get(upstream: &UpstreamClient) -> Result<Option<SocketAddr>, Failed> {
    let request = Request::get("/v1/users").header("authorization", "Bearer sk_live_canary");
    let (response, call) = upstream.send(request.body(UpstreamBody::Empty).unwrap()).await?;
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "{}");
    Ok(call.peer)
}

async fn failure(upstream: &UpstreamClient) -> (UpstreamError, Option<UnconnectedCause>) {
    let (error, call) = get(upstream).await.unwrap_err();
    (error, call.unconnected)
}

async fn recorder(authority: &Authority, host: &str) -> Recorder {
    Recorder::tls(authority.http1_server(host), |_| Reply::json(200, "{}")).await
}

#[tokio::test]
async fn tls_goes_through_the_proxy_end_to_end() {
    let authority = Authority::new("ours");
    let recorder = recorder(&authority, HOST).await;
    let proxy = ConnectProxy::to(recorder.address()).await;
    let upstream = through(proxy.address(), &authority);
    for _ in 0..3 {
        assert_eq!(
            get(&upstream).await.unwrap(),
            Some(proxy.address()),
            "the other end of the connection is the proxy"
        );
    }
    let expected =
        format!("CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\nProxy-Authorization: {CREDENTIALS}\r\n\r\n");
    assert_eq!(proxy.requests(), [expected], "one tunnel is kept, and it shows nothing of a request");
    let request = recorder.request().await;
    assert_eq!((recorder.seen(), request.header("host")), (3, vec![HOST]));
    assert!(request.header("proxy-authorization").is_empty(), "the credentials are the proxy's alone");
}

#[tokio::test]
async fn a_proxy_that_is_not_the_upstream_is_not_trusted() {
    let (ours, proxys) = (Authority::new("ours"), Authority::new("the proxy's"));
    let intercepting = recorder(&proxys, HOST).await;
    let proxy = ConnectProxy::to(intercepting.address()).await;
    let (error, cause) = failure(&through(proxy.address(), &ours)).await;
    assert_eq!(error, Unreachable::Certificate(CertificateFault::Untrusted).into());
    assert_eq!((cause, intercepting.seen()), (Some(UnconnectedCause::Certificate), 0));
}

#[tokio::test]
async fn each_refusal_of_the_proxy_has_its_name() {
    let authority = Authority::new("ours");
    for (response, fault, cause) in [
        ("HTTP/1.1 407 No\r\n\r\n", TunnelError::CredentialsRefused, UnconnectedCause::ProxyCredentials),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", TunnelError::Refused(403), UnconnectedCause::ProxyStatus),
        ("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", TunnelError::Garbage, UnconnectedCause::ProxyResponse),
        ("220 mail ESMTP\r\n\r\n", TunnelError::Garbage, UnconnectedCause::ProxyResponse),
    ] {
        let proxy = ConnectProxy::responding(response).await;
        let (error, found) = failure(&through(proxy.address(), &authority)).await;
        assert_eq!(error, Unreachable::Proxy(ProxyFault::Tunnel(fault)).into());
        assert_eq!(found, Some(cause), "{response}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let (authority, closed) = (Authority::new("ours"), ClosedPort::bind());
    let refused = failure(&through(closed.address(), &authority)).await;
    assert_eq!(refused, (Unreachable::Proxy(ProxyFault::Refused).into(), Some(UnconnectedCause::ProxyRefused)));
    let silent = ConnectProxy::responding("").await;
    let silent = through_url(&format!("http://{}", silent.address()), &authority, Duration::from_millis(50));
    let timeout = failure(&silent).await;
    assert_eq!(timeout, (Unreachable::Proxy(ProxyFault::Timeout).into(), Some(UnconnectedCause::ProxyTimeout)));
    let unknown = through_url("http://no-such-proxy.invalid:3128", &authority, Duration::from_secs(10));
    let name = failure(&unknown).await;
    assert_eq!(name, (Unreachable::Proxy(ProxyFault::Name).into(), Some(UnconnectedCause::ProxyName)));
}

/// A configuration with the upstream at [`HOST`], and further keys of `upstream`.
fn configuration(folder: &std::path::Path, authority: &Authority, keys: &str) -> std::path::PathBuf {
    let file = folder.join("gateway.yaml");
    let ca = authority.file().display();
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\npolicies: []\n\
         upstream:\n  url: https://{HOST}\n  caFile: {ca}\n{keys}"
    );
    std::fs::write(&file, text).unwrap();
    file
}

#[tokio::test]
async fn the_proxy_of_the_environment_is_used_and_its_password_shown_nowhere() {
    let (authority, folder) = (Authority::new("ours"), tempfile::tempdir().unwrap());
    let recorder = recorder(&authority, HOST).await;
    let proxy = ConnectProxy::to(recorder.address()).await;
    let variable = ("HTTPS_PROXY", format!("http://user:hunter2@{}", proxy.address()));
    let debug = "logs: { level: trace }\n";
    let program = Program::start(&configuration(folder.path(), &authority, debug), &[variable]).await;
    let response = Client::connect(program.listen).await.get("/v1/users").await;
    assert_eq!(response.status(), 200);
    let mut admin = Client::connect(program.admin).await;
    admin.send("GET /config HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let config = admin.answer().await.unwrap();
    assert!(config.text().contains(&format!("\"proxy\": \"http://{}\"", proxy.address())), "{}", config.text());
    admin.send("GET /status HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let status = admin.answer().await.unwrap();
    let named = format!("\"proxy\": \"http://{} (HTTPS_PROXY)\"", proxy.address());
    assert!(status.text().contains(&named), "{}", status.text());
    program.signal("TERM");
    let ended = program.ended().await;
    assert!(
        ended.stderr.contains(&format!("by proxy     http://{} (HTTPS_PROXY)", proxy.address())),
        "{}",
        ended.stderr
    );
    let all = format!("{} {} {} {}", ended.stdout, ended.stderr, config.text(), status.text());
    assert!(!all.contains("hunter2") && !all.contains(CREDENTIALS), "{all}");
    assert_eq!((proxy.requests().len(), recorder.seen()), (1, 1));
}
