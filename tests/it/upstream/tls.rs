//! TLS to the upstream: the right authority passes, and each fault of a certificate has its own name.

use crate::support::authority::Authority;
use crate::support::proxy::upstream_settings;
use crate::support::recorder::{Recorder, Reply};
use http::Request;
use http_body_util::BodyExt;
use portcullis::config::gateway::UpstreamConfig as Settings;
use portcullis::upstream::{
    CertificateFault, Failed, Origin, Unreachable, UpstreamBody, UpstreamClient, UpstreamConnector,
};
use tokio_rustls::TlsAcceptor;

async fn recorder(tls: TlsAcceptor) -> Recorder {
    Recorder::tls(tls, |_| Reply::json(200, "{}")).await
}

fn upstream(recorder: &Recorder, host: &str, trusted: &Authority) -> UpstreamClient {
    let settings = Settings { ca_file: Some(trusted.file().to_owned()), ..upstream_settings() };
    let origin = Origin::new(true, host, recorder.address().port()).unwrap();
    UpstreamClient::new(UpstreamConnector::new(origin, &settings).unwrap())
}

/// Sends a request and reads the answer to its end, without which its connection is not kept.
async fn get(upstream: &UpstreamClient) -> Result<u16, Failed> {
    let request = Request::get("/v1/users").body(UpstreamBody::Empty).unwrap();
    let (answer, _) = upstream.send(request).await?;
    let status = answer.status().as_u16();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "{}");
    Ok(status)
}

async fn fault(tls: TlsAcceptor, host: &str, trusted: &Authority) -> (CertificateFault, String) {
    let recorder = recorder(tls).await;
    let (error, call) = get(&upstream(&recorder, host, trusted)).await.unwrap_err();
    assert_eq!(recorder.seen(), 0, "a request went to a server that is not verified");
    assert_eq!(call.status, None);
    match error {
        portcullis::upstream::UpstreamError::Unreachable(Unreachable::Certificate(fault)) => (fault, error.to_string()),
        other => panic!("not about the certificate: {other:?}"),
    }
}

#[tokio::test]
async fn the_right_authority_passes_and_the_connection_is_kept() {
    let authority = Authority::new("ours");
    let recorder = recorder(authority.http1_server("localhost")).await;
    let upstream = upstream(&recorder, "localhost", &authority);
    for _ in 0..3 {
        assert_eq!(get(&upstream).await.unwrap(), 200);
    }
    assert_eq!((recorder.seen(), recorder.connections()), (3, 1));
    let host = format!("localhost:{}", recorder.address().port());
    assert_eq!(recorder.request().await.header("host"), [host.as_str()]);
}

#[tokio::test]
async fn an_address_can_be_certified_too() {
    let authority = Authority::new("ours");
    let recorder = recorder(authority.http1_server("127.0.0.1")).await;
    assert_eq!(get(&upstream(&recorder, "127.0.0.1", &authority)).await.unwrap(), 200);
}

#[tokio::test]
async fn another_authority_is_not_trusted() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (fault, message) = fault(theirs.server("localhost"), "localhost", &ours).await;
    assert_eq!(fault, CertificateFault::Untrusted);
    assert!(message.starts_with("the upstream's certificate is not signed by a trusted authority"), "{message}");
}

#[tokio::test]
async fn an_authority_of_the_same_name_is_not_trusted() {
    let (ours, impostor) = (Authority::new("ours"), Authority::new("ours"));
    assert_eq!(fault(impostor.server("localhost"), "localhost", &ours).await.0, CertificateFault::Untrusted);
}

#[tokio::test]
async fn the_authorities_of_the_platform_do_not_vouch_for_ours() {
    let recorder = recorder(Authority::new("ours").server("localhost")).await;
    let origin = Origin::new(true, "localhost", recorder.address().port()).unwrap();
    // an image without any authorities refuses at start, which is as good
    if let Ok(connector) = UpstreamConnector::new(origin, &upstream_settings()) {
        let (error, _) = get(&UpstreamClient::new(connector)).await.unwrap_err();
        assert_eq!(error, Unreachable::Certificate(CertificateFault::Untrusted).into());
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::new("ours");
    let (fault, message) = fault(authority.http1_server("elsewhere.test"), "localhost", &authority).await;
    assert_eq!(fault, CertificateFault::OtherName);
    assert_eq!(message, "the upstream's certificate is not for the host in `upstream.url`");
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let authority = Authority::new("ours");
    let (fault, message) = fault(authority.expired_server("localhost"), "localhost", &authority).await;
    assert_eq!(fault, CertificateFault::Expired);
    assert_eq!(message, "the upstream's certificate has expired");
}

#[tokio::test]
async fn a_certificate_of_the_future_is_refused() {
    let authority = Authority::new("ours");
    let (fault, _) = fault(authority.future_server("localhost"), "localhost", &authority).await;
    assert_eq!(fault, CertificateFault::NotYetValid);
}

#[tokio::test]
async fn a_server_without_tls_fails_the_handshake() {
    let authority = Authority::new("ours");
    let recorder = Recorder::start(|_| Reply::Close).await;
    let refusing = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = refusing.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = refusing.accept().await.unwrap();
        let mut hello = [0; 16];
        stream.read_exact(&mut hello).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    });
    let settings = Settings { ca_file: Some(authority.file().to_owned()), ..upstream_settings() };
    let origin = Origin::new(true, "127.0.0.1", address.port()).unwrap();
    let (error, _) = get(&UpstreamClient::new(UpstreamConnector::new(origin, &settings).unwrap())).await.unwrap_err();
    assert_eq!(error, Unreachable::Handshake.into());
    assert_eq!(recorder.seen(), 0);
}
