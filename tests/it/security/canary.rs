//! No secret leaves: whatever a request holds, wherever, none of it is in what the gateway writes about it, at the most
//! talkative level, whether it is passed, refused or failed.

mod disguise;
mod generate;
mod property;
mod requests;
mod sinks;

use crate::support::client::Client;
use crate::support::closed_port::ClosedPort;
use crate::support::recorder::{Recorder, Reply};
use requests::{PATCH, head, requests};
use sinks::{Log, Sink, Watched};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

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
    sinks: Vec<Sink>,
    refusals: Vec<(String, String)>,
}

async fn tell(upstream: SocketAddr, recorder: Option<&Recorder>, log: Log) -> Told {
    let watched = Watched::start(upstream, ERRING, log).await;
    let listen = watched.program.listen;
    let mut refusals = Vec::new();
    for (what, bytes) in requests().0 {
        refusals.push((what, refusal(listen, &bytes).await));
    }
    // clients that go away: in the middle of a body, and while the upstream thinks
    let headers = "content-type: application/json\r\ncontent-length: 5000\r\n";
    let mut gone = Client::connect(listen).await;
    gone.send(head(PATCH, headers) + &format!("\"{SECRET}")).await;
    drop(gone);
    if let Some(recorder) = recorder {
        let mut gone = Client::connect(listen).await;
        gone.send(head("GET /v1/users/hang-for-ever", "")).await;
        let first = recorder.request().await;
        assert!(String::from_utf8_lossy(&first.body).contains(SECRET), "the canaries are planted");
        while !recorder.request().await.line().contains("hang-for-ever") {}
    }
    Told { sinks: watched.end().await, refusals }
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
    for Sink { name, text } in &told.sinks {
        assert_without(SECRET, name, text);
        assert_without(NAME, name, text);
    }
    for (what, refusal) in &told.refusals {
        assert_without(SECRET, &format!("the refusal of `{what}`"), refusal);
    }
}

/// Why requests ended, by the access log and by the decision log.
fn reasons(told: &Told) -> [BTreeSet<String>; 2] {
    let word = |line: serde_json::Value| {
        line["reason"].as_str().or(line["decision"].as_str()).or(line["outcome"].as_str()).unwrap().to_owned()
    };
    [0, 1].map(|sink| {
        let lines = told.sinks[sink].text.lines();
        let lines = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line is JSON"));
        // the decision log has lines that are no decision
        lines.filter(|line| line["event"].is_null()).map(word).collect()
    })
}

#[tokio::test]
async fn no_canary_of_any_request_is_told_to_anyone() {
    let upstream = upstream().await;
    let told = tell(upstream.address(), Some(&upstream), Log::JsonOnStdout).await;
    assert_clean(&told);
    let decisions = &told.sinks[1].text;
    assert!(decisions.contains("\"fingerprint\"") && decisions.contains("\"previous\""));
    let [logged, decided] = reasons(&told);
    // what is exempt is no decision, and nor is what broke off unjudged
    let expected = logged.iter().filter(|reason| !["abort", "exempt"].contains(&reason.as_str())).cloned();
    assert_eq!(decided, expected.collect());
    assert_eq!(
        logged.into_iter().collect::<Vec<_>>(),
        [
            "abort",
            "allow",
            "ambiguous_json",
            "ambiguous_path",
            "ambiguous_request",
            "body_timeout",
            "body_too_large",
            "exempt",
            "head_too_large",
            "malformed_json",
            "method_not_allowed",
            "operation_not_allowed",
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
    let closed = ClosedPort::bind();
    let told = tell(closed.address(), None, Log::JsonOnStdout).await;
    assert_clean(&told);
    assert!(reasons(&told)[0].contains("upstream_unreachable"));
}
