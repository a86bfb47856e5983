//! The whole tree of spans, as a collector gets it from the real program, for each way a request can go; and that names are
//! those of OpenTelemetry's conventions.

use crate::support::client::Client;
use crate::support::collector::{Collector, Protocol, attribute};
use crate::support::program::Program;
use crate::support::recorder::{Recorder, Reply};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_semantic_conventions::attribute as conventions;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use tempfile::TempDir;

/// The names that the conventions have, of all that the gateway writes.
const CONVENTIONAL: [&str; 23] = [
    conventions::CLIENT_ADDRESS,
    conventions::CLIENT_PORT,
    conventions::ERROR_TYPE,
    conventions::HTTP_REQUEST_BODY_SIZE,
    conventions::HTTP_REQUEST_METHOD,
    conventions::HTTP_REQUEST_RESEND_COUNT,
    conventions::HTTP_RESPONSE_BODY_SIZE,
    conventions::HTTP_RESPONSE_STATUS_CODE,
    conventions::HTTP_ROUTE,
    conventions::NETWORK_PEER_ADDRESS,
    conventions::NETWORK_PEER_PORT,
    conventions::NETWORK_PROTOCOL_VERSION,
    conventions::SECURITY_RULE_NAME,
    conventions::SECURITY_RULE_RULESET_NAME,
    conventions::SECURITY_RULE_VERSION,
    conventions::SERVER_ADDRESS,
    conventions::SERVER_PORT,
    conventions::URL_FULL,
    conventions::URL_PATH,
    conventions::URL_SCHEME,
    conventions::URL_TEMPLATE,
    conventions::USER_AGENT_NAME,
    conventions::USER_AGENT_VERSION,
];

/// Where names of our own live, for what the conventions have no name.
const OWN: [&str; 5] = ["clerk.", "cloudflare.", "decision.", "policy.", "portcullis."];

/// In every place of a request that a trace could show.
const CANARY: &str = "canary7f3a";

/// An answer with the ids that support asks for.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nclerk-trace-id: 4bf92f3577b34da6\r\n\
    cf-ray: 9a1b2c3d4e5f6a7b-FRA\r\ncontent-length: 2\r\n\r\n{}";

fn configuration(upstream: &Recorder) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let policies = std::path::absolute("policies").expect("a folder");
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
         upstream: {{ url: \"http://{}\" }}\npolicies: [{policies:?}]\nworkers: 1\ncontract: {{ fallthrough: forward }}\n",
        upstream.address()
    );
    std::fs::write(folder.path().join("gateway.yaml"), text).expect("a file");
    folder
}

/// The spans of one request, whose head begins with `line`.
async fn spans_of(line: &str, headers: &str, body: &str) -> Vec<Span> {
    let upstream = Recorder::start(|request| match request.line() {
        line if line.contains("/close") => Reply::Close,
        _ => Reply::Bytes(ANSWER.to_vec()),
    })
    .await;
    let mut collector = Collector::start(Protocol::Http, None).await;
    let folder = configuration(&upstream);
    let program = Program::start(&folder.path().join("gateway.yaml"), &collector.variables()).await;
    let request = format!(
        "{line} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer sk_live_{CANARY}\r\nuser-agent: curl/8.5.0 {CANARY}\r\n{headers}\r\n{body}"
    );
    let mut client = Client::connect(program.listen).await;
    client.send(request).await;
    client.answer().await.expect("an answer");
    program.signal("TERM");
    assert!(program.ended().await.status.success());
    let mut spans = collector.batch().await.spans();
    spans.sort_by_key(|span| (span.kind != SpanKind::Server as i32, span.start_time_unix_nano));
    assert!(!format!("{spans:?}").contains(CANARY));
    spans
}

pub(crate) async fn spans_of_json(line: &str, body: &str) -> Vec<Span> {
    let headers = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    spans_of(line, &headers, body).await
}

/// What differs from run to run has its name in place of its value.
fn attributes(text: &mut String, indent: &str, attributes: &[KeyValue]) {
    let mut keys: Vec<_> = attributes.iter().map(|it| it.key.as_str()).collect();
    keys.sort_unstable();
    for key in keys {
        let varies = ["port", "duration", "decision.id", "revision", "url.full"].iter().any(|part| key.ends_with(part))
            || key == "security_rule.version";
        let value = if varies { String::from("*") } else { attribute(attributes, key).expect("a value") };
        writeln!(text, "{indent}{key}: {value}").expect("text");
    }
}

