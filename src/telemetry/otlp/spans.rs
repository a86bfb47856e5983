//! The spans of a request, written from its record when it is over: a SERVER span with the decision, below it an INTERNAL
//! one for the judge and a CLIENT one for the call to the upstream.
//!
//! Names follow the OpenTelemetry HTTP conventions (stable). `url.full` and `url.path`, which those ask for too, are left
//! out on purpose: a path as sent may hold a secret. Events are named and hold no message, for the same reason.

use super::protobuf::Message;
use super::span::{Attributes, Kind, Lineage, Span};
use crate::config::gateway::UpstreamTarget;
use crate::judge::violation::{Rule, Violation};
use crate::redact::OTHER;
use crate::telemetry::record::{Outcome, Record, UpstreamCall};
use std::time::{Duration, SystemTime};

/// Writes spans: what is the same for all of them.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    /// The upstream's name and port, as configured.
    server: Option<(Box<str>, u16)>,
}

impl Spans {
    /// Spans of a gateway to `upstream`; the built-in stand-in has no address.
    pub(super) fn new(upstream: &UpstreamTarget) -> Self {
        let server = match upstream {
            UpstreamTarget::Embedded => None,
            UpstreamTarget::Url { host, port, .. } => Some((Box::from(host.as_str()), *port)),
        };
        Self { server }
    }

    /// How many spans `record` has: one to three.
    pub(super) fn count(record: &Record) -> usize {
        1 + usize::from(judged(record).is_some()) + usize::from(record.upstream.is_some())
    }

    /// Writes the spans of `record` into the `ScopeSpans` that `scope` is.
    pub(super) fn write(&self, record: &Record, scope: &mut Message<'_>) {
        let trace = &record.trace;
        let parent =
            Lineage { id: trace.server_span_id, parent: trace.parent_span_id, remote: trace.parent_span_id.is_some() };
        let child = |id| Lineage { id, parent: Some(trace.server_span_id), remote: false };
        Span::write(scope, trace, parent, Kind::Server, |span| serve(span, record));
        if let Some((started, elapsed)) = judged(record) {
            Span::write(scope, trace, child(rand::random()), Kind::Internal, |span| {
                span.name("judge");
                span.time(started, elapsed);
            });
        }
        if let Some(call) = &record.upstream {
            Span::write(scope, trace, child(trace.client_span_id), Kind::Client, |span| self.call(span, record, call));
        }
    }

    /// A CLIENT span. A 4xx is an error here, as the conventions have it: this client's request was not answered well.
    fn call(&self, span: &mut Span<'_, '_>, record: &Record, call: &UpstreamCall) {
        name(span, record);
        span.time(call.started, call.elapsed);
        let mut attributes = span.attributes();
        called(&mut attributes, record, call);
        if let Some((host, port)) = &self.server {
            attributes.text("server.address", host);
            attributes.number("server.port", u64::from(*port));
        }
        if call.status.is_none_or(|status| status >= 400) {
            error(span, record, call.status);
        }
    }
}

/// When the judge began and how long it took; none where nothing was judged.
fn judged(record: &Record) -> Option<(SystemTime, Duration)> {
    record.judge_started.zip(record.judge)
}

fn serve(span: &mut Span<'_, '_>, record: &Record) {
    name(span, record);
    span.time(record.started, record.elapsed);
    let mut attributes = span.attributes();
    served(&mut attributes, record);
    decided(&mut attributes, record);
    let end = record.started + record.elapsed;
    for violation in record.shown_violations() {
        span.event("policy.violation", end, |attributes| violated(attributes, violation));
    }
    let dropped = record.violations.len() - record.shown_violations().count();
    if dropped > 0 {
        span.dropped_events(dropped);
    }
    if record.status >= 500 {
        error(span, record, Some(record.status));
    }
}

/// `{method} {route}`; a method that is not standard is `HTTP`, a route that the contract lacks is left out.
fn name(span: &mut Span<'_, '_>, record: &Record) {
    let method = if record.method == OTHER { "HTTP" } else { record.method };
    match &record.routed {
        Some(routed) => span.names(method, &routed.route),
        None => span.name(method),
    }
}

fn served(attributes: &mut Attributes<'_, '_>, record: &Record) {
    attributes.text("http.request.method", record.method);
    attributes.text("url.scheme", record.scheme);
    attributes.text("network.protocol.version", record.protocol_version);
    attributes.number("http.request.body.size", record.request_bytes);
    attributes.number("http.response.body.size", record.response_bytes);
    if let Some(routed) = &record.routed {
        attributes.text("http.route", &routed.route);
    }
    if record.status > 0 {
        attributes.number("http.response.status_code", u64::from(record.status));
    }
    if let Some(client) = record.client {
        attributes.address("client.address", client.ip());
    }
}

fn decided(attributes: &mut Attributes<'_, '_>, record: &Record) {
    attributes.text("policy.decision", record.outcome.as_str());
    attributes.text("policy.bundle.revision", &record.revision);
    attributes.hex("decision.id", record.decision_id.0);
    attributes.text("clerk.environment", record.environment.as_str());
    attributes.text("portcullis.key.class", record.key_class.as_str());
    if let Some(reason) = record.reason {
        attributes.text("policy.reason", reason.as_str());
    }
    if let Some(routed) = &record.routed {
        attributes.text("clerk.operation", &routed.operation);
        attributes.text("clerk.api_version", &routed.api_version);
    }
}

