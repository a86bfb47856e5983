//! What a collector gets of a request.

use super::super::protobuf::Message;
use super::SpanWriter;
use crate::config::gateway::UpstreamTarget;
use crate::judge::violation::Action;
use crate::reason::Reason;
use crate::telemetry::record::{Outcome, RequestRecord, UnsentAttempt, UnsentCause, samples};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span, SpanFlags};
use prost::Message as _;

fn spans(record: &RequestRecord) -> Vec<Span> {
    let host = String::from("api.example.com");
    let mut bytes = Vec::new();
    let spans = SpanWriter::new(&UpstreamTarget::Url { tls: true, host, port: 443 });
    spans.write(record, &mut Message::new(&mut bytes));
    let spans = ScopeSpans::decode(&*bytes).unwrap().spans;
    assert_eq!(spans.len(), SpanWriter::count(record));
    assert!(!format!("{spans:?}").contains(samples::CANARY));
    spans
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|it| it.key == key)?;
    Some(match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::BoolValue(truth) => truth.to_string(),
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    })
}

fn is_error(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error)
}

#[test]
fn the_judge_and_the_call_are_children_of_the_server_span() {
    let record = samples::allowed_request();
    let [server, judge, client] = &spans(&record)[..] else { panic!("three spans") };
    assert_eq!(server.name, "PATCH /v1/users/{user_id}");
    assert_eq!((&server.trace_id[..], &server.span_id[..]), (&[0x11; 16][..], &[0x33; 8][..]));
    assert_eq!(server.parent_span_id, [0x22; 8]);
    assert_eq!(server.end_time_unix_nano - server.start_time_unix_nano, 1_234_000);
    assert_eq!(server.start_time_unix_nano, 1_778_574_600_125_000_000);
    assert_ne!(server.flags & SpanFlags::ContextIsRemoteMask as u32, 0);
    assert_eq!((server.kind(), is_error(server)), (SpanKind::Server, false));
    assert_eq!((judge.name.as_str(), judge.kind()), ("judge", SpanKind::Internal));
    assert_eq!(judge.parent_span_id, server.span_id);
    assert_eq!((&client.span_id[..], client.kind()), (&[0x44; 8][..], SpanKind::Client));
    assert_eq!(client.parent_span_id, server.span_id);
    assert_eq!(client.flags & SpanFlags::ContextIsRemoteMask as u32, 0);
    for (key, value) in [
        ("url.full", "https://api.example.com/v1/users/{user_id}"),
        ("server.address", "api.example.com"),
        ("server.port", "443"),
        ("network.peer.address", "127.0.0.1"),
        ("portcullis.connection.reused", "true"),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(attribute(client, key).as_deref(), Some(value), "{key}");
    }
    assert!(!is_error(client));
}

#[test]
fn what_the_shadow_bundle_would_decide_otherwise_is_on_the_server_span() {
    let server = &spans(&samples::differing_request())[0];
    assert_eq!(attribute(server, "portcullis.shadow.decision").as_deref(), Some("would_refuse"));
    assert_eq!(attribute(server, "portcullis.shadow.revision").as_deref(), Some("89abcdef"));
    let events = server.events.iter().filter(|event| event.name == "policy.shadow_difference");
    let texts = events.map(|event| {
        let of = |key| attribute(&Span { attributes: event.attributes.clone(), ..Span::default() }, key);
        ["security_rule.name", "policy.action", "portcullis.shadow.action"].map(of)
    });
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        texts.collect::<Vec<_>>(),
        [[text("no-skip-password-checks"), text("audit"), text("deny")], [text("type"), text("audit"), None]]
    );
    let same = &spans(&samples::allowed_request())[0];
    assert_eq!(attribute(same, "portcullis.shadow.revision"), None);
}

/// What is remembered of one must not show in another: on a thread of its own a request has no one before it.
#[test]
fn spans_are_the_same_whatever_was_written_before_them() {
    let mut records = samples::variations();
    records.extend([
        samples::denied_request(),
        samples::failed_request(),
        samples::unrouted_request(),
        samples::waived_request(),
        samples::differing_request(),
    ]);
    for _ in 0..2 {
        for record in &records {
            let alone = std::thread::scope(|scope| scope.spawn(|| spans(record)).join().unwrap());
            let among_others = spans(record);
            let shown = |spans: &[Span]| -> Vec<String> {
                // the judge's id is random
                let span = |span: &Span| format!("{:?}", Span { span_id: Vec::new(), ..span.clone() });
                spans.iter().map(span).collect()
            };
            assert_eq!(shown(&among_others), shown(&alone));
        }
    }
}

#[test]
fn the_time_to_connect_is_told_in_seconds() {
    let mut record = samples::allowed_request();
    record.upstream.as_mut().unwrap().connect = Some(std::time::Duration::from_millis(250));
    assert_eq!(attribute(&spans(&record)[2], "portcullis.connection.duration").as_deref(), Some("0.25"));
}

