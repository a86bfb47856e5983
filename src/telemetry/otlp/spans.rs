//! The spans of a request: a SERVER span with the decision, below it an INTERNAL span for the judge and a CLIENT span
//! for each attempt to call the upstream.
//!
//! Names follow the stable OpenTelemetry HTTP conventions, except for what a caller could write a secret into.
//! `url.full` and `url.path` have the contract's template, because ids identify people and some paths contain tokens.
//! `url.query`, `user_agent.original` and headers are left out; of programs there are known names. Events have no
//! message.

use super::client_span::ClientSpanWriter;
use super::protobuf::Message;
use super::span::{OtlpAttributes, Span, SpanContext, SpanKind};
use crate::config::gateway::UpstreamTarget;
use crate::judge::RuleDifference;
use crate::judge::violation::{Action, Rule, Violation};
use crate::redact::{OTHER, UserAgent};
use crate::telemetry::attribute_cache::{AttributeCache, CacheKey, SharedAttributes};
use crate::telemetry::record::error_type::ErrorType;
use crate::telemetry::record::{JudgeTiming, RequestRecord};
use std::cell::RefCell;

thread_local! {
    /// The shared part of SERVER spans.
    static CACHE: RefCell<AttributeCache> = const { RefCell::new(AttributeCache::new()) };
}

/// The path of a request without a route.
const UNKNOWN_PATH: &str = "/REDACTED";

/// Writes the spans of requests.
#[derive(Clone, Debug)]
pub(super) struct SpanWriter {
    client: ClientSpanWriter,
}

impl SpanWriter {
    /// A writer for a gateway to `upstream`. The built-in stand-in has no address.
    pub(super) fn new(upstream: &UpstreamTarget) -> Self {
        Self { client: ClientSpanWriter::new(upstream) }
    }

    /// The number of spans of `record`: one to four.
    pub(super) fn count(record: &RequestRecord) -> usize {
        let attempts = record.upstream.as_ref().map_or(0, |call| 1 + usize::from(call.unsent.is_some()));
        1 + usize::from(record.judging.is_some()) + attempts
    }

    /// Writes the spans of `record` into the `ScopeSpans` `scope`.
    // All at once when the request is over, from its record: see `Telemetry::finish`.
    pub(super) fn write(&self, record: &RequestRecord, scope: &mut Message<'_>) {
        let trace = &record.trace;
        let parent = SpanContext {
            id: trace.server_span_id,
            parent: trace.parent_span_id,
            remote: trace.parent_span_id.is_some(),
        };
        let child = |id| SpanContext { id, parent: Some(trace.server_span_id), remote: false };
        Span::write(scope, trace, parent, SpanKind::Server, |span| server_span(span, record));
        if let Some(judging) = &record.judging {
            Span::write(scope, trace, child(rand::random()), SpanKind::Internal, |span| {
                judge_span(span, record, judging);
            });
        }
        if let Some(call) = &record.upstream {
            if let Some(unsent) = &call.unsent {
                let id = child(rand::random());
                Span::write(scope, trace, id, SpanKind::Client, |span| self.client.write_unsent(span, record, unsent));
            }
            Span::write(scope, trace, child(trace.client_span_id), SpanKind::Client, |span| {
                self.client.write(span, record, call);
            });
        }
    }
}

fn judge_span(span: &mut Span<'_, '_>, record: &RequestRecord, judging: &JudgeTiming) {
    span.name("judge");
    span.time(judging.started, judging.total());
    let mut attributes = span.attributes();
    attributes.seconds("portcullis.judge.parse.duration", judging.parse);
    attributes.seconds("portcullis.judge.schema.duration", judging.schema);
    attributes.seconds("portcullis.judge.policy.duration", judging.policy);
    let mut rules: Vec<&str> = Vec::new();
    for violation in record.fired_rules().into_iter().filter(|violation| violation.action == Action::Deny) {
        let rule = rule_name(&violation.rule);
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    if !rules.is_empty() {
        attributes.texts("policy.deciding_rules", rules.into_iter());
    }
}

fn server_span(span: &mut Span<'_, '_>, record: &RequestRecord) {
    span.time(record.started, record.elapsed);
    span.append_shared(&CACHE, &SharedAttributes::of(record), write_shared);
    own_attributes(&mut span.attributes(), record);
    let end = record.started + record.elapsed;
    for violation in record.shown_violations() {
        span.event("policy.violation", end, |attributes| violation_attributes(attributes, record, violation));
    }
    for difference in record.shadow.iter().flat_map(|shadow| shadow.shown_differences()) {
        span.event("policy.shadow_difference", end, |attributes| difference_attributes(attributes, difference));
    }
    let dropped = record.violations.len() - record.shown_violations().count();
    if dropped > 0 {
        span.dropped_events(dropped);
    }
    if let Some(why) = ErrorType::of_request(record) {
        error(span, why);
    }
}

/// Writes the part that many spans share.
fn write_shared(span: &mut Message<'_>, shared: &SharedAttributes<'_>) {
    let mut span = Span::of(span);
    name(&mut span, shared);
    let mut attributes = span.attributes();
    request_attributes(&mut attributes, shared);
    decision_attributes(&mut attributes, shared);
}

/// The path that may be shown: the contract's template, or a placeholder.
pub(super) fn path<'r>(shared: &SharedAttributes<'r>) -> &'r str {
    shared.operation().map_or(UNKNOWN_PATH, |operation| &operation.path)
}

