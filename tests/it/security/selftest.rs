//! The corpus against this gateway, against a proxy that forwards bytes, and against a gateway that denies everything.

use crate::support::authority::Authority;
use crate::support::gateway::{Setup, text};
use portcullis::config::gateway::TlsFiles as Files;
use portcullis::selftest::{CaseProtocol, Recording, SelftestReport, Target, run};
use portcullis::server::{BoundListener, ReloadableTls, listen};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

async fn recording() -> Recording {
    Recording::listen(([127, 0, 0, 1], 0).into()).await.unwrap()
}

/// With the shipped limits that the corpus counts on, too.
fn limited(upstream: &Recording) -> Setup {
    let mut setup = Setup::before(upstream.address());
    let file = "policies/limit-bulk-changes.yaml";
    setup.policies.push(text(file, &std::fs::read_to_string(file).unwrap()));
    setup
}

async fn report(gateway: SocketAddr, upstream: &Recording) -> SelftestReport {
    run(&Target::new(&format!("http://{gateway}"), None).unwrap(), upstream).await.unwrap()
}

#[tokio::test]
async fn nothing_gets_through_this_gateway_that_must_not() {
    let upstream = recording().await;
    let gateway = limited(&upstream).start();
    let report = report(gateway.address, &upstream).await;
    assert!(report.is_clean() && report.odd.is_empty(), "{report}");
    assert_eq!(report.protocols, [CaseProtocol::Http1, CaseProtocol::Http2]);
}

#[tokio::test]
async fn nothing_gets_through_it_over_tls_either() {
    let (upstream, authority, folder) = (recording().await, Authority::new("ours"), tempfile::tempdir().unwrap());
    let (certificate, key) = authority.issue(&["127.0.0.1"]);
    let files = Files {
        certificate_file: folder.path().join("tls.crt"),
        private_key_file: folder.path().join("tls.key"),
        client_ca_file: None,
        client_crl_file: None,
    };
    std::fs::write(&files.certificate_file, certificate).unwrap();
    std::fs::write(&files.private_key_file, key).unwrap();
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = BoundListener::tls(listener, Arc::new(ReloadableTls::load(&files).unwrap()));
    let gateway = limited(&upstream).start_on(listener);
    let target = Target::new(&format!("https://{}", gateway.address), Some(authority.file())).unwrap();
    let report = run(&target, &upstream).await.unwrap();
    assert!(report.is_clean() && report.odd.is_empty(), "{report}");
    assert_eq!(report.protocols, [CaseProtocol::Http1, CaseProtocol::Http2]);
    let stranger = Target::new(&format!("https://{}", gateway.address), Some(Authority::new("other").file())).unwrap();
    let report = run(&stranger, &upstream).await.unwrap();
    assert_eq!(report.broken.len(), report.controls, "a gateway that is not trusted is not asked");
}

#[tokio::test]
async fn a_proxy_of_bytes_lets_the_attacks_through_and_breaks_nothing() {
    let upstream = recording().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, behind) = (listener.local_addr().unwrap(), upstream.address());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(behind).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    let report = report(address, &upstream).await;
    let attacks = report.cases - report.controls;
    assert!(report.holes.len() * 10 > attacks * 9, "{report}");
    assert!(report.broken.iter().all(|finding| finding.what.contains("upgrade")), "{report}");
}

#[tokio::test]
async fn a_gateway_that_denies_everything_is_no_good_either() {
    let upstream = recording().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
                let _ = client.shutdown().await;
                while matches!(client.read(&mut [0; 8192]).await, Ok(read) if read > 0) {}
            });
        }
    });
    let report = report(address, &upstream).await;
    assert!(!report.is_clean());
    let document = serde_json::to_value(&report).unwrap();
    assert_eq!(document["broken"][0]["what"], "answered 403");
    assert!(document["broken"][0]["case"].as_str().unwrap().starts_with("controls/"));
    assert_eq!((report.holes.len(), report.broken.len()), (0, report.controls), "{report}");
}
