//! The fields of a request's log line, independent of its format. The names are an interface: a name keeps its meaning.

use crate::judge::RuleDifference;
use crate::judge::violation::{Action, Rule, Violation};
use crate::telemetry::attribute_cache::SharedAttributes;
use crate::telemetry::format::hex;
use crate::telemetry::record::{RequestRecord, UpstreamCall};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// Most body fields that a line lists.
const MOST_PLACES: usize = 32;

/// A format that fields are written in.
pub(in crate::telemetry) trait FieldSink {
    /// A string that may need escaping.
    fn text(&mut self, name: &'static str, text: &str);

    /// ASCII that needs no escaping in any format.
    fn bare(&mut self, name: &'static str, value: &[u8]);

    fn number(&mut self, name: &'static str, number: u64);

    fn truth(&mut self, name: &'static str, truth: bool);

    fn address(&mut self, name: &'static str, address: IpAddr);

    /// A list of strings, with at least one.
    fn texts<'t>(&mut self, name: &'static str, texts: impl Iterator<Item = &'t str>);

    /// A list of violated policies, with at least one.
    fn policies<'t>(&mut self, name: &'static str, policies: impl Iterator<Item = FiredPolicy<'t>>);

    /// A list of rules with another effect in the shadow bundle, with at least one.
    fn differences(&mut self, name: &'static str, differences: &[RuleDifference]);
}

/// A violated policy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::telemetry) struct FiredPolicy<'t> {
    pub(in crate::telemetry) name: &'t str,
    /// The policy's action, which its waiver may have lowered.
    pub(in crate::telemetry) action: Action,
    /// The waiver that lowered the action.
    pub(in crate::telemetry) waived_by: Option<&'t str>,
}

/// Request and decision: the fields that requests of one kind share.
// Only these come from `SharedAttributes`, so each format can cache them in encoded form.
pub(in crate::telemetry) fn write_shared(fields: &mut impl FieldSink, shared: &SharedAttributes<'_>) {
    let key = &shared.key;
    fields.bare("method", key.method.as_bytes());
    fields.text("route", shared.route());
    if let Some(operation) = shared.operation() {
        fields.text("operation", &operation.id);
        fields.text("api_version", &operation.api_version);
    }
    fields.bare("environment", key.environment.as_str().as_bytes());
    fields.bare("key", key.key_class.as_str().as_bytes());
    fields.number("status", key.status.into());
    fields.bare("decision", key.outcome.as_str().as_bytes());
    if let Some(reason) = key.reason {
        fields.bare("reason", reason.as_str().as_bytes());
    }
    fields.text("revision", shared.revision());
}

/// The rules that decided.
pub(in crate::telemetry) fn rules(fields: &mut impl FieldSink, record: &RequestRecord) {
    if record.violations.is_empty() {
        return;
    }
    let policies = distinct(record, fired_policy);
    if !policies.is_empty() {
        fields.policies("policies", policies.into_iter());
    }
    texts(fields, "keywords", &distinct(record, keyword));
    texts(fields, "fields", &places(record));
    texts(fields, "audited", &distinct(record, audited_reason));
    fields.number("violations", record.violations.len() as u64);
}

/// What the shadow bundle would have decided otherwise.
pub(in crate::telemetry) fn shadow(fields: &mut impl FieldSink, record: &RequestRecord) {
    let Some(shadow) = record.shadow.as_ref().filter(|shadow| shadow.differs()) else { return };
    fields.text("shadow_revision", &shadow.revision);
    if let Some(decision) = shadow.decision() {
        fields.bare("shadow_decision", decision.as_str().as_bytes());
    }
    fields.differences("shadow_differences", shadow.shown_differences());
}

/// Sizes and durations.
pub(in crate::telemetry) fn costs(fields: &mut impl FieldSink, record: &RequestRecord) {
    if let Some(bytes) = record.request_bytes {
        fields.number("request_bytes", bytes);
    }
    fields.number("response_bytes", record.response_bytes);
    fields.number("duration_us", micros(record.elapsed));
    if let Some(judge) = record.judging {
        fields.number("judge_us", micros(judge.total()));
    }
    if let Some(UpstreamCall { elapsed, status, reused, connect, .. }) = &record.upstream {
        fields.number("upstream_us", micros(*elapsed));
        if let Some(connect) = connect {
            fields.number("upstream_connect_us", micros(*connect));
        }
        if let Some(status) = status {
            fields.number("upstream_status", (*status).into());
        }
        fields.truth("upstream_reused", *reused);
    }
}

/// Ids to find the request by.
pub(in crate::telemetry) fn ids(fields: &mut impl FieldSink, record: &RequestRecord) {
    fields.bare("decision_id", &hex::<8, 16>(record.decision_id.0.to_be_bytes()));
    if let Some(fingerprint) = record.key_fingerprint {
        fields.bare("key_fingerprint", &hex::<8, 16>(fingerprint.0.to_be_bytes()));
    }
    let ids = record.upstream.as_ref().map(|call| &call.ids);
    if let Some(id) = ids.and_then(|ids| ids.clerk_trace_id.as_ref()) {
        fields.bare("clerk_trace_id", id.as_bytes());
    }
    if let Some(id) = ids.and_then(|ids| ids.cf_ray.as_ref()) {
        fields.bare("cf_ray", id.as_bytes());
    }
    if let Some(client) = record.client {
        fields.address("client_address", client.ip());
    }
}

/// Writes a list, unless it is empty.
fn texts<T: AsRef<str>>(fields: &mut impl FieldSink, name: &'static str, texts: &BTreeSet<T>) {
    if !texts.is_empty() {
        fields.texts(name, texts.iter().map(AsRef::as_ref));
    }
}

/// The distinct values of `of` for the violations.
// Rules are few, so the sets stay small however many violations there are.
fn distinct<'a, T: Ord>(record: &'a RequestRecord, of: impl Fn(&'a Violation) -> Option<T>) -> BTreeSet<T> {
    record.violations.iter().filter_map(of).collect()
}

/// The distinct fields that violations are about.
// Bounded, as a list in the body has as many places as elements.
fn places(record: &RequestRecord) -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    for field in record.violations.iter().filter_map(|violation| violation.field.as_ref()) {
        places.insert(field.for_log());
        if places.len() >= MOST_PLACES {
            break;
        }
    }
    places
}

fn fired_policy(violation: &Violation) -> Option<FiredPolicy<'_>> {
    let waived_by = violation.waived_by.as_deref();
    match &violation.rule {
        Rule::Policy(name) => Some(FiredPolicy { name, action: violation.action, waived_by }),
        Rule::Keyword(_) | Rule::Gateway => None,
    }
}

const fn keyword(violation: &Violation) -> Option<&'static str> {
    match violation.rule {
        Rule::Keyword(keyword) => Some(keyword),
        Rule::Policy(_) | Rule::Gateway => None,
    }
}

/// The reason for which the contract would have refused what it only audits.
fn audited_reason(violation: &Violation) -> Option<&'static str> {
    let is_contract = !matches!(violation.rule, Rule::Policy(_));
    (is_contract && violation.action == Action::Audit).then_some(violation.reason.as_str())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
