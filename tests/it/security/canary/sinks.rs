//! A running gateway and everything it writes to: the one list of places that must hold no secret.

use crate::support::client::Client;
use crate::support::collector::{Collector, Protocol};
use crate::support::program::Program;
use crate::support::tail::Tail;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A place that the gateway writes to.
pub(super) struct Sink {
    pub(super) name: &'static str,
    pub(super) text: String,
}

/// Where lines go, and in which form.
#[derive(Clone, Copy)]
pub(super) enum Log {
    JsonOnStdout,
    HumanInFile,
}

/// A decision log with everything that may be kept of values that hold canaries.
const KEPT: &str = "decisionLog:
  file: decisions.jsonl
  chain: true
  fingerprints:
    key: { file: a.key }
    body: [/first_name, /external_id, /public_metadata/plain, /unsafe_metadata/*/*]
    params: [user_id]
    headers: [x-number]
";

/// A gateway with everything on, at the most talkative level.
pub(super) struct Watched {
    pub(super) program: Program,
    pub(super) collector: Collector,
    folder: TempDir,
    lines: Tail,
    details: Tail,
}

impl Watched {
    /// In front of `upstream`, with the shipped policies and `policy`.
    pub(super) async fn start(upstream: SocketAddr, policy: &str, log: Log) -> Self {
        let collector = Collector::start(Protocol::Http, None).await;
        let folder = tempfile::tempdir().unwrap();
        let shipped = std::path::absolute("policies").unwrap();
        let log = match log {
            Log::JsonOnStdout => "format: json",
            Log::HumanInFile => "format: human, access: { file: access.log }",
        };
        let text = format!(
            "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
             upstream: {{ url: \"http://{upstream}\", responseTimeout: 500ms }}\npolicies: [{shipped:?}, own.yaml]\n\
             limits: {{ bodyBytes: 8192, headerBytes: 8192, bodyTimeout: 500ms }}\nworkers: 1\n\
             logs: {{ level: trace, {log} }}\n{KEPT}"
        );
        std::fs::write(folder.path().join("a.key"), "a key that nobody who reads these lines can guess").unwrap();
        std::fs::write(folder.path().join("own.yaml"), policy).unwrap();
        std::fs::write(folder.path().join("gateway.yaml"), text).unwrap();
        let program = Program::start(&folder.path().join("gateway.yaml"), &collector.variables()).await;
        let lines = Tail::start(program.admin, &["--json"]).await;
        let details = Tail::start(program.admin, &["-v"]).await;
        Self { program, collector, folder, lines, details }
    }

    /// Ends the gateway once no request is left, and gathers what it wrote.
    pub(super) async fn end(mut self) -> Vec<Sink> {
        let admin = self.program.admin;
        let metrics = metrics_at_rest(admin).await;
        let asked = asked(admin).await;
        let refusals = refusals(admin, &self.folder.path().join("decisions.jsonl")).await;
        self.program.signal("TERM");
        let ended = self.program.ended().await;
        assert!(ended.status.success(), "{}", ended.stderr);
        self.lines.stderr.line("went away").await;
        self.details.stderr.line("went away").await;
        let file = std::fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default();
        let decisions = std::fs::read_to_string(self.folder.path().join("decisions.jsonl")).unwrap();
        let (spans, [pushed, records]) = (self.collector.rest(), self.collector.rest_of_other_signals());
        let sinks = [
            ("access log", ended.stdout + &file),
            ("decision log", decisions),
            ("stderr", ended.stderr),
            ("metrics", metrics),
            ("admin listener", asked),
            ("refusals", refusals),
            ("spans", spans),
            ("pushed metrics", pushed),
            ("log records", records),
            ("tail --json", self.lines.interrupted()),
            ("tail -v", self.details.interrupted()),
        ];
        let sinks = sinks.map(|(name, text)| Sink { name, text });
        for Sink { name, text } in &sinks {
            assert!(text.len() > 200, "{name} says nothing: {text}");
        }
        sinks.into()
    }
}

/// What the admin listener answers to all it can be asked.
async fn asked(admin: SocketAddr) -> String {
    let mut answers = String::new();
    for path in ["/livez", "/readyz", "/startupz", "/log-level", "/decisions?decision=all", "/policies", "/config", "/"]
    {
        let mut client = Client::connect(admin).await;
        client.send(format!("GET {path} HTTP/1.1\r\nhost: {admin}\r\n\r\n")).await;
        let answer = client.answer().await.expect("an answer");
        answers.push_str(&(answer.head.clone() + answer.text()));
    }
    answers
}

/// The refusals that the admin listener still has, by the ids in the decision log.
async fn refusals(admin: SocketAddr, log: &Path) -> String {
    let logged = std::fs::read_to_string(log).unwrap();
    let ids = logged.lines().rev().filter(|line| line.contains(r#""outcome":"deny""#)).take(200);
    let mut found = String::new();
    for id in ids.filter_map(|line| line.split_once(r#""decision_id":""#)?.1.get(..16)) {
        let mut client = Client::connect(admin).await;
        client.send(format!("GET /decisions/{id} HTTP/1.1\r\nhost: {admin}\r\n\r\n")).await;
        found.push_str(client.answer().await.expect("an answer").text());
    }
    found
}

/// The metrics, once they tell of no request that has no answer yet.
async fn metrics_at_rest(admin: SocketAddr) -> String {
    for _ in 0..500 {
        let metrics = Client::connect(admin).await.get("/metrics").await.text().to_owned();
        let mut active = metrics.lines().filter(|line| line.starts_with("http_server_active_requests{"));
        if active.all(|line| line.ends_with(" 0")) {
            return metrics;
        }
        pingora_timeout::sleep(Duration::from_millis(10)).await;
    }
    panic!("there was always a request without an answer");
}
