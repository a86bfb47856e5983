//! The line of a request for machines: one JSON object. The names are an interface; a name once given keeps its meaning.

use crate::judge::violation::{Action, Field, Rule};
use crate::reason::Reason;
use crate::telemetry::record::Record;
use crate::telemetry::timestamp::Timestamp;
use serde::ser::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::IpAddr;
use std::time::Duration;

/// Appends the line of `record`, with its line feed.
pub(super) fn write(line: &mut Vec<u8>, record: &Record) {
    // a Vec takes every write and no key of ours is anything but a string, so this can't fail
    let _ = serde_json::to_writer(&mut *line, &Line::of(record));
    line.push(b'\n');
}

/// Every field a line can have; those that say nothing are left out.
#[derive(serde::Serialize)]
struct Line<'a> {
    timestamp: Shown<Timestamp>,
    method: &'static str,
    route: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<&'a str>,
    environment: &'static str,
    status: u16,
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    policies: BTreeSet<Fired<'a>>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    keywords: BTreeSet<&'static str>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    fields: BTreeSet<String>,
    #[serde(skip_serializing_if = "is_zero")]
    violations: usize,
    request_bytes: u64,
    response_bytes: u64,
    duration_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    judge_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_connect_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_reused: Option<bool>,
    trace_id: Hex,
    span_id: Hex,
    decision_id: Hex,
    revision: &'a str,
    key: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_fingerprint: Option<Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_address: Option<Shown<IpAddr>>,
}

/// A policy that fired and what it did.
#[derive(serde::Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Fired<'a> {
    name: &'a str,
    #[serde(serialize_with = "action")]
    action: Action,
}

impl<'a> Line<'a> {
    fn of(record: &'a Record) -> Self {
        let routed = record.routed.as_ref();
        let upstream = record.upstream.as_ref();
        Self {
            timestamp: Shown(Timestamp(record.started)),
            method: record.method,
            route: record.route(),
            operation: routed.map(|routed| &*routed.operation),
            api_version: routed.map(|routed| &*routed.api_version),
            environment: record.environment.as_str(),
            status: record.status,
            decision: record.outcome.as_str(),
            reason: record.reason.map(Reason::as_str),
            policies: policies(record),
            keywords: keywords(record),
            fields: record.shown_violations().filter_map(|it| it.field.as_ref()).map(Field::for_log).collect(),
            violations: record.violations.len(),
            request_bytes: record.request_bytes,
            response_bytes: record.response_bytes,
            duration_us: micros(record.elapsed),
            judge_us: record.judge.map(micros),
            upstream_us: upstream.map(|call| micros(call.elapsed)),
            upstream_connect_us: upstream.and_then(|call| call.connect).map(micros),
            upstream_status: upstream.and_then(|call| call.status),
            upstream_reused: upstream.map(|call| call.reused),
            trace_id: Hex::of_128(u128::from_be_bytes(record.trace.trace_id)),
            span_id: Hex::of_64(u64::from_be_bytes(record.trace.server_span_id)),
            decision_id: Hex::of_64(record.decision_id.0),
            revision: &record.revision,
            key: record.key_class.as_str(),
            key_fingerprint: record.key_fingerprint.map(|it| Hex::of_64(it.0)),
            client_address: record.client.map(|address| Shown(address.ip())),
        }
    }
}

fn policies(record: &Record) -> BTreeSet<Fired<'_>> {
    let fired = record.shown_violations().filter_map(|violation| match &violation.rule {
        Rule::Policy(name) => Some(Fired { name, action: violation.action }),
        Rule::Keyword(_) | Rule::Gateway => None,
    });
    fired.collect()
}

fn keywords(record: &Record) -> BTreeSet<&'static str> {
    let failed = record.shown_violations().filter_map(|violation| match violation.rule {
        Rule::Keyword(keyword) => Some(keyword),
        Rule::Policy(_) | Rule::Gateway => None,
    });
    failed.collect()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn action<S: Serializer>(action: &Action, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(action.as_str())
}

/// A value as its text.
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// An id in lower-case hex digits, at its full width.
struct Hex {
    digits: [u8; 32],
    from: usize,
}

impl Hex {
    fn of_64(id: u64) -> Self {
        Self { from: 16, ..Self::of_128(id.into()) }
    }

    fn of_128(id: u128) -> Self {
        let mut digits = [0; 32];
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(id.to_be_bytes()) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        Self { digits, from: 0 }
    }
}

const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.digits.get(self.from..).unwrap_or_default();
        serializer.serialize_str(std::str::from_utf8(digits).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::telemetry::record::{Record, samples};
    use serde_json::{Value, json};

    fn line(record: &Record) -> Value {
        let mut line = Vec::new();
        write(&mut line, record);
        assert_eq!(line.pop(), Some(b'\n'));
        assert!(!line.contains(&b'\n'));
        assert!(!String::from_utf8_lossy(&line).contains(samples::CANARY));
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn a_forwarded_request() {
        let expected = json!({
            "timestamp": "2026-05-12T08:30:00.125Z", "method": "PATCH", "route": "/v1/users/{user_id}",
            "operation": "UpdateUser", "api_version": "2026-05-12", "environment": "production", "status": 200,
            "decision": "allow", "request_bytes": 30, "response_bytes": 400, "duration_us": 1234, "judge_us": 3,
            "upstream_us": 900, "upstream_status": 200, "upstream_reused": true,
            "trace_id": "11111111111111111111111111111111", "span_id": "3333333333333333",
            "decision_id": "0000000000000abc", "revision": "0123abcd", "key": "sk_live",
            "key_fingerprint": "000000000000feed", "client_address": "127.0.0.1",
        });
        assert_eq!(line(&samples::allowed()), expected);
    }

    #[test]
    fn a_refusal_names_rules_and_fields_but_nothing_of_the_request() {
        let line = line(&samples::denied());
        assert_eq!(line["decision"], "deny");
        assert_eq!(line["reason"], "policy_denied");
        assert_eq!(line["policies"], json!([{ "name": "no-skip-password-checks", "action": "deny" }]));
        assert_eq!(line["keywords"], json!(["additionalProperties"]));
        assert_eq!(line["fields"], json!(["/*", "/skip_password_checks"]));
        assert_eq!(line["violations"], 2);
    }

    #[test]
    fn what_is_not_in_the_contract_is_other() {
        let line = line(&samples::unrouted());
        assert_eq!((&line["method"], &line["route"]), (&json!("_OTHER"), &json!("_OTHER")));
        assert_eq!(line.get("operation"), None);
    }

    #[test]
    fn a_body_full_of_violations_does_not_fill_the_log() {
        let mut record = samples::denied();
        record.violations = vec![record.violations; 1000].concat();
        let line = line(&record);
        assert_eq!(line["violations"], 2000);
        assert_eq!(line["policies"].as_array().unwrap().len(), 1);
    }
}