fn tree(spans: &[Span]) -> String {
    let mut text = String::new();
    let root = &spans[0];
    for span in spans {
        assert!(std::ptr::eq(span, root) || span.parent_span_id == root.span_id, "one level deep");
        let indent = if std::ptr::eq(span, root) { "" } else { "  " };
        let status = span.status.as_ref().map_or("Unset", |status| status.code().as_str_name());
        writeln!(text, "{indent}{} [{}] {status}", span.name, span.kind().as_str_name()).expect("text");
        attributes(&mut text, &format!("{indent}  "), &span.attributes);
        for event in &span.events {
            writeln!(text, "{indent}  ! {}", event.name).expect("text");
            attributes(&mut text, &format!("{indent}    "), &event.attributes);
        }
    }
    text
}

fn assert_conventional(spans: &[Span]) {
    let events = spans.iter().flat_map(|span| &span.events).flat_map(|event| &event.attributes);
    let all = spans.iter().flat_map(|span| &span.attributes).chain(events);
    let keys: BTreeSet<&str> = all.map(|it| it.key.as_str()).collect();
    for key in keys {
        let is_own = OWN.iter().any(|own| key.starts_with(own));
        assert!(CONVENTIONAL.contains(&key) || is_own, "`{key}` is no name of the conventions and not one of ours");
    }
}