#[test]
fn an_attempt_that_never_left_has_a_span_of_its_own() {
    let mut record = samples::allowed_request();
    let call = record.upstream.as_mut().unwrap();
    let (peer, protocol_version) = (call.peer, Some("2"));
    let elapsed = std::time::Duration::from_micros(5);
    call.unsent = Some(UnsentAttempt {
        started: call.started - elapsed,
        elapsed,
        peer,
        protocol_version,
        reused: true,
        cause: UnsentCause::Closed,
    });
    let [server, _, unsent, client] = &spans(&record)[..] else { panic!("four spans") };
    assert_eq!((unsent.kind(), &unsent.parent_span_id), (SpanKind::Client, &server.span_id));
    assert!(is_error(unsent) && !is_error(client) && unsent.span_id != client.span_id);
    assert_eq!(attribute(unsent, "network.protocol.version").as_deref(), Some("2"));
    assert_eq!(attribute(client, "http.request.resend_count").as_deref(), Some("1"));
    assert_eq!(client.span_id, record.trace.client_span_id, "the one that the upstream is told of");
}

#[test]
fn a_refusal_is_no_error_and_has_an_event_for_each_violation() {
    let [server, _] = &spans(&samples::denied_request())[..] else { panic!("no call was made") };
    assert!(!is_error(server));
    assert_eq!(attribute(server, "error.type"), None);
    assert_eq!(attribute(server, "policy.reason").unwrap(), "policy_denied");
    assert_eq!(server.events.len(), 2);
    let shown = format!("{:?}", server.events[1].attributes);
    assert!(shown.contains("policy.field") && shown.contains("/*"), "{shown}");
}

#[test]
fn a_failure_is_an_error_on_both_sides() {
    let [server, _, client] = &spans(&samples::failed_request())[..] else { panic!("three spans") };
    for span in [server, client] {
        assert!(is_error(span));
        assert_eq!(attribute(span, "error.type").unwrap(), "upstream_timeout");
    }
    assert_eq!(attribute(client, "http.response.status_code"), None);
}

#[test]
fn an_answer_that_breaks_off_is_an_error_on_both_sides_though_its_head_said_200() {
    let mut record = samples::allowed_request();
    (record.outcome, record.reason) = (Outcome::Failed, Some(Reason::UpstreamUnreachable));
    let [server, _, client] = &spans(&record)[..] else { panic!("three spans") };
    for span in [server, client] {
        assert!(is_error(span));
        assert_eq!(attribute(span, "error.type").unwrap(), "upstream_unreachable");
        assert_eq!(attribute(span, "http.response.status_code").unwrap(), "200");
    }
}

#[test]
fn a_path_is_the_template_or_nothing() {
    let [server, _, client] = &spans(&samples::allowed_request())[..] else { panic!("three spans") };
    assert_eq!(attribute(server, "url.path").unwrap(), "/v1/users/{user_id}");
    assert_eq!(attribute(client, "url.template").unwrap(), "/v1/users/{user_id}");
    let [server] = &spans(&samples::unrouted_request())[..] else { panic!("nothing was judged or called") };
    assert_eq!(attribute(server, "url.path").unwrap(), "/REDACTED");
    assert_eq!(attribute(server, "http.request.body.size"), None, "nobody read it");
}

#[test]
fn every_rule_that_decided_is_named_however_many_violations_there_are() {
    let mut record = samples::denied_request();
    let mut keyword = record.violations.remove(1);
    keyword.action = Action::Warn;
    record.violations = [vec![keyword; 40], std::mem::take(&mut record.violations)].concat();
    let found = &spans(&record)[1].attributes;
    let rules = found.iter().find(|it| it.key == "policy.deciding_rules");
    assert!(format!("{rules:?}").contains("no-skip-password-checks"), "{found:?}");
}

#[test]
fn an_answer_of_4xx_is_an_error_of_the_call_alone() {
    let mut record = samples::allowed_request();
    record.status = 404;
    record.upstream.as_mut().unwrap().status = Some(404);
    let [server, _, client] = &spans(&record)[..] else { panic!("three spans") };
    assert!(!is_error(server));
    assert_eq!(attribute(client, "error.type").unwrap(), "404");
}

#[test]
fn an_unknown_request_is_named_by_no_word_of_its_own() {
    let [server] = &spans(&samples::unrouted_request())[..] else { panic!("nothing was judged or called") };
    assert_eq!(server.name, "HTTP");
    assert_eq!(attribute(server, "http.route"), None);
}

#[test]
fn events_are_bounded_and_what_is_left_out_is_counted() {
    let mut record = samples::denied_request();
    record.violations = vec![record.violations; 1000].concat();
    let spans = spans(&record);
    assert_eq!(spans[0].events.len() + spans[0].dropped_events_count as usize, 2000);
    assert!(spans[0].events.len() <= 128);
}
