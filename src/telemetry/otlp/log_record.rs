//! Log records in OTLP (`opentelemetry/proto/logs/v1/logs.proto`): the access log, and events of the application log.

use super::protobuf::Message;
use super::span::{OtlpAttributes, nanoseconds};
use crate::judge::RuleDifference;
use crate::telemetry::attribute_cache::{AttributeCache, CacheKey, SharedAttributes};
use crate::telemetry::logs::fields::{self, FieldSink, FiredPolicy};
use crate::telemetry::logs::sampling::Rate;
use crate::telemetry::record::{Outcome, RequestRecord};
use std::cell::RefCell;
use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

thread_local! {
    /// The shared part of access log records.
    static CACHE: RefCell<AttributeCache> = const { RefCell::new(AttributeCache::new()) };
}

/// `ScopeLogs.log_records`.
const LOG_RECORDS: u32 = 2;

const TIME: u32 = 1;
const SEVERITY_NUMBER: u32 = 2;
const SEVERITY_TEXT: u32 = 3;
const BODY: u32 = 5;
const ATTRIBUTES: u32 = 6;
const FLAGS: u32 = 8;
const TRACE_ID: u32 = 9;
const SPAN_ID: u32 = 10;
const OBSERVED_TIME: u32 = 11;
const EVENT_NAME: u32 = 12;

/// `AnyValue.string_value`, `.double_value`, `.array_value` with its `.values`, and `.kvlist_value`, whose values are attributes.
const TEXT: u32 = 1;
const DOUBLE: u32 = 4;
const ARRAY: u32 = 5;
const VALUES: u32 = 1;
const PAIRS: u32 = 6;

/// Most bytes of a text in one event.
const LONGEST: usize = 4_096;

/// Writes the access log record of a request into the `ScopeLogs` `scope`.
pub(super) fn of_request(scope: &mut Message<'_>, record: &RequestRecord, rate: Rate) {
    scope.message(LOG_RECORDS, |log| {
        log.fixed64(TIME, nanoseconds(record.started));
        log.fixed64(OBSERVED_TIME, nanoseconds(record.started + record.elapsed));
        log.append_shared(&CACHE, &SharedAttributes::of(record), write_shared);
        log.bytes(TRACE_ID, &record.trace.trace_id);
        log.bytes(SPAN_ID, &record.trace.server_span_id);
        log.fixed32(FLAGS, record.trace.flags().into());
        let mut attributes = OtlpAttributes::of(log, ATTRIBUTES);
        fields::rules(&mut attributes, record);
        fields::shadow(&mut attributes, record);
        fields::costs(&mut attributes, record);
        fields::ids(&mut attributes, record);
        if let Some(rate) = rate {
            attributes.add("sample_rate", |any| any.double(DOUBLE, rate));
        }
    });
}

/// Writes the part that many records share.
fn write_shared(log: &mut Message<'_>, shared: &SharedAttributes<'_>) {
    severity(log, level(shared.key.outcome));
    log.bytes(EVENT_NAME, b"portcullis.request");
    log.message(BODY, |any| any.text(TEXT, |text| write_summary(text, shared)));
    fields::write_shared(&mut OtlpAttributes::of(log, ATTRIBUTES), shared);
}

/// Writes an event of the application log into the `ScopeLogs` `scope`.
pub(super) fn of_event(scope: &mut Message<'_>, event: &Event<'_>) {
    let now = nanoseconds(SystemTime::now());
    scope.message(LOG_RECORDS, |log| {
        log.fixed64(TIME, now);
        log.fixed64(OBSERVED_TIME, now);
        severity(log, *event.metadata().level());
        event.record(&mut Visitor(log));
    });
}

/// Appends a summary such as `PATCH /v1/users/{user_id} 422 deny policy_denied`.
fn write_summary(text: &mut Vec<u8>, shared: &SharedAttributes<'_>) {
    let CacheKey { method, status, outcome, reason, .. } = shared.key;
    let status = status.to_string();
    let reason = reason.map_or("", |reason| reason.as_str());
    for word in [method, shared.route(), &status, outcome.as_str(), reason] {
        if !word.is_empty() {
            text.extend_from_slice(word.as_bytes());
            text.push(b' ');
        }
    }
    text.pop();
}

