//! The spans of a request, built from its record when it is over: a SERVER span with the decision, below it an INTERNAL
//! one for the judge and a CLIENT one for the call to the upstream.
//!
//! Names follow the OpenTelemetry HTTP conventions (stable). `url.full` and `url.path`, which those ask for too, are left
//! out on purpose: a path as sent may hold a secret. Events are named and hold no message, for the same reason.

use super::record::{Outcome, Record, UpstreamCall};
use crate::config::gateway::UpstreamTarget;
use crate::judge::violation::{Rule, Violation};
use crate::redact::OTHER;
use opentelemetry::trace::{Event, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::borrow::Cow;
use std::iter;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Builds spans: what is the same for all of them.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    scope: InstrumentationScope,
    /// The upstream's name and port, as configured.
    server: Option<(Arc<str>, u16)>,
}

impl Spans {
    /// Spans of a gateway to `upstream`; the built-in stand-in has no address.
    pub(super) fn new(upstream: &UpstreamTarget) -> Self {
        let scope = InstrumentationScope::builder("portcullis").with_version(env!("CARGO_PKG_VERSION")).build();
        let server = match upstream {
            UpstreamTarget::Embedded => None,
            UpstreamTarget::Url { host, port, .. } => Some((Arc::from(host.as_str()), *port)),
        };
        Self { scope, server }
    }

    /// How many spans `record` has: one to three.
    pub(super) fn count(record: &Record) -> usize {
        let judged = record.judge.is_some() && record.judge_started.is_some();
        1 + usize::from(judged) + usize::from(record.upstream.is_some())
    }

    /// The spans of `record`, each built when it is asked for.
    pub(super) fn of(&self, record: &Record) -> impl Iterator<Item = SpanData> {
        let judge = iter::once_with(|| self.judge(record)).flatten();
        let client = record.upstream.iter().map(|call| self.client(record, call));
        iter::once_with(|| self.server(record)).chain(judge).chain(client)
    }

    fn server(&self, record: &Record) -> SpanData {
        let mut span = self.span(record, record.trace.server_span_id, record.started, record.elapsed);
        span.parent_span_id = record.trace.parent_span_id.map_or(SpanId::INVALID, SpanId::from_bytes);
        span.parent_span_is_remote = record.trace.parent_span_id.is_some();
        span.span_kind = SpanKind::Server;
        span.name = name(record);
        span.attributes = served(record);
        span.attributes.extend(decision(record));
        let end = span.end_time;
        span.events.events = record.shown_violations().map(|violation| event(violation, end)).collect();
        span.events.dropped_count = u32::try_from(record.violations.len() - span.events.len()).unwrap_or(u32::MAX);
        if record.status >= 500 {
            span.status = Status::error("");
            span.attributes.push(KeyValue::new("error.type", error_type(record, Some(record.status))));
        }
        span
    }

    fn judge(&self, record: &Record) -> Option<SpanData> {
        let mut span = self.span(record, rand::random::<[u8; 8]>(), record.judge_started?, record.judge?);
        span.name = Cow::Borrowed("judge");
        Some(span)
    }

    /// A CLIENT span. A 4xx is an error here, as the conventions have it: this client's request was not answered well.
    fn client(&self, record: &Record, call: &UpstreamCall) -> SpanData {
        let mut span = self.span(record, record.trace.client_span_id, call.started, call.elapsed);
        span.span_kind = SpanKind::Client;
        span.name = name(record);
        span.attributes = called(record, call);
        if let Some((host, port)) = &self.server {
            span.attributes.push(KeyValue::new("server.address", Arc::clone(host)));
            span.attributes.push(KeyValue::new("server.port", i64::from(*port)));
        }
        if call.status.is_none_or(|status| status >= 400) {
            span.status = Status::error("");
            span.attributes.push(KeyValue::new("error.type", error_type(record, call.status)));
        }
        span
    }

    /// A span below the SERVER span, with nothing in it yet. What gets here is exported, so it counts as sampled.
    fn span(&self, record: &Record, id: [u8; 8], start: SystemTime, elapsed: Duration) -> SpanData {
        let trace_id = TraceId::from_bytes(record.trace.trace_id);
        let id = SpanId::from_bytes(id);
        SpanData {
            span_context: SpanContext::new(trace_id, id, TraceFlags::SAMPLED, false, TraceState::NONE),
            parent_span_id: SpanId::from_bytes(record.trace.server_span_id),
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: Cow::Borrowed(""),
            start_time: start,
            end_time: start + elapsed,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.scope.clone(),
        }
    }
}

/// `{method} {route}`; a method that is not standard is `HTTP`, a route that the contract lacks is left out.
fn name(record: &Record) -> Cow<'static, str> {
    let method = if record.method == OTHER { "HTTP" } else { record.method };
    match &record.routed {
        Some(routed) => Cow::Owned(format!("{method} {}", routed.route)),
        None => Cow::Borrowed(method),
    }
}

fn served(record: &Record) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(20);
    attributes.extend([
        KeyValue::new("http.request.method", record.method),
        KeyValue::new("url.scheme", record.scheme),
        KeyValue::new("network.protocol.version", record.protocol_version),
        KeyValue::new("http.request.body.size", number(record.request_bytes)),
        KeyValue::new("http.response.body.size", number(record.response_bytes)),
    ]);
    if let Some(routed) = &record.routed {
        attributes.push(KeyValue::new("http.route", Arc::clone(&routed.route)));
    }
    if record.status > 0 {
        attributes.push(KeyValue::new("http.response.status_code", i64::from(record.status)));
    }
    if let Some(client) = record.client {
        attributes.push(KeyValue::new("client.address", client.ip().to_string()));
    }
    attributes
}