fn violated(attributes: &mut Attributes<'_, '_>, violation: &Violation) {
    let rule = match &violation.rule {
        Rule::Policy(name) => name,
        Rule::Keyword(keyword) => *keyword,
        Rule::Gateway => "gateway",
    };
    attributes.text("security_rule.name", rule);
    attributes.text("policy.action", violation.action.as_str());
    attributes.text("policy.reason", violation.reason.as_str());
    if let Some(field) = &violation.field {
        attributes.text("policy.field", &field.for_log());
    }
}

fn called(attributes: &mut Attributes<'_, '_>, record: &Record, call: &UpstreamCall) {
    attributes.text("http.request.method", record.method);
    attributes.truth("portcullis.connection.reused", call.reused);
    if let Some(status) = call.status {
        attributes.number("http.response.status_code", u64::from(status));
    }
    if let Some(connect) = call.connect {
        attributes.seconds("portcullis.connection.duration", connect);
    }
    if let Some(peer) = call.peer {
        attributes.address("network.peer.address", peer.ip());
        attributes.number("network.peer.port", u64::from(peer.port()));
    }
}

/// Marks the span as an error, of our own reason where the gateway failed, else of the status that says so.
fn error(span: &mut Span<'_, '_>, record: &Record, status: Option<u16>) {
    span.error();
    let mut attributes = span.attributes();
    match (record.reason, record.outcome, status) {
        (Some(reason), Outcome::Failed, _) => attributes.text("error.type", reason.as_str()),
        (_, _, Some(status)) => attributes.text("error.type", &status.to_string()),
        (_, Outcome::Aborted, None) => attributes.text("error.type", "aborted"),
        _ => attributes.text("error.type", OTHER),
    }
}

#[cfg(test)]
mod tests {
    use super::super::protobuf::Message;
    use super::Spans;
    use crate::config::gateway::UpstreamTarget;
    use crate::telemetry::record::{Record, samples};
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
    use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
    use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span, SpanFlags};
    use prost::Message as _;

    fn spans(record: &Record) -> Vec<Span> {
        let host = String::from("api.example.com");
        let mut bytes = Vec::new();
        let spans = Spans::new(&UpstreamTarget::Url { tls: true, host, port: 443 });
        spans.write(record, &mut Message::new(&mut bytes));
        let spans = ScopeSpans::decode(&*bytes).unwrap().spans;
        assert_eq!(spans.len(), Spans::count(record));
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
        let record = samples::allowed();
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
    fn the_time_to_connect_is_told_in_seconds() {
        let mut record = samples::allowed();
        record.upstream.as_mut().unwrap().connect = Some(std::time::Duration::from_millis(250));
        assert_eq!(attribute(&spans(&record)[2], "portcullis.connection.duration").as_deref(), Some("0.25"));
    }

    #[test]
    fn a_refusal_is_no_error_and_has_an_event_for_each_violation() {
        let [server, _] = &spans(&samples::denied())[..] else { panic!("no call was made") };
        assert!(!is_error(server));
        assert_eq!(attribute(server, "error.type"), None);
        assert_eq!(attribute(server, "policy.reason").unwrap(), "policy_denied");
        assert_eq!(server.events.len(), 2);
        let shown = format!("{:?}", server.events[1].attributes);
        assert!(shown.contains("policy.field") && shown.contains("/*"), "{shown}");
    }

    #[test]
    fn a_failure_is_an_error_on_both_sides() {
        let [server, _, client] = &spans(&samples::failed())[..] else { panic!("three spans") };
        for span in [server, client] {
            assert!(is_error(span));
            assert_eq!(attribute(span, "error.type").unwrap(), "upstream_timeout");
        }
        assert_eq!(attribute(client, "http.response.status_code"), None);
    }

    #[test]
    fn an_answer_of_4xx_is_an_error_of_the_call_alone() {
        let mut record = samples::allowed();
        record.status = 404;
        record.upstream.as_mut().unwrap().status = Some(404);
        let [server, _, client] = &spans(&record)[..] else { panic!("three spans") };
        assert!(!is_error(server));
        assert_eq!(attribute(client, "error.type").unwrap(), "404");
    }

    #[test]
    fn an_unknown_request_is_named_by_no_word_of_its_own() {
        let [server] = &spans(&samples::unrouted())[..] else { panic!("nothing was judged or called") };
        assert_eq!(server.name, "HTTP");
        assert_eq!(attribute(server, "http.route"), None);
    }

    #[test]
    fn events_are_bounded_and_what_is_left_out_is_counted() {
        let mut record = samples::denied();
        record.violations = vec![record.violations; 1000].concat();
        let spans = spans(&record);
        assert_eq!(spans[0].events.len() + spans[0].dropped_events_count as usize, 2000);
        assert!(spans[0].events.len() <= 128);
    }
}
