//! Refused TLS handshakes: what an operator sees of a client that cannot connect.

use crate::support::authority::Authority;
use crate::support::client::Client;
use crate::support::program::Program;
use rustls::pki_types::ServerName;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A folder with a gateway that requires certificates of `authority`, without those of the serial 7.
fn folder(authority: &Authority) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.issue(&["localhost"]);
    let settings = "apiVersion: portcullis/v1\nkind: Gateway\npolicies: []\nupstream: { url: embedded }\n\
        admin: { listen: 127.0.0.1:0 }\nlimits: { headerTimeout: 1s }\nworkers: 2\nlisten:\n- address: 127.0.0.1:0\n  \
        tls: { certificateFile: tls.crt, privateKeyFile: tls.key, clientCaFile: ca.crt, clientCrlFile: ca.crl }\n";
    let authorities = fs::read_to_string(authority.file()).unwrap();
    for (name, text) in [
        ("gateway.yaml", settings),
        ("tls.crt", &certificate),
        ("tls.key", &key),
        ("ca.crt", &authorities),
        ("ca.crl", &authority.revocations(&[7])),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::set_permissions(folder.path().join("tls.key"), Permissions::from_mode(0o600)).unwrap();
    folder
}

/// Tries to connect, and reads until the gateway closes.
async fn try_by(program: &Program, by: &TlsConnector) {
    let stream = TcpStream::connect(program.listen).await.unwrap();
    if let Ok(mut stream) = by.connect(ServerName::try_from("localhost").unwrap(), stream).await {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
}

async fn send(program: &Program, bytes: &[u8]) {
    let mut stream = TcpStream::connect(program.listen).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

async fn count(program: &Program, reason: &str) -> u64 {
    let metrics = Client::connect(program.admin).await.get("/metrics").await.text().to_owned();
    let series = format!("portcullis_tls_handshakes_refused_total{{reason=\"{reason}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
    line.unwrap_or_else(|| panic!("no `{series}` in\n{metrics}")).parse().unwrap()
}

/// Each reason leaves a line with the address of the client, and is counted; a second handshake within the minute leaves none.
#[tokio::test]
async fn each_reason_leaves_one_line_and_is_counted() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let folder = folder(&ours);
    let mut program = Program::start(&folder.path().join("gateway.yaml"), &[]).await;
    let named = |authority: &Authority, serial| authority.issue_numbered(&["a.internal"], serial);
    let certificates = [
        ("no_client_certificate", None),
        ("unknown_authority", Some(named(&theirs, 8))),
        ("certificate_expired", Some(ours.issue_expired(&["a.internal"]))),
        ("certificate_revoked", Some(named(&ours, 7))),
    ];
    for (reason, identity) in certificates {
        let by = ours.client(&[], identity.as_ref());
        for _ in 0..3 {
            try_by(&program, &by).await;
        }
        refused(&mut program, reason, 3).await;
    }
    // a client that does not trust the gateway; one of other protocols; plain text; what only begins as TLS does; half a handshake
    try_by(&program, &theirs.client(&[], None)).await;
    refused(&mut program, "client_alert", 1).await;
    try_by(&program, &ours.client(&["smtp"], None)).await;
    refused(&mut program, "no_common_protocol", 1).await;
    for (bytes, reason) in [
        (&b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..], "plaintext_on_tls"),
        (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "malformed"),
        (b"\x16\x03\x01\x02", "timeout"),
    ] {
        send(&program, bytes).await;
        refused(&mut program, reason, 1).await;
    }
    let mut stream = TcpStream::connect(program.listen).await.unwrap();
    stream.write_all(b"\x16\x03\x01\x02").await.unwrap();
    drop(stream);
    refused(&mut program, "closed", 1).await;
    program.signal("TERM");
    let log = program.ended().await.stderr;
    assert_eq!(log.matches("a TLS handshake was refused").count(), 10, "one for each reason: {log}");
}

/// Waits for the line of this reason, and for the count.
async fn refused(program: &mut Program, reason: &str, times: u64) {
    let line = program.stderr.line(&format!("\"reason\":\"{reason}\"")).await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["level"], &line["client_address"]), (&"WARN".into(), &"127.0.0.1".into()), "{line}");
    while count(program, reason).await < times {
        tokio::task::yield_now().await;
    }
    assert_eq!(count(program, reason).await, times, "{reason}");
}

#[tokio::test]
async fn tls_on_a_listener_without_it_leaves_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.yaml");
    let text = "apiVersion: portcullis/v1\nkind: Gateway\npolicies: []\nupstream: { url: embedded }\n\
        listen: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\n";
    fs::write(&file, text).unwrap();
    let mut program = Program::start(&file, &[]).await;
    try_by(&program, &Authority::new("ours").client(&[], None)).await;
    refused(&mut program, "tls_on_plaintext", 1).await;
}
