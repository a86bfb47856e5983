//! The access log for machines: one JSON object a line.

use super::sampling::Rate;
use crate::document::write_quoted;
use crate::judge::RuleDifference;
use crate::judge::violation::{Field, Violation};
use crate::redact::needs_escape;
use crate::telemetry::attribute_cache::{AttributeCache, SharedAttributes};
use crate::telemetry::format::Rfc3339;
use crate::telemetry::format::{AddressText, hex};
use crate::telemetry::logs::fields::{self, FieldSink, FiredPolicy};
use crate::telemetry::record::RequestRecord;
use std::cell::RefCell;
use std::io::Write as _;
use std::net::IpAddr;

thread_local! {
    /// The shared part of lines.
    static CACHE: RefCell<AttributeCache> = const { RefCell::new(AttributeCache::new()) };
}

/// Appends the line of `record`, with its line feed. Empty fields are left out.
// Written field by field: a derived `Serialize` took twice the time, as nearly all of a line is our own words, which
// need no escaping. What may need it goes through `serde_json`.
pub(in crate::telemetry) fn write(line: &mut Vec<u8>, record: &RequestRecord, rate: Rate) {
    line.push(b'{');
    let mut object = Object(line);
    all(&mut object, record);
    if let Some(rate) = rate {
        object.name("sample_rate");
        // writing to a Vec can't fail
        let _ = write!(object.0, "{rate}");
    }
    line.extend_from_slice(b"}\n");
}

/// Appends the line of `record` with the details of each violation, for subscribers.
pub(in crate::telemetry) fn write_with_details(line: &mut Vec<u8>, record: &RequestRecord) {
    line.push(b'{');
    let mut object = Object(line);
    all(&mut object, record);
    append_details(line, record);
    line.extend_from_slice(b"}\n");
}

/// Appends the details of each violation to a JSON object that lacks its end, unless there are none.
pub(in crate::telemetry) fn append_details(line: &mut Vec<u8>, record: &RequestRecord) {
    Object(line).list("details", record.shown_violations(), detail);
}

fn all(object: &mut Object<'_>, record: &RequestRecord) {
    object.bare("timestamp", &Rfc3339(record.started).to_ascii());
    object.append_shared(&SharedAttributes::of(record));
    fields::rules(object, record);
    fields::shadow(object, record);
    fields::costs(object, record);
    object.bare("trace_id", &hex::<16, 32>(record.trace.trace_id));
    object.bare("span_id", &hex::<8, 16>(record.trace.server_span_id));
    fields::ids(object, record);
}

/// Appends a violation.
// Without the message about an undeclared field: it may contain the field's name, which is the caller's text.
fn detail(line: &mut Vec<u8>, violation: &Violation) {
    line.push(b'{');
    let mut object = Object(line);
    object.text("rule", &violation.rule.label());
    object.bare("action", violation.action.as_str().as_bytes());
    object.bare("reason", violation.reason.as_str().as_bytes());
    if let Some(waiver) = &violation.waived_by {
        object.text("waived_by", waiver);
    }
    if let Some(field) = &violation.field {
        object.text("field", &field.for_log());
    }
    if !matches!(violation.field, Some(Field::Undeclared { .. })) {
        object.text("message", &violation.message);
    }
    if let Some(hint) = &violation.hint {
        object.text("hint", hint);
    }
    if let Some(owner) = &violation.owner {
        object.text("owner", owner);
    }
    line.push(b'}');
}

/// A JSON object whose `{` is written.
struct Object<'a>(&'a mut Vec<u8>);

impl Object<'_> {
    /// Appends the fields that many lines share. One field is written already.
    fn append_shared(&mut self, shared: &SharedAttributes<'_>) {
        let write = |line: &mut Vec<u8>| fields::write_shared(&mut Object(line), shared);
        CACHE.with_borrow_mut(|cache| cache.append(self.0, shared, write));
    }

    fn name(&mut self, name: &'static str) {
        // the first field of an object has no comma before it; a cached part begins with one, as it is never first
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// Appends a list, unless it is empty.
    fn list<T>(&mut self, name: &'static str, items: impl Iterator<Item = T>, each: impl Fn(&mut Vec<u8>, T)) {
        let mut items = items.peekable();
        if items.peek().is_none() {
            return;
        }
        self.name(name);
        self.0.push(b'[');
        for (place, item) in items.enumerate() {
            if place > 0 {
                self.0.push(b',');
            }
            each(self.0, item);
        }
        self.0.push(b']');
    }
}

impl FieldSink for Object<'_> {
    fn text(&mut self, name: &'static str, text: &str) {
        self.name(name);
        write_json_string(self.0, text);
    }

    fn bare(&mut self, name: &'static str, value: &[u8]) {
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(value);
        self.0.push(b'"');
    }

    fn number(&mut self, name: &'static str, number: u64) {
        self.name(name);
        // writing to a Vec can't fail
        let _ = serde_json::to_writer(&mut *self.0, &number);
    }

    fn truth(&mut self, name: &'static str, truth: bool) {
        self.name(name);
        self.0.extend_from_slice(if truth { b"true" } else { b"false" });
    }

    fn address(&mut self, name: &'static str, value: IpAddr) {
        self.bare(name, AddressText::of(value).ascii());
    }

    fn texts<'t>(&mut self, name: &'static str, texts: impl Iterator<Item = &'t str>) {
        self.list(name, texts, write_json_string);
    }

    fn policies<'t>(&mut self, name: &'static str, policies: impl Iterator<Item = FiredPolicy<'t>>) {
        self.list(name, policies, |line, FiredPolicy { name, action, waived_by }| {
            line.extend_from_slice(b"{\"name\":");
            write_json_string(line, name);
            line.extend_from_slice(b",\"action\":\"");
            line.extend_from_slice(action.as_str().as_bytes());
            line.push(b'"');
            if let Some(waiver) = waived_by {
                line.extend_from_slice(b",\"waived_by\":");
                write_json_string(line, waiver);
            }
            line.push(b'}');
        });
    }

    fn differences(&mut self, name: &'static str, differences: &[RuleDifference]) {
        self.list(name, differences.iter(), |line, RuleDifference { rule, action, shadow_action }| {
            line.push(b'{');
            let mut object = Object(line);
            object.text("rule", &rule.label());
            for (name, action) in [("action", action), ("shadow_action", shadow_action)] {
                if let Some(action) = action {
                    object.bare(name, action.as_str().as_bytes());
                }
            }
            line.push(b'}');
        });
    }
}