/// Sets the name `{method} {route}`. A non-standard method is `HTTP`, an unknown route is left out (OpenTelemetry HTTP
/// conventions).
pub(super) fn name(span: &mut Span<'_, '_>, shared: &SharedAttributes<'_>) {
    let method = if shared.key.method == OTHER { "HTTP" } else { shared.key.method };
    match shared.operation() {
        Some(operation) => span.names(method, &operation.path),
        None => span.name(method),
    }
}

fn request_attributes(attributes: &mut OtlpAttributes<'_, '_>, shared: &SharedAttributes<'_>) {
    let CacheKey { method, endpoint, protocol_version, status, user_agent, .. } = shared.key;
    attributes.text("http.request.method", method);
    attributes.text("url.scheme", endpoint.scheme);
    attributes.text("url.path", path(shared));
    attributes.text("network.protocol.version", protocol_version);
    if let Some(operation) = shared.operation() {
        attributes.text("http.route", &operation.path);
    }
    if status > 0 {
        attributes.number("http.response.status_code", u64::from(status));
    }
    if let Some(address) = endpoint.address {
        attributes.address("server.address", address.ip());
        attributes.number("server.port", u64::from(address.port()));
    }
    if let Some(UserAgent { name, version }) = user_agent {
        attributes.text("user_agent.name", name);
        if let Some(version) = version {
            attributes.text("user_agent.version", &version.to_string());
        }
    }
}

fn decision_attributes(attributes: &mut OtlpAttributes<'_, '_>, shared: &SharedAttributes<'_>) {
    let CacheKey { outcome, environment, key_class, reason, .. } = shared.key;
    attributes.text("policy.decision", outcome.as_str());
    attributes.text("policy.bundle.revision", shared.revision());
    attributes.text("clerk.environment", environment.as_str());
    attributes.text("portcullis.key.class", key_class.as_str());
    if let Some(reason) = reason {
        attributes.text("policy.reason", reason.as_str());
    }
    if let Some(operation) = shared.operation() {
        attributes.text("clerk.operation", &operation.id);
        attributes.text("clerk.api_version", &operation.api_version);
    }
}

/// Writes the attributes of this request alone.
fn own_attributes(attributes: &mut OtlpAttributes<'_, '_>, record: &RequestRecord) {
    attributes.hex("decision.id", record.decision_id.0);
    if let Some(bytes) = record.request_bytes {
        attributes.number("http.request.body.size", bytes);
    }
    attributes.number("http.response.body.size", record.response_bytes);
    if let Some(shadow) = record.shadow.as_ref().filter(|shadow| shadow.differs()) {
        attributes.text("portcullis.shadow.revision", &shadow.revision);
        if let Some(decision) = shadow.decision() {
            attributes.text("portcullis.shadow.decision", decision.as_str());
        }
    }
    if let Some(client) = record.client {
        attributes.address("client.address", client.ip());
        attributes.number("client.port", u64::from(client.port()));
    }
}

/// The value of `security_rule.name`: a policy or limit, a keyword of a schema, or the gateway.
fn rule_name(rule: &Rule) -> &str {
    match rule {
        Rule::Policy(name) => name,
        Rule::Keyword(keyword) => keyword,
        Rule::Gateway => "gateway",
    }
}

/// Writes the attributes of a violation.
// A rule has the version of its set: policies that of the bundle, keywords that of the contract.
fn violation_attributes(attributes: &mut OtlpAttributes<'_, '_>, record: &RequestRecord, violation: &Violation) {
    let api_version = record.operation.as_ref().map_or("", |operation| &operation.api_version);
    let (ruleset, version) = match &violation.rule {
        Rule::Policy(_) => ("policies", &*record.revision),
        Rule::Keyword(_) => ("contract", api_version),
        Rule::Gateway => ("portcullis", env!("CARGO_PKG_VERSION")),
    };
    attributes.text("security_rule.name", rule_name(&violation.rule));
    attributes.text("security_rule.ruleset.name", ruleset);
    attributes.text("security_rule.version", version);
    attributes.text("policy.action", violation.action.as_str());
    attributes.text("policy.reason", violation.reason.as_str());
    if let Some(field) = &violation.field {
        attributes.text("policy.field", &field.for_log());
    }
    if let Some(waiver) = &violation.waived_by {
        attributes.text("policy.waived_by", waiver);
    }
}

/// Writes the attributes of a rule with another effect in the shadow bundle.
fn difference_attributes(attributes: &mut OtlpAttributes<'_, '_>, difference: &RuleDifference) {
    let RuleDifference { rule, action, shadow_action } = difference;
    attributes.text("security_rule.name", rule_name(rule));
    if let Some(action) = action {
        attributes.text("policy.action", action.as_str());
    }
    if let Some(action) = shadow_action {
        attributes.text("portcullis.shadow.action", action.as_str());
    }
}

/// Sets the status to error and `error.type` to `why`.
pub(super) fn error(span: &mut Span<'_, '_>, why: ErrorType) {
    span.error();
    span.attributes().text("error.type", &why.to_string());
}

#[cfg(test)]
mod tests;
