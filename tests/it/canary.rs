//! No secret leaves: whatever a request holds, wherever, none of it is in what the gateway writes about it, at the most
//! talkative level, whether it is passed, refused or failed.

mod requests;

use crate::support::client::Client;
use crate::support::collector::{Collector, Protocol};
use crate::support::program::Program;
use crate::support::recorder::{Recorder, Reply};
use requests::{PATCH, head, requests};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;

/// In every value; nothing may show it.
const SECRET: &str = "canary7f3a";
/// In names that the request made up: its caller is told them, no one else.
const NAME: &str = "named9e1b";

/// A policy whose error comes from a value.
const ERRING: &str = "apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: errs-on-values }
spec:
  match: { operations: [CreateUser] }
  validations:
    - expression: int(body.first_name) > 0 && int(request.headers['x-number']) > 0
      message: never told
  actions: [Deny]
";

/// A decision log that keeps as much as it can.
const KEPT: &str = "decisionLog:
  file: decisions.jsonl
  chain: true
  fingerprints:
    key: { file: a.key }
    body: [/first_name, /external_id, /public_metadata/plain, /unsafe_metadata/*/*]
    params: [user_id]
    headers: [x-number]
";

/// An upstream that fails where the path says so, and whose answers hold secrets too.
async fn upstream() -> Recorder {
    Recorder::start(|request| {
        let says = |what: &str| request.line().contains(&format!("/v1/users/{what}"));
        let answer = format!("HTTP/1.1 200 {SECRET}\r\nset-cookie: {SECRET}\r\ncontent-length: 99\r\n\r\n{SECRET}");
        match () {
            () if says("reset") => Reply::Reset,
            () if says("close") => Reply::Close,
            () if says("hang") => Reply::Nothing,
            () if says("garbage") => Reply::BytesThenClose(format!("HTTP/1.1 {SECRET}\r\n\r\n").into_bytes()),
            () if says("broken-off") => Reply::BytesThenClose(answer.into_bytes()),
            () if says("switch") => {
                Reply::Bytes(format!("HTTP/1.1 101 {SECRET}\r\nupgrade: {SECRET}\r\n\r\n").into_bytes())
            }
            () => Reply::json(200, &format!(r#"{{"private_metadata":"{SECRET}"}}"#)),
        }
    })
    .await
}

/// Folder with a configuration that has the shipped policies and one that errs, in front of `upstream`.
fn configuration(upstream: SocketAddr) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let shipped = std::path::absolute("policies").unwrap();
    std::fs::write(folder.path().join("errs.yaml"), ERRING).unwrap();
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
         upstream: {{ url: \"http://{upstream}\", responseTimeout: 500ms }}\npolicies: [{shipped:?}, errs.yaml]\n\
         limits: {{ bodyBytes: 8192, headerBytes: 8192, bodyTimeout: 500ms }}\nlogs: {{ level: trace }}\nworkers: 1\n{KEPT}"
    );
    std::fs::write(folder.path().join("a.key"), "a key that nobody who reads these lines can guess").unwrap();
    std::fs::write(folder.path().join("gateway.yaml"), text).unwrap();
    folder
}

/// Sends one request and gives back what the gateway itself said; an answer of the upstream is not ours to keep clean.
async fn refusal(address: SocketAddr, bytes: &[u8]) -> String {
    use tokio::io::AsyncWriteExt as _;
    let mut client = Client::connect(address).await;
    // the gateway may have refused before it has read everything
    let _ = client.stream.write_all(bytes).await;
    let _ = client.stream.flush().await;
    let answer = pingora_timeout::timeout(Duration::from_secs(2), client.answer()).await;
    match answer {
        Ok(Some(answer)) if answer.header("portcullis-decision").is_some() || answer.body.is_empty() => {
            format!("{}{}", answer.head.replace(&format!("200 {SECRET}\r\nset-cookie: {SECRET}"), ""), answer.text())
        }
        _ => String::new(),
    }
}

/// What was written, in all places, about all requests.
struct Told {
    log: String,
    spans: String,
    metrics: String,
    own: String,
    decisions: String,
    refusals: Vec<(String, String)>,
}

async fn tell(upstream: SocketAddr, recorder: Option<&Recorder>) -> Told {
    let mut collector = Collector::start(Protocol::Http, None).await;
    let folder = configuration(upstream);
    let program = Program::start(&folder.path().join("gateway.yaml"), &collector.variables()).await;
    let mut refusals = Vec::new();
    for (what, bytes) in requests().0 {
        refusals.push((what, refusal(program.listen, &bytes).await));
    }
    // clients that go away: in the middle of a body, and while the upstream thinks
    let headers = "content-type: application/json\r\ncontent-length: 5000\r\n";
    let mut gone = Client::connect(program.listen).await;
    gone.send(head(PATCH, headers) + &format!("\"{SECRET}")).await;
    drop(gone);
    if let Some(recorder) = recorder {
        let mut gone = Client::connect(program.listen).await;
        gone.send(head("GET /v1/users/hang-for-ever", "")).await;
        let first = recorder.request().await;
        assert!(String::from_utf8_lossy(&first.body).contains(SECRET), "the canaries are planted");
        while !recorder.request().await.line().contains("hang-for-ever") {}
    }
    let metrics = metrics_with(program.admin, "http_server_active_requests 0").await;
    program.signal("TERM");
    let ended = program.ended().await;
    assert!(ended.status.success(), "{}", ended.stderr);
    let decisions = std::fs::read_to_string(folder.path().join("decisions.jsonl")).unwrap();
    Told { log: ended.stdout, spans: collector.rest(), metrics, own: ended.stderr, decisions, refusals }
}

/// The metrics, once they tell of `what`.
async fn metrics_with(admin: SocketAddr, what: &str) -> String {
    for _ in 0..500 {
        let metrics = Client::connect(admin).await.get("/metrics").await.text().to_owned();
        if metrics.contains(what) {
            return metrics;
        }
        pingora_timeout::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the metrics never told of {what}");
}

/// Fails if `text` holds `canary` in any case, and shows what is around it.
fn assert_without(canary: &str, place: &str, text: &str) {
    let text = text.to_lowercase();
    if let Some(at) = text.find(canary) {
        let around = String::from_utf8_lossy(
            text.as_bytes().iter().copied().skip(at.saturating_sub(300)).take(400).collect::<Vec<_>>().as_slice(),
        )
        .into_owned();
        panic!("{place} shows a canary:\n...{around}...");
    }
}

fn assert_clean(told: &Told) {
    for (place, text) in [
        ("access log", &told.log),
        ("spans", &told.spans),
        ("metrics", &told.metrics),
        ("stderr", &told.own),
        ("decision log", &told.decisions),
    ] {
        assert!(text.len() > 500, "{place} says nothing: {text}");
        assert_without(SECRET, place, text);
        assert_without(NAME, place, text);
    }
    for (what, refusal) in &told.refusals {
        assert_without(SECRET, &format!("the refusal of `{what}`"), refusal);
    }
}

fn reasons(log: &str) -> BTreeSet<String> {
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line is JSON"));
    let word = |line: serde_json::Value| {
        line["reason"].as_str().or(line["decision"].as_str()).or(line["outcome"].as_str()).unwrap().to_owned()
    };
    lines.map(word).collect()
}

#[tokio::test]
async fn no_canary_of_any_request_is_told_to_anyone() {
    let upstream = upstream().await;
    let told = tell(upstream.address(), Some(&upstream)).await;
    assert_clean(&told);
    assert!(told.decisions.contains("\"fingerprint\"") && told.decisions.contains("\"previous\""));
    let logged: Vec<String> = reasons(&told.log).into_iter().collect();
    // what is exempt is no decision, and nor is what broke off unjudged
    let decided = logged.iter().filter(|reason| !["abort", "exempt"].contains(&reason.as_str())).cloned();
    assert_eq!(reasons(&told.decisions), decided.collect());
    assert_eq!(
        logged,
        [
            "abort",
            "allow",
            "ambiguous_json",
            "ambiguous_path",
            "ambiguous_request",
            "body_timeout",
            "body_too_large",
            "exempt",
            "malformed_json",
            "method_not_allowed",
            "policy_denied",
            "policy_error",
            "schema_violation",
            "unsupported_encoding",
            "unsupported_media_type",
            "upstream_timeout",
            "upstream_unreachable",
        ]
    );
}

#[tokio::test]
async fn no_canary_is_told_where_no_upstream_is_there() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let told = tell(closed, None).await;
    assert_clean(&told);
    assert!(reasons(&told.log).contains("upstream_unreachable"));
}
