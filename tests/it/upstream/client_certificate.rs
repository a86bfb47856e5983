//! The gateway's certificate towards the upstream: presented, reloaded, and kept in force while its files are broken.

use crate::support::authority::Authority;
use crate::support::client::Client;
use crate::support::program::Program;
use crate::support::proxy::upstream_settings;
use crate::support::recorder::{Recorder, Reply};
use http::Request;
use portcullis::config::gateway::{ClientCertificateFiles, UpstreamConfig as Settings};
use portcullis::upstream::{Origin, UpstreamBody, UpstreamClient, UpstreamConnector};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// A server of `authority` for localhost, which takes clients of `clients` only.
fn server(authority: &Authority, clients: &Authority) -> TlsAcceptor {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(clients.file()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let (certificate, key) = authority.issue(&["localhost"]);
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_client_cert_verifier(verifier);
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
}

fn write(folder: &Path, (certificate, key): &(String, String)) {
    std::fs::write(folder.join("client.crt"), certificate).unwrap();
    std::fs::write(folder.join("client.key"), key).unwrap();
}

fn connector(recorder: &Recorder, authority: &Authority, folder: Option<&Path>) -> UpstreamConnector {
    let client = folder.map(|folder| ClientCertificateFiles {
        certificate_file: folder.join("client.crt"),
        private_key_file: folder.join("client.key"),
    });
    let settings = Settings { ca_file: Some(authority.file().to_owned()), client, ..upstream_settings() };
    UpstreamConnector::new(Origin::new(true, "localhost", recorder.address().port()).unwrap(), &settings).unwrap()
}

/// Whether a request on a new connection gets a response.
async fn is_served(connector: &UpstreamConnector) -> bool {
    let request = Request::get("/v1/users").body(UpstreamBody::Empty).unwrap();
    UpstreamClient::new(connector.clone()).send(request).await.is_ok()
}

#[tokio::test]
async fn the_certificate_is_presented_and_reloaded() {
    let (authority, clients, strangers) = (Authority::new("ours"), Authority::new("clients"), Authority::new("others"));
    let recorder = Recorder::tls(server(&authority, &clients), |_| Reply::json(200, "{}")).await;
    assert!(!is_served(&connector(&recorder, &authority, None)).await, "the upstream asks for one");
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &strangers.issue(&["gateway"]));
    let connector = connector(&recorder, &authority, Some(folder.path()));
    assert!(!is_served(&connector).await);
    assert!(!connector.reload_tls().unwrap(), "nothing changed");

    let ours = clients.issue(&["gateway"]);
    write(folder.path(), &ours);
    assert!(connector.reload_tls().unwrap());
    assert!(is_served(&connector).await);
    // half of a new pair is no pair
    std::fs::write(folder.path().join("client.crt"), clients.issue(&["gateway"]).0).unwrap();
    let error = connector.reload_tls().unwrap_err().to_string();
    assert!(error.contains("`upstream.clientPrivateKeyFile` has the key of another certificate"), "{error}");
    assert!(is_served(&connector).await, "the previous pair stays in force");
    assert!(!connector.reload_tls().unwrap(), "an error is returned once");
}

#[tokio::test]
async fn a_running_gateway_takes_a_new_certificate_by_itself() {
    let (authority, clients, strangers) = (Authority::new("ours"), Authority::new("clients"), Authority::new("others"));
    let recorder = Recorder::tls(server(&authority, &clients), |_| Reply::json(200, "{}")).await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &strangers.issue(&["gateway"]));
    let file = folder.path().join("gateway.yaml");
    let (port, ca) = (recorder.address().port(), authority.file().display());
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\npolicies: []\n\
         upstream:\n  url: https://localhost:{port}\n  caFile: {ca}\n  clientCertificateFile: client.crt\n  \
         clientPrivateKeyFile: client.key\n"
    );
    std::fs::write(&file, text).unwrap();
    let mut program = Program::start(&file, &[]).await;
    assert_eq!(Client::connect(program.listen).await.get("/v1/users").await.status(), 502);
    write(folder.path(), &clients.issue(&["gateway"]));
    program.stderr.line("certificate reloaded").await;
    assert_eq!(Client::connect(program.listen).await.get("/v1/users").await.status(), 200);
    let metrics = Client::connect(program.admin).await.get("/metrics").await.text().to_owned();
    let expected = "portcullis_certificate_expiry_timestamp_seconds{certificate=\"upstream.clientCertificateFile\"";
    assert!(metrics.contains(expected), "{metrics}");
}