const fn level(outcome: Outcome) -> Level {
    match outcome {
        Outcome::Allowed | Outcome::Exempt | Outcome::Aborted => Level::INFO,
        Outcome::Denied => Level::WARN,
        Outcome::Failed => Level::ERROR,
    }
}

/// Writes `severity_number` and `severity_text`.
fn severity(log: &mut Message<'_>, level: Level) {
    let number = match level {
        Level::ERROR => 17,
        Level::WARN => 13,
        Level::INFO => 9,
        Level::DEBUG => 5,
        Level::TRACE => 1,
    };
    log.varint(SEVERITY_NUMBER, number);
    log.bytes(SEVERITY_TEXT, level.as_str().as_bytes());
}

impl FieldSink for OtlpAttributes<'_, '_> {
    fn text(&mut self, name: &'static str, text: &str) {
        OtlpAttributes::text(self, name, text);
    }

    fn bare(&mut self, name: &'static str, value: &[u8]) {
        self.ascii(name, value);
    }

    fn number(&mut self, name: &'static str, number: u64) {
        OtlpAttributes::number(self, name, number);
    }

    fn truth(&mut self, name: &'static str, truth: bool) {
        OtlpAttributes::truth(self, name, truth);
    }

    fn address(&mut self, name: &'static str, address: IpAddr) {
        OtlpAttributes::address(self, name, address);
    }

    fn texts<'t>(&mut self, name: &'static str, texts: impl Iterator<Item = &'t str>) {
        OtlpAttributes::texts(self, name, texts);
    }

    fn policies<'t>(&mut self, name: &'static str, policies: impl Iterator<Item = FiredPolicy<'t>>) {
        self.add(name, |any| {
            any.message(ARRAY, |array| {
                policies.for_each(|FiredPolicy { name, action, waived_by }| {
                    array.message(VALUES, |any| {
                        any.message(PAIRS, |pairs| {
                            let mut pairs = OtlpAttributes::of(pairs, VALUES);
                            pairs.text("name", name);
                            pairs.text("action", action.as_str());
                            if let Some(waiver) = waived_by {
                                pairs.text("waived_by", waiver);
                            }
                        });
                    });
                });
            });
        });
    }

    fn differences(&mut self, name: &'static str, differences: &[RuleDifference]) {
        self.add(name, |any| {
            any.message(ARRAY, |array| {
                for RuleDifference { rule, action, shadow_action } in differences {
                    array.message(VALUES, |any| {
                        any.message(PAIRS, |pairs| {
                            let mut pairs = OtlpAttributes::of(pairs, VALUES);
                            pairs.text("rule", &rule.label());
                            for (name, action) in [("action", action), ("shadow_action", shadow_action)] {
                                if let Some(action) = action {
                                    pairs.text(name, action.as_str());
                                }
                            }
                        });
                    });
                }
            });
        });
    }
}

/// Writes the fields of an event: its message as body, the others as attributes.
struct Visitor<'a, 'b>(&'a mut Message<'b>);