fn decision(record: &Record) -> impl Iterator<Item = KeyValue> {
    let routed = record.routed.as_ref();
    let always = [
        KeyValue::new("policy.decision", record.outcome.as_str()),
        KeyValue::new("policy.bundle.revision", Arc::clone(&record.revision)),
        KeyValue::new("decision.id", record.decision_id.to_string()),
        KeyValue::new("clerk.environment", record.environment.as_str()),
        KeyValue::new("portcullis.key.class", record.key_class.as_str()),
    ];
    let known = [
        record.reason.map(|reason| KeyValue::new("policy.reason", reason.as_str())),
        routed.map(|routed| KeyValue::new("clerk.operation", Arc::clone(&routed.operation))),
        routed.map(|routed| KeyValue::new("clerk.api_version", Arc::clone(&routed.api_version))),
    ];
    always.into_iter().chain(known.into_iter().flatten())
}

fn event(violation: &Violation, at: SystemTime) -> Event {
    let rule: Value = match &violation.rule {
        Rule::Policy(name) => Arc::clone(name).into(),
        Rule::Keyword(keyword) => (*keyword).into(),
        Rule::Gateway => "gateway".into(),
    };
    let mut attributes = vec![
        KeyValue::new("security_rule.name", rule),
        KeyValue::new("policy.action", violation.action.as_str()),
        KeyValue::new("policy.reason", violation.reason.as_str()),
    ];
    attributes.extend(violation.field.as_ref().map(|field| KeyValue::new("policy.field", field.for_log())));
    Event::new("policy.violation", at, attributes, 0)
}

fn called(record: &Record, call: &UpstreamCall) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(10);
    attributes.extend([
        KeyValue::new("http.request.method", record.method),
        KeyValue::new("portcullis.connection.reused", call.reused),
    ]);
    if let Some(status) = call.status {
        attributes.push(KeyValue::new("http.response.status_code", i64::from(status)));
    }
    if let Some(connect) = call.connect {
        attributes.push(KeyValue::new("portcullis.connection.duration", connect.as_secs_f64()));
    }
    if let Some(peer) = call.peer {
        attributes.push(KeyValue::new("network.peer.address", peer.ip().to_string()));
        attributes.push(KeyValue::new("network.peer.port", i64::from(peer.port())));
    }
    attributes
}

/// Our own reason where the gateway failed, else the status that says so.
fn error_type(record: &Record, status: Option<u16>) -> Value {
    match (record.reason, record.outcome, status) {
        (Some(reason), Outcome::Failed, _) => reason.as_str().into(),
        (_, _, Some(status)) => status.to_string().into(),
        (_, Outcome::Aborted, None) => "aborted".into(),
        _ => OTHER.into(),
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Spans;
    use crate::config::gateway::UpstreamTarget;
    use crate::telemetry::record::{Record, samples};
    use opentelemetry::trace::{SpanId, SpanKind, Status};
    use opentelemetry_sdk::trace::SpanData;

    fn spans(record: &Record) -> Vec<SpanData> {
        let host = String::from("api.example.com");
        let spans: Vec<_> = Spans::new(&UpstreamTarget::Url { tls: true, host, port: 443 }).of(record).collect();
        assert_eq!(spans.len(), Spans::count(record));
        assert!(!format!("{spans:?}").contains(samples::CANARY));
        spans
    }

    fn attribute(span: &SpanData, key: &str) -> Option<String> {
        span.attributes.iter().find(|it| it.key.as_str() == key).map(|it| it.value.to_string())
    }

    #[test]
    fn the_judge_and_the_call_are_children_of_the_server_span() {
        let record = samples::allowed();
        let [server, judge, client] = &spans(&record)[..] else { panic!("three spans") };
        assert_eq!(server.name, "PATCH /v1/users/{user_id}");
        assert_eq!(server.parent_span_id, SpanId::from_bytes([0x22; 8]));
        assert!(server.parent_span_is_remote);
        assert_eq!((&server.span_kind, &server.status), (&SpanKind::Server, &Status::Unset));
        assert_eq!((judge.name.as_ref(), judge.parent_span_id), ("judge", SpanId::from_bytes([0x33; 8])));
        assert_eq!(client.span_context.span_id(), SpanId::from_bytes([0x44; 8]));
        assert_eq!(client.parent_span_id, server.span_context.span_id());
        assert_eq!(attribute(client, "server.address").unwrap(), "api.example.com");
        assert_eq!(attribute(client, "portcullis.connection.reused").unwrap(), "true");
        assert_eq!(client.status, Status::Unset);
    }

    #[test]
    fn a_refusal_is_no_error_and_has_an_event_for_each_violation() {
        let [server, _] = &spans(&samples::denied())[..] else { panic!("no call was made") };
        assert_eq!(server.status, Status::Unset);
        assert_eq!(attribute(server, "error.type"), None);
        assert_eq!(attribute(server, "policy.reason").unwrap(), "policy_denied");
        assert_eq!(server.events.len(), 2);
        assert!(server.events[1].attributes.iter().any(|it| it.value.as_str() == "/*"));
    }

    #[test]
    fn a_failure_is_an_error_on_both_sides() {
        let [server, _, client] = &spans(&samples::failed())[..] else { panic!("three spans") };
        for span in [server, client] {
            assert_eq!(span.status, Status::error(""));
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
        assert_eq!(server.status, Status::Unset);
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
        assert_eq!(spans[0].events.len() + spans[0].events.dropped_count as usize, 2000);
        assert!(spans[0].events.len() <= 128);
    }
}