#[tokio::test]
async fn passed() {
    let spans = spans_of_json("PATCH /v1/users/user_canary7f3a", r#"{"first_name":"canary7f3a"}"#).await;
    assert_conventional(&spans);
    let url = attribute(&spans[2].attributes, "url.full").expect("a URL");
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/v1/users/{user_id}"), "{url}");
    insta::assert_snapshot!(tree(&spans), @"
    PATCH /v1/users/{user_id} [SPAN_KIND_SERVER] Unset
      clerk.api_version: any
      clerk.environment: production
      clerk.operation: UpdateUser
      client.address: 127.0.0.1
      client.port: *
      decision.id: *
      http.request.body.size: 27
      http.request.method: PATCH
      http.response.body.size: 2
      http.response.status_code: 200
      http.route: /v1/users/{user_id}
      network.protocol.version: 1.1
      policy.bundle.revision: *
      policy.decision: allow
      portcullis.key.class: sk_live
      server.address: 127.0.0.1
      server.port: *
      url.path: /v1/users/{user_id}
      url.scheme: http
      user_agent.name: curl
      user_agent.version: 8.5
      judge [SPAN_KIND_INTERNAL] Unset
        portcullis.judge.parse.duration: *
        portcullis.judge.policy.duration: *
        portcullis.judge.schema.duration: *
      PATCH /v1/users/{user_id} [SPAN_KIND_CLIENT] Unset
        clerk.trace_id: 4bf92f3577b34da6
        cloudflare.ray_id: 9a1b2c3d4e5f6a7b-FRA
        http.request.method: PATCH
        http.response.status_code: 200
        network.peer.address: 127.0.0.1
        network.peer.port: *
        network.protocol.version: 1.1
        portcullis.connection.duration: *
        portcullis.connection.reused: false
        server.address: 127.0.0.1
        server.port: *
        url.full: *
        url.template: /v1/users/{user_id}
    ");
}

#[tokio::test]
async fn refused() {
    let body = r#"{"skip_password_checks":true,"canary7f3a":1}"#;
    let spans = spans_of_json("PATCH /v1/users/user_1", body).await;
    assert_conventional(&spans);
    insta::assert_snapshot!(tree(&spans), @"
    PATCH /v1/users/{user_id} [SPAN_KIND_SERVER] Unset
      clerk.api_version: any
      clerk.environment: production
      clerk.operation: UpdateUser
      client.address: 127.0.0.1
      client.port: *
      decision.id: *
      http.request.body.size: 44
      http.request.method: PATCH
      http.response.body.size: 1086
      http.response.status_code: 422
      http.route: /v1/users/{user_id}
      network.protocol.version: 1.1
      policy.bundle.revision: *
      policy.decision: deny
      policy.reason: schema_violation
      portcullis.key.class: sk_live
      server.address: 127.0.0.1
      server.port: *
      url.path: /v1/users/{user_id}
      url.scheme: http
      user_agent.name: curl
      user_agent.version: 8.5
      ! policy.violation
        policy.action: deny
        policy.field: /*
        policy.reason: schema_violation
        security_rule.name: additionalProperties
        security_rule.ruleset.name: contract
        security_rule.version: *
      ! policy.violation
        policy.action: deny
        policy.field: skip_password_checks
        policy.reason: policy_denied
        security_rule.name: no-skip-password-checks
        security_rule.ruleset.name: policies
        security_rule.version: *
      judge [SPAN_KIND_INTERNAL] Unset
        policy.deciding_rules: additionalProperties, no-skip-password-checks
        portcullis.judge.parse.duration: *
        portcullis.judge.policy.duration: *
        portcullis.judge.schema.duration: *
    ");
}

#[tokio::test]
async fn upstream_failed() {
    let spans = spans_of_json("PATCH /v1/users/close", r#"{"first_name":"canary7f3a"}"#).await;
    assert_conventional(&spans);
    insta::assert_snapshot!(tree(&spans), @"
    PATCH /v1/users/{user_id} [SPAN_KIND_SERVER] STATUS_CODE_ERROR
      clerk.api_version: any
      clerk.environment: production
      clerk.operation: UpdateUser
      client.address: 127.0.0.1
      client.port: *
      decision.id: *
      error.type: upstream_unreachable
      http.request.body.size: 27
      http.request.method: PATCH
      http.response.body.size: 434
      http.response.status_code: 502
      http.route: /v1/users/{user_id}
      network.protocol.version: 1.1
      policy.bundle.revision: *
      policy.decision: fail
      policy.reason: upstream_unreachable
      portcullis.key.class: sk_live
      server.address: 127.0.0.1
      server.port: *
      url.path: /v1/users/{user_id}
      url.scheme: http
      user_agent.name: curl
      user_agent.version: 8.5
      judge [SPAN_KIND_INTERNAL] Unset
        portcullis.judge.parse.duration: *
        portcullis.judge.policy.duration: *
        portcullis.judge.schema.duration: *
      PATCH /v1/users/{user_id} [SPAN_KIND_CLIENT] STATUS_CODE_ERROR
        error.type: upstream_unreachable
        http.request.method: PATCH
        network.peer.address: 127.0.0.1
        network.peer.port: *
        network.protocol.version: 1.1
        portcullis.connection.duration: *
        portcullis.connection.reused: false
        server.address: 127.0.0.1
        server.port: *
        url.full: *
        url.template: /v1/users/{user_id}
    ");
}

/// What is not in the contract is not judged, so that there is no span of the judge.
#[tokio::test]
async fn streamed() {
    let spans = spans_of(
        "POST /v1/canary7f3a?canary7f3a=canary7f3a",
        "transfer-encoding: chunked\r\n",
        "a\r\ncanary7f3a\r\n0\r\n\r\n",
    )
    .await;
    assert_conventional(&spans);
    let url = attribute(&spans[1].attributes, "url.full").expect("a URL");
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/REDACTED"), "{url}");
    insta::assert_snapshot!(tree(&spans), @"
    POST [SPAN_KIND_SERVER] Unset
      clerk.environment: production
      client.address: 127.0.0.1
      client.port: *
      decision.id: *
      http.request.body.size: 10
      http.request.method: POST
      http.response.body.size: 2
      http.response.status_code: 200
      network.protocol.version: 1.1
      policy.bundle.revision: *
      policy.decision: exempt
      portcullis.key.class: sk_live
      server.address: 127.0.0.1
      server.port: *
      url.path: /REDACTED
      url.scheme: http
      user_agent.name: curl
      user_agent.version: 8.5
      POST [SPAN_KIND_CLIENT] Unset
        clerk.trace_id: 4bf92f3577b34da6
        cloudflare.ray_id: 9a1b2c3d4e5f6a7b-FRA
        http.request.method: POST
        http.response.status_code: 200
        network.peer.address: 127.0.0.1
        network.peer.port: *
        network.protocol.version: 1.1
        portcullis.connection.duration: *
        portcullis.connection.reused: false
        server.address: 127.0.0.1
        server.port: *
        url.full: *
    ");
}
