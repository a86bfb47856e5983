//! Requests that end in another way than with a whole answer of 2xx: what logs, metrics and traces tell of them, and of the
//! attempt at the upstream.

use crate::support::client::Client;
use crate::support::collector::{Collector, Protocol, attribute};
use crate::support::gateway::{Setup, patch};
use crate::support::program::Program;
use crate::support::recorder::{Recorder, Reply};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use portcullis::contract::strictness::UnknownFields;
use portcullis::telemetry::watch::WatchFilter;
use serde_json::Value;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;

/// A program before an upstream that always replies the same, and the collector it exports to. Of what passes, nothing is
/// logged or exported.
struct Quiet {
    program: Program,
    upstream: Recorder,
    collector: Collector,
    _folder: TempDir,
}

/// What the program told of the one request that there was.
struct Told {
    line: Value,
    server: Span,
    call: Span,
    metrics: String,
}

impl Quiet {
    async fn start(reply: Reply, sampler: &str) -> Self {
        let upstream = Recorder::start(move |_| reply.clone()).await;
        let collector = Collector::start(Protocol::Http, None).await;
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
             upstream: {{ url: \"http://{}\", responseTimeout: 1s }}\nworkers: 1\nlogs: {{ sampleAllowed: 0 }}\n\
             policies: [{:?}]\ntraces: {{ sampler: {sampler} }}\n",
            upstream.address(),
            std::path::absolute("policies").expect("a folder"),
        );
        let configuration = folder.path().join("gateway.yaml");
        std::fs::write(&configuration, text).expect("a file");
        let program = Program::start(&configuration, &collector.variables()).await;
        Self { program, upstream, collector, _folder: folder }
    }

    /// The program's metrics, once they count a request.
    async fn metrics(&self) -> String {
        loop {
            let metrics = Client::connect(self.program.admin).await.get("/metrics").await.text().to_owned();
            if metrics.contains("\nportcullis_requests_total{") {
                return metrics;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn told(mut self) -> Told {
        let metrics = self.metrics().await;
        self.program.signal("TERM");
        let ended = self.program.ended().await;
        assert!(ended.status.success());
        let line = serde_json::from_str(ended.stdout.trim()).expect("one line");
        let spans = self.collector.batch().await.spans();
        let of = |kind: SpanKind| spans.iter().find(|span| span.kind() == kind).cloned();
        let (server, call) = (of(SpanKind::Server).expect("a span"), of(SpanKind::Client).expect("a span of the call"));
        assert_eq!(call.parent_span_id, server.span_id);
        Told { line, server, call, metrics }
    }
}

impl Told {
    /// Asserts that the metrics have a series with these labels.
    fn assert_counted(&self, metric: &str, labels: &[&str]) {
        let mut lines = self.metrics.lines().filter(|line| line.starts_with(metric) && line.ends_with(" 1"));
        assert!(lines.any(|line| labels.iter().all(|label| line.contains(label))), "{labels:?} in\n{}", self.metrics);
    }
}

/// The upstream may have done what it was asked for, and was told the id of a span: that span must be there.
#[tokio::test]
async fn an_attempt_is_told_though_the_client_left_before_its_end() {
    let quiet = Quiet::start(Reply::Nothing, "always_on").await;
    let mut client = Client::connect(quiet.program.listen).await;
    client.send(patch(r#"{"first_name":"Ada"}"#)).await;
    let request = quiet.upstream.request().await;
    let peer = quiet.upstream.address();
    client.reset();
    let told = quiet.told().await;
    let id: String = told.call.span_id.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(request.header("traceparent")[0].contains(&id), "{id} is not in {:?}", request.header("traceparent"));
    let of_call = |key| attribute(&told.call.attributes, key);
    assert_eq!(of_call("error.type").as_deref(), Some("aborted"));
    assert_eq!(of_call("network.peer.port"), Some(peer.port().to_string()));
    assert_eq!(of_call("network.protocol.version").as_deref(), Some("1.1"));
    assert_eq!(of_call("http.response.status_code"), None);
    assert_eq!((&told.line["decision"], &told.line["status"]), (&"abort".into(), &0.into()));
    assert_eq!(told.line["upstream_reused"], false);
    assert!(told.line["upstream_us"].as_u64() > Some(0), "{}", told.line);
    told.assert_counted("http_client_request_duration_seconds_count", &[r#"error_type="aborted""#]);
    told.assert_counted("http_server_request_duration_seconds_count", &[r#"http_response_status_code="""#]);
    told.assert_counted("portcullis_upstream_connections_opened_total", &[]);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_of_request_and_call() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec();
    let quiet = Quiet::start(Reply::BytesThenClose(half), "always_off").await;
    let mut client = Client::connect(quiet.program.listen).await;
    client.send(patch("{}")).await;
    client.closed().await;
    let told = quiet.told().await;
    for span in [&told.server, &told.call] {
        assert_eq!(span.status.as_ref().map(|status| status.code), Some(2), "{span:?}");
        assert_eq!(attribute(&span.attributes, "error.type").as_deref(), Some("upstream_unreachable"));
        assert_eq!(attribute(&span.attributes, "http.response.status_code").as_deref(), Some("200"));
    }
    let labels = [r#"http_response_status_code="200""#, r#"error_type="upstream_unreachable""#];
    told.assert_counted("http_client_request_duration_seconds_count", &labels);
    told.assert_counted("http_server_request_duration_seconds_count", &labels);
    assert_eq!((&told.line["decision"], &told.line["status"]), (&"fail".into(), &200.into()));
}

/// It passes, and is one of those that must not be missed.
#[tokio::test]
async fn an_answer_of_5xx_has_its_line_and_its_trace() {
    let quiet = Quiet::start(Reply::json(503, "{}"), "always_off").await;
    let mut client = Client::connect(quiet.program.listen).await;
    client.send(patch("{}")).await;
    assert_eq!(client.answer().await.expect("an answer").status(), 503);
    let told = quiet.told().await;
    assert_eq!((&told.line["decision"], &told.line["status"]), (&"allow".into(), &503.into()));
    let labels = [r#"http_response_status_code="503""#, r#"error_type="503""#];
    told.assert_counted("http_client_request_duration_seconds_count", &labels);
    told.assert_counted("http_server_request_duration_seconds_count", &labels);
}

/// Forty fields that no one declared, and one that a policy forbids.
fn crowded() -> Vec<u8> {
    let unknown: Vec<String> = (0..40).map(|number| format!(r#""unknown_{number}":1"#)).collect();
    patch(format!(r#"{{{},"skip_password_checks":true}}"#, unknown.join(",")))
}

#[tokio::test]
async fn the_policy_that_refused_is_told_however_many_fields_are_unknown() {
    for unknown_fields in [UnknownFields::Warn, UnknownFields::Deny] {
        let upstream = Recorder::answering(200, "{}").await;
        let mut setup = Setup::before(upstream.address());
        setup.strictness.unknown_fields = unknown_fields;
        let mut gateway = setup.start();
        let mut watching = gateway.shared.telemetry.watch(WatchFilter::default()).expect("a place");
        let answer = gateway.ask(crowded()).await;
        assert_eq!(answer.status(), 422);
        let policy = "no-skip-password-checks";
        assert!(answer.header("portcullis-decision").expect("a decision").contains(policy), "{}", answer.head);
        let errors: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let errors = errors["errors"].as_array().expect("errors");
        assert!(errors.len() <= 32 && errors.iter().any(|error| error["meta"]["policy"] == policy), "{errors:?}");
        let line = gateway.line().await;
        assert!(line["violations"].as_u64() > Some(32), "{line}");
        assert_eq!(line["policies"], serde_json::json!([{ "name": policy, "action": "deny" }]));
        assert!(line["fields"].as_array().is_some_and(|it| it.contains(&"skip_password_checks".into())), "{line}");
        let watched = std::future::poll_fn(|context| watching.poll_line(context)).await.expect("a line");
        let watched: Value = serde_json::from_slice(&watched).expect("JSON");
        let details = watched["details"].as_array().expect("details");
        assert!(details.len() == 32 && details.iter().any(|it| it["rule"] == policy), "{watched}");
        let metrics = gateway.shared.telemetry.metrics_text();
        let counted =
            r#"{operation="UpdateUser",policy="no-skip-password-checks",action="deny",reason="policy_denied"} 1"#;
        assert!(metrics.contains(counted), "{metrics}");
    }
}

/// What the line of the access log says of a client that reads `reply` as far as `read`, and leaves.
async fn left_after(reply: &str, read: &str) -> Value {
    let reply = Reply::Bytes(reply.as_bytes().to_vec());
    let upstream = Recorder::start(move |_| reply.clone()).await;
    let mut gateway = Setup::before(upstream.address()).start();
    let mut client = Client::connect(gateway.address).await;
    client.send(patch("{}")).await;
    let mut seen = Vec::new();
    while !seen.ends_with(read.as_bytes()) {
        seen.push(client.stream.read_u8().await.expect("a byte"));
    }
    client.reset();
    gateway.line().await
}

#[tokio::test]
async fn who_leaves_in_the_middle_of_an_answer_is_told_from_who_read_it_all() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n";
    let line = left_after(&format!("{head}half"), "half").await;
    assert_eq!(
        (&line["decision"], &line["status"], &line["upstream_status"]),
        (&"abort".into(), &200.into(), &200.into())
    );
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    assert_eq!(left_after(chunked, "half\r\n").await["decision"], "abort");
    for whole in [format!("{head}half+end"), format!("{chunked}4\r\n+end\r\n0\r\n\r\n")] {
        let end = if whole.contains("chunked") { "0\r\n\r\n" } else { "+end" };
        assert_eq!(left_after(&whole, end).await["decision"], "allow", "{whole}");
    }
    assert_eq!(left_after("HTTP/1.1 204 No Content\r\n\r\n", "\r\n\r\n").await["decision"], "allow");
}

#[tokio::test]
async fn the_size_of_a_body_that_nobody_read_is_not_known() {
    let upstream = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(upstream.address());
    (setup.limits.body_timeout, setup.limits.body_bytes) = (Duration::from_millis(200), 1000);
    let mut gateway = setup.start();
    let mut client = Client::connect(gateway.address).await;
    let slow = patch(format!("{{\"first_name\":\"{}\"}}", "a".repeat(100)));
    client.send(&slow[..slow.len() - 90]).await;
    assert_eq!(client.answer().await.expect("an answer").status(), 408);
    assert_eq!(gateway.line().await["request_bytes"], 117 - 90, "as many as came");
    assert_eq!(gateway.ask(patch("a".repeat(1001))).await.status(), 413);
    assert_eq!(gateway.line().await.get("request_bytes"), None);
    assert_eq!(gateway.ask(patch("{}")).await.status(), 200);
    assert_eq!(gateway.line().await["request_bytes"], 2);
    assert_eq!(gateway.ask("GET /v1/users HTTP/1.1\r\nhost: gateway\r\n\r\n").await.status(), 200);
    assert_eq!(gateway.line().await["request_bytes"], 0, "there is none");
    let metrics = gateway.shared.telemetry.metrics_text();
    let read = metrics.lines().filter(|line| line.starts_with("http_server_request_body_size_bytes_count"));
    assert_eq!(read.filter(|line| line.contains("\"413\"")).count(), 0, "{metrics}");
}