/// Appends `text` as a JSON string.
// JSON requires escapes for ASCII control characters only. Others can steer a terminal, too, and people read these
// lines with `less` and `jq -r`.
fn write_json_string(line: &mut Vec<u8>, text: &str) {
    let start = line.len();
    write_quoted(line, text);
    if text.is_ascii() && !text.contains('\u{7f}') {
        return;
    }
    let written = String::from_utf8(line.split_off(start)).unwrap_or_default();
    for character in written.chars() {
        // all of them are below U+FFFF, so one escape is enough
        let _ = if needs_escape(character) {
            write!(line, "\\u{:04x}", u32::from(character))
        } else {
            write!(line, "{character}")
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{write, write_with_details};
    use crate::telemetry::record::{RequestRecord, samples};
    use serde_json::{Value, json};

    fn line(record: &RequestRecord) -> Value {
        let mut line = Vec::new();
        write(&mut line, record, None);
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
            "clerk_trace_id": "4bf92f3577b34da6", "cf_ray": "9a1b2c3d4e5f6a7b-FRA",
        });
        assert_eq!(line(&samples::allowed_request()), expected);
    }

    #[test]
    fn a_line_is_the_same_whatever_was_written_before_it() {
        for record in [samples::variations(), samples::variations()].concat() {
            let alone = std::thread::scope(|scope| scope.spawn(|| line(&record)).join().unwrap());
            assert_eq!(line(&record), alone);
        }
    }

    #[test]
    fn a_refusal_names_rules_and_fields_but_nothing_of_the_request() {
        let line = line(&samples::denied_request());
        assert_eq!(line["decision"], "deny");
        assert_eq!(line["reason"], "policy_denied");
        assert_eq!(line["policies"], json!([{ "name": "no-skip-password-checks", "action": "deny" }]));
        assert_eq!(line["keywords"], json!(["additionalProperties"]));
        assert_eq!(line["fields"], json!(["/*", "skip_password_checks"]));
        assert_eq!(line["violations"], 2);
    }

    #[test]
    fn a_policy_that_was_waived_names_the_waiver() {
        let line = line(&samples::waived_request());
        assert_eq!(line["decision"], "allow");
        let expected = json!([{ "name": "no-skip-password-checks", "action": "audit", "waived_by": "migration" }]);
        assert_eq!(line["policies"], expected);
    }

    #[test]
    fn what_is_not_in_the_contract_is_other() {
        let line = line(&samples::unrouted_request());
        assert_eq!((&line["method"], &line["route"]), (&json!("_OTHER"), &json!("_OTHER")));
        assert_eq!(line.get("operation"), None);
    }

    #[test]
    fn a_name_is_escaped_as_json() {
        let mut record = samples::denied_request();
        let odd = "a\"b\\c\n\u{1b}";
        record.violations[0].rule = crate::judge::violation::Rule::Policy(odd.into());
        record.revision = odd.into();
        let line = line(&record);
        assert_eq!((&line["revision"], &line["policies"][0]["name"]), (&json!(odd), &json!(odd)));
    }

    #[test]
    fn nothing_in_a_line_steers_what_shows_it() {
        let mut record = samples::denied_request();
        let odd = "\u{2028}\u{202e}\u{9b}31m\u{7f}\u{85}é";
        record.revision = odd.into();
        let mut line = Vec::new();
        write_with_details(&mut line, &record);
        let text = String::from_utf8(line).unwrap();
        assert!(!text.trim_end().chars().any(crate::redact::needs_escape), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["revision"], odd);
    }

    #[test]
    fn who_watches_gets_what_each_rule_found_and_no_name_that_only_the_request_knows() {
        let mut text = Vec::new();
        write_with_details(&mut text, &samples::denied_request());
        assert!(!String::from_utf8_lossy(&text).contains(samples::CANARY));
        let mut detailed: Value = serde_json::from_slice(&text).unwrap();
        let details = detailed.as_object_mut().unwrap().remove("details").unwrap();
        assert_eq!(detailed, line(&samples::denied_request()));
        let message = "skip_password_checks is not allowed in production";
        assert_eq!(
            details,
            json!([
                { "rule": "no-skip-password-checks", "action": "deny", "reason": "policy_denied",
                  "field": "skip_password_checks", "message": message },
                { "rule": "additionalProperties", "action": "deny", "reason": "schema_violation", "field": "/*" },
            ])
        );
    }

    #[test]
    fn a_line_that_stands_for_others_says_so() {
        let mut line = Vec::new();
        write(&mut line, &samples::allowed_request(), Some(0.25));
        assert_eq!(serde_json::from_slice::<Value>(&line).unwrap()["sample_rate"], 0.25);
    }

    #[test]
    fn a_body_full_of_violations_does_not_fill_the_log() {
        let mut record = samples::denied_request();
        record.violations = vec![record.violations; 1000].concat();
        let line = line(&record);
        assert_eq!(line["violations"], 2000);
        assert_eq!(line["policies"].as_array().unwrap().len(), 1);
    }
}
