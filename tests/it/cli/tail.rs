//! Watching decisions as they are made, and changing the log's level, on the admin listener; `portcullis tail`.

use crate::support::client::{Answer, Client};
use crate::support::closed_port::ClosedPort;
use crate::support::gateway::{json, patch};
use crate::support::program::Program;
use crate::support::recorder::Recorder;
use crate::support::tail::{Tail, tail};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A folder with a configuration that has the shipped policies, in front of `upstream`.
fn folder(upstream: SocketAddr, listen: &str, admin: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let shipped = std::path::absolute("policies").unwrap();
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: {listen}\nadmin: {{ listen: {admin} }}\n\
         upstream: {{ url: \"http://{upstream}\" }}\npolicies: [{shipped:?}]\nworkers: 1\n"
    );
    let configuration = folder.path().join("gateway.yaml");
    std::fs::write(&configuration, text).unwrap();
    (folder, configuration)
}

async fn send(address: SocketAddr, request: impl AsRef<[u8]>) {
    let mut client = Client::connect(address).await;
    client.send(request).await;
    client.answer().await.expect("an answer");
}

/// One request that passes, one that a policy refuses, one of another operation that the contract refuses.
async fn send_three(address: SocketAddr) {
    send(address, patch(r#"{"first_name":"Ada"}"#)).await;
    send(address, patch(r#"{"skip_password_checks":true}"#)).await;
    send(address, json("POST /v1/users", "", r#"{"hunter2hunter2":1}"#)).await;
}

#[tokio::test]
async fn each_who_watches_sees_what_they_asked_for_and_the_lines_are_those_of_the_access_log() {
    let upstream = Recorder::answering(200, "{}").await;
    let (_folder, configuration) = folder(upstream.address(), "127.0.0.1:0", "127.0.0.1:0");
    let program = Program::start(&configuration, &[]).await;
    let mut plain = Tail::start(program.admin, &[]).await;
    let mut verbose = Tail::start(program.admin, &["-v", "--decision", "deny,fail", "--operation", "UpdateUser"]).await;
    let mut raw = Tail::start(program.admin, &["--json", "--policy", "no-skip-password-checks"]).await;
    send_three(program.listen).await;

    plain.stdout.line("DENY   POST /v1/users").await;
    verbose.stdout.line("decision ").await;
    let line: Value = serde_json::from_str(&raw.stdout.line("{").await).unwrap();
    let (plain, verbose, raw) = (plain.interrupted(), verbose.interrupted(), raw.interrupted());
    let words: Vec<_> = plain.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(words, ["ALLOW", "DENY", "DENY"], "{plain}");
    assert!(plain.lines().all(|line| line.chars().count() <= 80) && !plain.contains('\u{1b}'), "{plain}");
    let refused = plain.lines().nth(1).unwrap();
    assert!(refused.contains("PATCH /v1/users/{user_id}") && refused.contains(" 422 "), "{refused}");
    assert!(refused.ends_with("ms no-skip-password-checks"), "{refused}");
    assert!(verbose.contains("skip_password_checks: skip_password_checks is not allowed"), "{verbose}");
    assert!(verbose.contains("  hint: ") && verbose.matches("DENY").count() == 1, "{verbose}");
    assert_eq!(raw.lines().count(), 1);

    program.signal("TERM");
    let ended = program.ended().await;
    let logged = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let logged = logged.filter(|logged| logged["decision_id"] == line["decision_id"]).collect::<Vec<_>>();
    let mut same = line.clone();
    let details = same.as_object_mut().unwrap().remove("details").unwrap();
    assert_eq!((logged, &details[0]["rule"]), (vec![same], &Value::from("no-skip-password-checks")));
    for told in [plain, verbose, raw] {
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn a_gateway_that_goes_away_is_waited_for() {
    let upstream = Recorder::answering(200, "{}").await;
    let (_folder, configuration) = folder(upstream.address(), "127.0.0.1:0", "127.0.0.1:0");
    let program = Program::start(&configuration, &[]).await;
    let admin = program.admin;
    let mut tail = Tail::start(admin, &[]).await;
    program.signal("TERM");
    assert!(program.ended().await.status.success());
    tail.stderr.line("went away").await;
    let (_folder, configuration) = folder(upstream.address(), "127.0.0.1:0", &admin.to_string());
    let program = Program::start(&configuration, &[]).await;
    tail.stderr.line("is back").await;
    send_three(program.listen).await;
    tail.stdout.line("DENY   POST /v1/users").await;
    tail.interrupted();
}

/// One that is restarted over and over must not be asked without end.
#[tokio::test]
async fn a_gateway_that_closes_at_once_is_asked_again_after_a_pause() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let admin = listener.local_addr().unwrap();
    let closing = tokio::spawn(async move {
        let mut asked = Vec::new();
        for _ in 0..4 {
            let mut client = Client::over(listener.accept().await.unwrap().0);
            asked.push(Instant::now());
            client.answer().await.expect("a request");
            client.send("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
        }
        asked
    });
    let _tail = Tail::start(admin, &[]).await;
    let asked = pingora_timeout::timeout(Duration::from_secs(60), closing).await.expect("asked again").unwrap();
    // a second, of which a load of the machine takes nothing away
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause| *pause > Duration::from_millis(900)), "{pauses:?}");
}

#[test]
fn what_cannot_be_watched_is_said_and_ends_with_its_code() {
    let port = ClosedPort::bind();
    let closed = port.address();
    for (admin, arguments, code, said) in [
        (format!("http://{closed}"), [].as_slice(), 1, "no gateway responds at http://127.0.0.1:"),
        ("https://127.0.0.1:1".to_owned(), &[], 2, "`--admin` must be a URL such as `http://127.0.0.1:9465`"),
        ("127.0.0.1:9465".to_owned(), &[], 2, "`--admin` must be a URL"),
        ("http://ada:word@127.0.0.1:9465".to_owned(), &[], 2, "`--admin` must be a URL"),
        (format!("http://{closed}"), &["--decision", "denied"], 2, "possible values: allow, exempt, deny"),
        (format!("http://{closed}"), &["--json", "-v"], 2, "cannot be used with"),
    ] {
        let output = tail(&admin, arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(code) && text.contains(said), "{admin} {arguments:?}: {text}");
    }
}

/// Sends a request to the admin listener and reads the answer.
async fn ask(admin: SocketAddr, line: &str, headers: &str, body: &str) -> Answer {
    let mut client = Client::connect(admin).await;
    client.send(format!("{line} HTTP/1.1\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())).await;
    client.answer().await.expect("an answer")
}

const LOCAL: &str = "host: 127.0.0.1:9465\r\n";

#[tokio::test]
async fn the_level_of_the_log_changes_by_a_put_and_sighup_restores_it() {
    let upstream = Recorder::answering(200, "{}").await;
    let (_folder, configuration) = folder(upstream.address(), "127.0.0.1:0", "127.0.0.1:0");
    let mut program = Program::start(&configuration, &[]).await;
    let level = async |admin| ask(admin, "GET /log-level", LOCAL, "").await.text().to_owned();
    assert_eq!(level(program.admin).await, "info\n");
    let text = format!("{LOCAL}content-type: text/plain; charset=utf-8\r\n");
    let changed = ask(program.admin, "PUT /log-level", &text, "debug\n").await;
    assert_eq!((changed.status(), changed.text()), (200, "info -> debug\n"));
    let told = program.stderr.line("the log level changes").await;
    assert!(told.contains(r#""before":"info","now":"debug""#), "{told}");
    let mut gone = Client::connect(program.listen).await;
    gone.send("\u{16}\u{3}\u{1}").await;
    program.stderr.line("a connection was refused").await;
    program.signal("HUP");
    let told = program.stderr.line("the log level changes").await;
    assert!(told.contains(r#""before":"debug","now":"info""#), "{told}");
    // the line is written before the level changes, which would filter it
    while level(program.admin).await != "info\n" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn no_page_in_a_browser_watches_or_changes_anything() {
    let upstream = Recorder::answering(200, "{}").await;
    let (_folder, configuration) = folder(upstream.address(), "127.0.0.1:0", "127.0.0.1:0");
    let program = Program::start(&configuration, &[]).await;
    let put = async |headers: &str, body: &str| ask(program.admin, "PUT /log-level", headers, body).await.status();
    assert_eq!(put("host: rebound.example:9465\r\n", "trace").await, 403);
    assert_eq!(put(&format!("{LOCAL}origin: http://127.0.0.1:9465\r\n"), "trace").await, 403);
    assert_eq!(put(&format!("{LOCAL}content-type: application/json\r\n"), "trace").await, 415);
    assert_eq!(put(LOCAL, "loud").await, 400);
    assert_eq!(put(LOCAL, &"trace".repeat(100)).await, 400);
    assert_eq!(ask(program.admin, "POST /log-level", LOCAL, "trace").await.status(), 405);
    for fetch in ["cross-site", "same-origin", "none"] {
        let headers = format!("{LOCAL}sec-fetch-site: {fetch}\r\n");
        assert_eq!(ask(program.admin, "GET /decisions", &headers, "").await.status(), 403, "{fetch}");
    }
    for path in ["/decisions", "/decisions/0000000000000abc", "/log-level", "/policies"] {
        let page = ask(program.admin, &format!("GET {path}"), "host: rebound.example\r\n", "").await;
        assert_eq!((page.status(), page.header("access-control-allow-origin")), (403, None));
        assert_eq!(ask(program.admin, &format!("OPTIONS {path}"), LOCAL, "").await.status(), 405);
    }
    assert_eq!(ask(program.admin, "GET /log-level", LOCAL, "").await.text(), "info\n");
    assert_eq!(ask(program.admin, "GET /decisions?decision=denied", LOCAL, "").await.status(), 400);
    assert_eq!(ask(program.admin, "GET /decisions?decisions=deny", LOCAL, "").await.status(), 400);
    assert_eq!(ask(program.admin, "GET /livez", "host: any.example\r\n", "").await.status(), 200);
}

#[tokio::test]
async fn eight_may_watch_at_once() {
    let upstream = Recorder::answering(200, "{}").await;
    let (_folder, configuration) = folder(upstream.address(), "127.0.0.1:0", "127.0.0.1:0");
    let program = Program::start(&configuration, &[]).await;
    let mut watching = Vec::new();
    for _ in 0..8 {
        let mut client = Client::connect(program.admin).await;
        client.send(format!("GET /decisions HTTP/1.1\r\n{LOCAL}\r\n")).await;
        assert_eq!(client.answer().await.expect("an answer").header("content-type"), Some("application/x-ndjson"));
        watching.push(client);
    }
    assert_eq!(ask(program.admin, "GET /decisions", LOCAL, "").await.status(), 503);
    drop(watching.pop());
    while ask(program.admin, "GET /decisions", LOCAL, "").await.status() != 200 {
        tokio::task::yield_now().await;
    }
}
