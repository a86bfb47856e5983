//! TLS and Unix sockets on the client's side: who may come, what policies learn of them, and files that change.

use crate::support::authority::Authority;
use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup, patch, text};
use crate::support::recorder::Recorder;
use portcullis::config::gateway::TlsFiles as Files;
use portcullis::server::{BoundListener, ReloadableTls, TlsError, listen, listen_only_ipv6, listen_unix};
use portcullis::telemetry::RefusedConnection;
use rustls::pki_types::ServerName;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const FORBIDDEN: &str = r#"{"skip_password_checks":true}"#;
const ALLOWED: &str = r#"{"first_name":"Ada"}"#;
/// A rule that every client of these tests keeps.
const LOCAL: &str = "client.ip == '127.0.0.1'";

/// A folder with the certificate of a server, and the gateway that shows it.
struct Served {
    gateway: Gateway,
    tls: Arc<ReloadableTls>,
    folder: TempDir,
    upstream: Recorder,
}

fn write(folder: &Path, (certificate, key): &(String, String)) {
    std::fs::write(folder.join("tls.crt"), certificate).unwrap();
    std::fs::write(folder.join("tls.key"), key).unwrap();
}

fn files(folder: &Path, clients: Option<&Authority>) -> Files {
    Files {
        certificate_file: folder.join("tls.crt"),
        private_key_file: folder.join("tls.key"),
        client_ca_file: clients.map(|authority| authority.file().to_owned()),
        client_crl_file: None,
    }
}

/// A gateway with TLS whose policies are the shipped ones and one that `rule` is the expression of.
async fn served(authority: &Authority, clients: Option<&Authority>, rule: &str) -> Served {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &authority.issue(&["localhost"]));
    let tls = Arc::new(ReloadableTls::load(&files(folder.path(), clients)).unwrap());
    let upstream = Recorder::answering(200, "{}").await;
    let listener = BoundListener::tls(listen(([127, 0, 0, 1], 0).into()).unwrap(), Arc::clone(&tls));
    let mut setup = Setup::before(upstream.address());
    setup.policies.push(text("rule.yaml", &policy(rule)));
    Served { gateway: setup.start_on(listener), tls, folder, upstream }
}