impl Visitor<'_, '_> {
    fn attributes(&mut self, field: &Field, write: impl FnOnce(&mut OtlpAttributes<'_, '_>, &'static str)) {
        write(&mut OtlpAttributes::of(self.0, ATTRIBUTES), field.name());
    }
}

impl Visit for Visitor<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let end = (0..=LONGEST.min(value.len())).rev().find(|at| value.is_char_boundary(*at));
        let value = value.get(..end.unwrap_or_default()).unwrap_or_default();
        match field.name() {
            "message" => self.0.message(BODY, |any| any.bytes(TEXT, value.as_bytes())),
            _ => self.attributes(field, |attributes, name| attributes.text(name, value)),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.attributes(field, |attributes, name| attributes.number(name, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.attributes(field, |attributes, name| attributes.truth(name, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::protobuf::Message;
    use super::{of_event, of_request};
    use crate::telemetry::record::samples;
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ScopeLogs, SeverityNumber};
    use prost::Message as _;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

    fn read(bytes: &[u8]) -> LogRecord {
        assert!(!String::from_utf8_lossy(bytes).contains(samples::CANARY));
        let [record] = &ScopeLogs::decode(bytes).unwrap().log_records[..] else { panic!("one record") };
        record.clone()
    }

    fn json(value: &AnyValue) -> serde_json::Value {
        let pairs =
            |pairs: &[KeyValue]| pairs.iter().map(|it| (it.key.clone(), json(it.value.as_ref().unwrap()))).collect();
        match value.value.as_ref().unwrap() {
            Value::StringValue(text) => text.as_str().into(),
            Value::IntValue(number) => (*number).into(),
            Value::DoubleValue(number) => (*number).into(),
            Value::BoolValue(truth) => (*truth).into(),
            Value::ArrayValue(array) => array.values.iter().map(json).collect(),
            Value::KvlistValue(list) => serde_json::Value::Object(pairs(&list.values)),
            other => panic!("{other:?}"),
        }
    }

    fn attributes(record: &LogRecord) -> serde_json::Value {
        record.attributes.iter().map(|it| (it.key.clone(), json(it.value.as_ref().unwrap()))).collect()
    }

    #[test]
    fn a_request_has_the_fields_of_its_line() {
        for record in [
            samples::allowed_request(),
            samples::denied_request(),
            samples::failed_request(),
            samples::unrouted_request(),
            samples::waived_request(),
            samples::differing_request(),
        ] {
            let (mut bytes, mut line) = (Vec::new(), Vec::new());
            of_request(&mut Message::new(&mut bytes), &record, Some(0.5));
            let read = read(&bytes);
            crate::telemetry::logs::json::write(&mut line, &record, Some(0.5));
            let mut line: serde_json::Value = serde_json::from_slice(&line).unwrap();
            for elsewhere in ["timestamp", "trace_id", "span_id"] {
                assert!(line.as_object_mut().unwrap().remove(elsewhere).is_some());
            }
            assert_eq!(attributes(&read), line);
            assert_eq!((read.trace_id, read.span_id), (vec![0x11; 16], vec![0x33; 8]));
        }
    }

    #[test]
    fn what_was_refused_is_a_warning_that_says_why() {
        let mut bytes = Vec::new();
        of_request(&mut Message::new(&mut bytes), &samples::denied_request(), None);
        let record = read(&bytes);
        assert_eq!(record.severity_number(), SeverityNumber::Warn);
        assert_eq!(json(&record.body.unwrap()), "PATCH /v1/users/{user_id} 422 deny policy_denied");
        assert_eq!(record.time_unix_nano, 1_778_574_600_125_000_000);
    }

    struct Keep(Arc<Mutex<Vec<u8>>>);

    impl<S: tracing::Subscriber> Layer<S> for Keep {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            of_event(&mut Message::new(&mut self.0.lock().unwrap()), event);
        }
    }

    #[test]
    fn what_the_gateway_says_has_its_message_as_body() {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Keep(Arc::clone(&bytes))), || {
            tracing::error!(port = 8787_u64, tls = true, place = ?Some("here"), long = "x".repeat(10_000), "stopped");
        });
        let record = read(&bytes.lock().unwrap());
        assert_eq!(json(record.body.as_ref().unwrap()), "stopped");
        assert_eq!((record.severity_text.as_str(), record.severity_number()), ("ERROR", SeverityNumber::Error));
        let attributes = attributes(&record);
        assert_eq!((&attributes["port"], &attributes["tls"]), (&8787.into(), &true.into()));
        assert_eq!(
            (&attributes["place"], attributes["long"].as_str().unwrap().len()),
            (&"Some(\"here\")".into(), 4_096)
        );
    }
}