fn policy(rule: &str) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: the-rule }}\nspec:\n  match: {{ operations: [UpdateUser] }}\n  \
         validations: [{{ expression: \"{rule}\", message: no }}]\n  actions: [Deny]\n"
    )
}

async fn connect(served: &Served, by: &TlsConnector) -> std::io::Result<Client<TlsStream<TcpStream>>> {
    let stream = TcpStream::connect(served.gateway.address).await?;
    Ok(Client::over(by.connect(ServerName::try_from("localhost").unwrap(), stream).await?))
}

/// The status of a harmless request; none if the connection ends before it is answered.
async fn status(served: &Served, by: &TlsConnector) -> Option<u16> {
    let mut client = connect(served, by).await.ok()?;
    let _ = client.stream.write_all(&patch(ALLOWED)).await;
    Some(client.answer().await?.status())
}

/// Waits until so many connections were refused for this reason.
async fn refused(gateway: &Gateway, why: RefusedConnection, count: u64) {
    while gateway.shared.telemetry.server().connections_refused(why) < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn requests_over_tls_are_judged() {
    let authority = Authority::new("ours");
    let served = served(&authority, None, LOCAL).await;
    let mut client = connect(&served, &authority.client(&["http/1.1"], None)).await.unwrap();
    client.send(patch(FORBIDDEN)).await;
    assert_eq!(client.answer().await.unwrap().status(), 422);
    client.send(patch(ALLOWED)).await;
    assert_eq!(client.answer().await.unwrap().status(), 200);
    assert_eq!(served.upstream.request().await.body, ALLOWED.as_bytes());
    assert_eq!(served.upstream.seen(), 1);
}

#[tokio::test]
async fn a_client_without_a_certificate_of_the_authority_is_not_served() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let served = served(&ours, Some(&ours), "client.spiffeId != null || 'svc.internal' in client.dnsNames").await;
    let known = ours.issue(&["spiffe://example.org/billing"]);
    assert_eq!(status(&served, &ours.client(&[], Some(&known))).await, Some(200));
    assert_eq!(status(&served, &ours.client(&[], None)).await, None);
    assert_eq!(status(&served, &ours.client(&[], Some(&theirs.issue(&["spiffe://example.org/billing"])))).await, None);
    refused(&served.gateway, RefusedConnection::Handshake, 2).await;
    assert_eq!(served.upstream.seen(), 1);
}

#[tokio::test]
async fn policies_see_who_the_client_is() {
    let ours = Authority::new("ours");
    let rule = "client.spiffeId == 'spiffe://example.org/billing' && client.dnsNames == ['billing.internal'] && \
                client.certSha256.size() == 64 && client.unixUid == null && client.ip == '127.0.0.1'";
    let served = served(&ours, Some(&ours), rule).await;
    let table: [(&[&str], u16); 4] = [
        (&["billing.internal", "spiffe://example.org/billing"], 200),
        (&["billing.internal", "spiffe://example.org/other"], 422),
        (&["billing.internal", "https://example.org/billing"], 422),
        // with two of them a certificate is none of SPIFFE's (X.509-SVID section 2)
        (&["billing.internal", "spiffe://example.org/billing", "spiffe://example.org/admin"], 422),
    ];
    for (names, expected) in table {
        assert_eq!(status(&served, &ours.client(&[], Some(&ours.issue(names)))).await, Some(expected), "{names:?}");
    }
}

#[tokio::test]
async fn a_uri_that_is_no_spiffe_id_identifies_nobody() {
    let ours = Authority::new("ours");
    // the id of another, for what compares or cuts it
    let served = served(&ours, Some(&ours), "client.spiffeId == null").await;
    for uri in [
        "spiffe://example.org/",
        "spiffe://example.org//billing",
        "spiffe://example.org/billing/",
        "spiffe://example.org/a/../billing",
        "spiffe://example.org/./billing",
        "spiffe://Example.org/billing",
        "spiffe://example.org:80/billing",
        "spiffe://user@example.org/billing",
        "spiffe://example.org/billing?a",
        "spiffe://example.org/billing#a",
        "spiffe://example.org/b%69lling",
        "SPIFFE://example.org/billing",
    ] {
        assert_eq!(status(&served, &ours.client(&[], Some(&ours.issue(&[uri])))).await, Some(200), "{uri}");
    }
    for uri in ["spiffe://example.org/billing", "spiffe://example.org"] {
        assert_eq!(status(&served, &ours.client(&[], Some(&ours.issue(&[uri])))).await, Some(422), "{uri}");
    }
}

#[tokio::test]
async fn a_connection_ends_when_its_client_s_certificate_does() {
    let ours = Authority::new("ours");
    let served = served(&ours, Some(&ours), LOCAL).await;
    let short = ours.issue_for(&["a.internal"], Duration::from_secs(3));
    let (short, long) = (ours.client(&[], Some(&short)), ours.client(&[], Some(&ours.issue(&["a.internal"]))));
    let (mut ending, mut open) = (connect(&served, &short).await.unwrap(), connect(&served, &long).await.unwrap());
    for client in [&mut ending, &mut open] {
        client.send(patch(ALLOWED)).await;
        assert_eq!(client.answer().await.unwrap().status(), 200);
    }
    let end = pingora_timeout::timeout(Duration::from_secs(20), ending.answer()).await;
    assert!(matches!(end, Ok(None)), "the connection is open");
    assert_eq!(status(&served, &short).await, None);
    open.send(patch(ALLOWED)).await;
    assert_eq!(open.answer().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_from_the_next_connection_on() {
    let ours = Authority::new("ours");
    let served = served(&ours, Some(&ours), LOCAL).await;
    let list = served.folder.path().join("clients.crl");
    std::fs::write(&list, ours.revocations(&[7])).unwrap();
    let files = Files { client_crl_file: Some(list.clone()), ..files(served.folder.path(), Some(&ours)) };
    let tls = Arc::new(ReloadableTls::load(&files).unwrap());
    let listener = BoundListener::tls(listen(([127, 0, 0, 1], 0).into()).unwrap(), Arc::clone(&tls));
    let gateway = Setup::before(served.upstream.address()).start_on(listener);
    let served = Served { gateway, tls, ..served };
    let clients = [7, 8].map(|serial| ours.client(&[], Some(&ours.issue_numbered(&["a.internal"], serial))));
    assert_eq!(status(&served, &clients[0]).await, None);
    assert_eq!(status(&served, &clients[1]).await, Some(200));
    // of another authority, an empty one, and none at all
    for bad in [Authority::new("theirs").revocations(&[]), String::new(), "no list".to_owned()] {
        std::fs::write(&list, &bad).unwrap();
        let _ = served.tls.reload();
        assert_eq!(status(&served, &clients[0]).await, None, "{bad}");
    }
    std::fs::write(&list, ours.revocations(&[8])).unwrap();
    assert!(served.tls.reload().unwrap());
    assert_eq!(status(&served, &clients[0]).await, Some(200));
    assert_eq!(status(&served, &clients[1]).await, None);
}

#[tokio::test]
async fn a_session_is_not_resumed_past_the_check_of_the_certificate() {
    let ours = Authority::new("ours");
    let served = served(&ours, Some(&ours), LOCAL).await;
    // the same connector keeps the tickets it was given
    let by = ours.client(&[], Some(&ours.issue(&["a.internal"])));
    for _ in 0..2 {
        let mut client = connect(&served, &by).await.unwrap();
        client.send(patch(ALLOWED)).await;
        assert_eq!(client.answer().await.unwrap().status(), 200);
        assert_eq!(client.stream.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
    }
}

#[tokio::test]
async fn http_to_a_tls_port_is_told_so() {
    let authority = Authority::new("ours");
    let served = served(&authority, None, LOCAL).await;
    let answer = served.gateway.ask(patch(ALLOWED)).await;
    assert_eq!((answer.status(), answer.text()), (400, "this listener speaks https, not http"));
    assert_eq!(answer.header("connection"), Some("close"));
    refused(&served.gateway, RefusedConnection::PlaintextOnTls, 1).await;
    assert_eq!(served.upstream.seen(), 0);
}

#[tokio::test]
async fn tls_to_a_plain_port_gets_an_alert() {
    let upstream = Recorder::answering(200, "{}").await;
    let gateway = Setup::before(upstream.address()).start();
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let by = Authority::new("ours").client(&[], None);
    let error = by.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap_err();
    assert!(error.to_string().contains("HandshakeFailure"), "{error}");
    refused(&gateway, RefusedConnection::TlsOnPlaintext, 1).await;
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_open_ones_go_on() {
    let (before, after) = (Authority::new("before"), Authority::new("after"));
    let served = served(&before, None, LOCAL).await;
    let mut open = connect(&served, &before.client(&[], None)).await.unwrap();
    assert!(!served.tls.reload().unwrap(), "nothing changed");

    write(served.folder.path(), &after.issue(&["localhost"]));
    assert!(served.tls.reload().unwrap());
    assert_eq!(status(&served, &before.client(&[], None)).await, None);
    assert_eq!(status(&served, &after.client(&[], None)).await, Some(200));
    open.send(patch(ALLOWED)).await;
    assert_eq!(open.answer().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_secret_that_kubernetes_swaps_is_followed() {
    let (before, after) = (Authority::new("before"), Authority::new("after"));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (version, authority) in [("..one", &before), ("..two", &after)] {
        std::fs::create_dir(at(version)).unwrap();
        write(&at(version), &authority.issue(&["localhost"]));
    }
    std::os::unix::fs::symlink("..one", at("..data")).unwrap();
    for name in ["tls.crt", "tls.key"] {
        std::os::unix::fs::symlink(Path::new("..data").join(name), at(name)).unwrap();
    }
    let tls = ReloadableTls::load(&files(folder.path(), None)).unwrap();
    std::os::unix::fs::symlink("..two", at("..data_tmp")).unwrap();
    std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
    assert!(tls.reload().unwrap());
    assert!(!tls.reload().unwrap());
}

#[tokio::test]
async fn bad_files_keep_what_was_good_and_are_told_once() {
    let authority = Authority::new("ours");
    let served = served(&authority, None, LOCAL).await;
    let by = authority.client(&[], None);
    let other_key = authority.issue(&["localhost"]).1;
    let key = std::fs::read_to_string(served.folder.path().join("tls.key")).unwrap();
    for (name, bad) in [("tls.key", other_key.as_str()), ("tls.key", "no key"), ("tls.crt", "")] {
        std::fs::write(served.folder.path().join(name), bad).unwrap();
        let told = served.tls.reload().unwrap_err().to_string();
        assert!(told.lines().count() == 1 && !told.contains("no key\n"), "{told}");
        assert!(!served.tls.reload().unwrap(), "told twice: {told}");
        assert_eq!(status(&served, &by).await, Some(200));
    }
    std::fs::remove_file(served.folder.path().join("tls.crt")).unwrap();
    assert!(matches!(served.tls.reload(), Err(TlsError::Unreadable { key: "tls.certificateFile", .. })));
    assert_eq!(status(&served, &by).await, Some(200));
    let (certificate, _) = authority.issue(&["localhost"]);
    write(served.folder.path(), &(certificate, key));
    assert!(served.tls.reload().is_err(), "a certificate of another key");
    write(served.folder.path(), &authority.issue(&["localhost"]));
    assert!(served.tls.reload().unwrap(), "mended");
}

#[tokio::test]
async fn a_policy_tells_users_of_a_unix_socket_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.sock");
    let upstream = Recorder::answering(200, "{}").await;
    let own = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(folder.path()).unwrap());
    for (uid, expected) in [(own, 200), (own + 1, 422)] {
        let mut setup = Setup::before(upstream.address());
        let rule = format!("client.unixUid == {uid} && client.ip == null && client.certSha256 == null");
        setup.policies = vec![text("rule.yaml", &policy(&rule))];
        let mut gateway = setup.start_on(listen_unix(&path, 0o600).unwrap());
        let mut client = Client::over(UnixStream::connect(&path).await.unwrap());
        client.send(patch(ALLOWED)).await;
        assert_eq!(client.answer().await.unwrap().status(), expected, "{uid}");
        assert_eq!(gateway.line().await.get("client_address"), None);
        drop(gateway);
        while path.exists() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_or_too_little_is_closed_in_time() {
    let authority = Authority::new("ours");
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &authority.issue(&["localhost"]));
    let tls = Arc::new(ReloadableTls::load(&files(folder.path(), None)).unwrap());
    let upstream = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(upstream.address());
    setup.limits.header_timeout = std::time::Duration::from_millis(200);
    setup.limits.idle_timeout = std::time::Duration::from_millis(200);
    let gateway = setup.start_on(BoundListener::tls(listen(([127, 0, 0, 1], 0).into()).unwrap(), tls));
    // nothing, a part of what tells the protocol, a part of a handshake
    for (count, said) in [(1, b"".as_slice()), (2, b"P"), (3, b"\x16\x03\x01\x02")] {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        refused(&gateway, RefusedConnection::Timeout, count).await;
    }
}

/// An IPv6 socket shows an IPv4 client as `::ffff:a.b.c.d`: a rule on its address must not depend on the listener.
#[tokio::test]
async fn an_ipv4_client_of_an_ipv6_listener_has_its_ipv4_address() {
    let upstream = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(upstream.address());
    setup.policies.push(text("rule.yaml", &policy(LOCAL)));
    let mut gateway = setup.start_on(BoundListener::plain(listen(([0; 8], 0).into()).unwrap()));
    let mut client = Client::connect(([127, 0, 0, 1], gateway.address.port()).into()).await;
    client.send(patch(ALLOWED)).await;
    assert_eq!(client.answer().await.unwrap().status(), 200);
    assert_eq!(gateway.line().await["client_address"], "127.0.0.1");
}

#[tokio::test]
async fn wildcards_of_both_families_share_a_port() {
    let version4 = listen(([0; 4], 0).into()).unwrap();
    let port = version4.local_addr().unwrap().port();
    let version6 = listen_only_ipv6(([0; 8], port).into()).unwrap();
    assert!(listen(([0; 8], port).into()).is_err(), "without the option it is taken");
    drop((version4, version6));
}
