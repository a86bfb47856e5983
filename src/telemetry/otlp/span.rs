//! Spans in OTLP (`opentelemetry/proto/trace/v1/trace.proto`).

use super::protobuf::Message;
use crate::telemetry::attribute_cache::{AttributeCache, SharedAttributes};
use crate::telemetry::format::{AddressText, hex};
use crate::telemetry::traces::TraceContext;
use std::cell::RefCell;
use std::net::IpAddr;
use std::thread::LocalKey;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `ScopeSpans.spans`.
const SPANS: u32 = 2;

const TRACE_ID: u32 = 1;
const SPAN_ID: u32 = 2;
const TRACE_STATE: u32 = 3;
const PARENT_SPAN_ID: u32 = 4;
const NAME: u32 = 5;
const KIND: u32 = 6;
const START_TIME: u32 = 7;
const END_TIME: u32 = 8;
const ATTRIBUTES: u32 = 9;
const EVENTS: u32 = 11;
const DROPPED_EVENTS: u32 = 12;
const STATUS: u32 = 15;
const FLAGS: u32 = 16;

/// `Status.code`, and its value `STATUS_CODE_ERROR`.
const CODE: (u32, u64) = (3, 2);

/// Fields of `Event`.
const EVENT_TIME: u32 = 1;
const EVENT_NAME: u32 = 2;
const EVENT_ATTRIBUTES: u32 = 3;

/// `SpanFlags`: sampled (W3C), `HAS_IS_REMOTE_MASK` and `IS_REMOTE_MASK`.
const SAMPLED: u32 = 0x1;
const KNOWN_WHETHER_REMOTE: u32 = 0x100;
const REMOTE: u32 = 0x200;

/// `SpanKind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpanKind {
    Internal = 1,
    Server = 2,
    Client = 3,
}

/// The ids of a span.
#[derive(Clone, Copy)]
pub(super) struct SpanContext {
    pub(super) id: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    /// Whether the parent is of another process.
    pub(super) remote: bool,
}

/// A span that is being written.
pub(super) struct Span<'a, 'b>(&'a mut Message<'b>);

impl<'a, 'b> Span<'a, 'b> {
    /// The span whose message is `message`.
    pub(super) const fn of(message: &'a mut Message<'b>) -> Self {
        Self(message)
    }

    /// Writes a span into the `ScopeSpans` `scope`.
    pub(super) fn write(
        scope: &mut Message<'_>,
        trace: &TraceContext,
        lineage: SpanContext,
        kind: SpanKind,
        write: impl FnOnce(&mut Span<'_, '_>),
    ) {
        scope.long_message(SPANS, |span| {
            span.bytes(TRACE_ID, &trace.trace_id);
            span.bytes(SPAN_ID, &lineage.id);
            if let Some(state) = &trace.state {
                span.bytes(TRACE_STATE, state.as_bytes());
            }
            if let Some(parent) = lineage.parent {
                span.bytes(PARENT_SPAN_ID, &parent);
            }
            // what gets here is exported, whatever the sampler decided at the head, so it counts as sampled
            let remote = if lineage.remote { REMOTE } else { 0 };
            span.fixed32(FLAGS, SAMPLED | u32::from(trace.flags()) | KNOWN_WHETHER_REMOTE | remote);
            span.varint(KIND, kind as u64);
            write(&mut Span(span));
        });
    }

    /// Fields that many spans share, from `cache` if it has them.
    pub(super) fn append_shared(
        &mut self,
        cache: &'static LocalKey<RefCell<AttributeCache>>,
        shared: &SharedAttributes<'_>,
        write: fn(&mut Message<'_>, &SharedAttributes<'_>),
    ) {
        self.0.append_shared(cache, shared, write);
    }

    pub(super) fn name(&mut self, name: &str) {
        self.0.bytes(NAME, name.as_bytes());
    }

    /// Sets the name to `{method} {route}`.
    pub(super) fn names(&mut self, method: &str, route: &str) {
        self.0.text(NAME, |name| {
            name.extend_from_slice(method.as_bytes());
            name.push(b' ');
            name.extend_from_slice(route.as_bytes());
        });
    }

    pub(super) fn time(&mut self, start: SystemTime, elapsed: Duration) {
        self.0.fixed64(START_TIME, nanoseconds(start));
        self.0.fixed64(END_TIME, nanoseconds(start + elapsed));
    }

    pub(super) fn attributes(&mut self) -> OtlpAttributes<'_, 'b> {
        OtlpAttributes { message: self.0, field: ATTRIBUTES }
    }

    pub(super) fn event(&mut self, name: &str, at: SystemTime, attributes: impl FnOnce(&mut OtlpAttributes<'_, '_>)) {
        self.0.message(EVENTS, |event| {
            event.fixed64(EVENT_TIME, nanoseconds(at));
            event.bytes(EVENT_NAME, name.as_bytes());
            attributes(&mut OtlpAttributes { message: event, field: EVENT_ATTRIBUTES });
        });
    }

    pub(super) fn dropped_events(&mut self, count: usize) {
        self.0.varint(DROPPED_EVENTS, count as u64);
    }

    /// Sets the status to error.
    pub(super) fn error(&mut self) {
        let (field, error) = CODE;
        self.0.message(STATUS, |status| status.varint(field, error));
    }
}

/// The attributes of a span, an event, a log record or a resource.
pub(super) struct OtlpAttributes<'a, 'b> {
    message: &'a mut Message<'b>,
    field: u32,
}

impl<'a, 'b> OtlpAttributes<'a, 'b> {
    /// The attributes of `message`, in its field `field`.
    pub(super) const fn of(message: &'a mut Message<'b>, field: u32) -> Self {
        Self { message, field }
    }

    /// Attributes in encoded form.
    pub(super) fn append_encoded(&mut self, attributes: &[u8]) {
        self.message.append_encoded(attributes);
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.ascii(key, value.as_bytes());
    }

    /// A string attribute from ASCII.
    pub(super) fn ascii(&mut self, key: &str, value: &[u8]) {
        match short(self.field, key.len(), value.len()) {
            Some((before_key, before_value)) => {
                self.message.append_encoded(&before_key);
                self.message.append_encoded(key.as_bytes());
                self.message.append_encoded(&before_value);
                self.message.append_encoded(value);
            }
            None => self.add(key, |any| any.bytes(1, value)),
        }
    }

    /// A string attribute of two parts.
    pub(super) fn concat(&mut self, key: &str, [first, second]: [&str; 2]) {
        self.add(key, |any| {
            any.text(1, |text| {
                text.extend_from_slice(first.as_bytes());
                text.extend_from_slice(second.as_bytes());
            });
        });
    }

    /// An attribute that is a list of strings.
    pub(super) fn texts<'t>(&mut self, key: &str, values: impl Iterator<Item = &'t str>) {
        const ARRAY: u32 = 5;
        const VALUES: u32 = 1;
        self.add(key, |any| {
            any.message(ARRAY, |array| {
                values.for_each(|value| array.message(VALUES, |any| any.bytes(1, value.as_bytes())));
            });
        });
    }

    /// Adds an IP address in its text form, as the conventions want it.
    pub(super) fn address(&mut self, key: &str, value: IpAddr) {
        self.ascii(key, AddressText::of(value).ascii());
    }

    /// A number as string of 16 hex digits.
    pub(super) fn hex(&mut self, key: &str, value: u64) {
        self.ascii(key, &hex::<8, 16>(value.to_be_bytes()));
    }

    pub(super) fn truth(&mut self, key: &str, value: bool) {
        const BOOLEAN: u8 = 2 << 3;
        self.any(key, &[BOOLEAN, value.into()]);
    }

    pub(super) fn number(&mut self, key: &str, value: u64) {
        const INTEGER: u8 = 3 << 3;
        // one byte is enough for a small number, two for a status, most sizes and every port
        let mut any = [INTEGER, 0, 0, 0];
        let length = match value {
            0..0x80 => 1,
            0x80..0x4000 => 2,
            0x4000..0x20_0000 => 3,
            // an `int64`, whose maximum no value here approaches
            _ => return self.add(key, |any| any.varint(3, value.min(i64::MAX.cast_unsigned()))),
        };
        for (place, byte) in any.iter_mut().skip(1).take(length).enumerate() {
            let more = if place + 1 < length { 0x80 } else { 0 };
            *byte = more | (value >> (7 * place) & 0x7f) as u8;
        }
        self.any(key, any.get(..=length).unwrap_or_default());
    }

    /// An attribute with an encoded `AnyValue`.
    fn any(&mut self, key: &str, any: &[u8]) {
        match head(self.field, key.len(), any.len()) {
            Some((before_key, before_value)) => {
                self.message.append_encoded(&before_key);
                self.message.append_encoded(key.as_bytes());
                self.message.append_encoded(&before_value);
                self.message.append_encoded(any);
            }
            None => self.add(key, |message| message.append_encoded(any)),
        }
    }

    pub(super) fn seconds(&mut self, key: &str, value: Duration) {
        const DOUBLE: u8 = 4 << 3 | 1;
        let mut any = [DOUBLE; 9];
        if let Some((_, double)) = any.split_first_chunk_mut::<1>() {
            double.copy_from_slice(&value.as_secs_f64().to_le_bytes());
        }
        self.any(key, &any);
    }

    /// An attribute whose `AnyValue` is written by `write`.
    pub(super) fn add(&mut self, key: &str, write: impl FnOnce(&mut Message<'_>)) {
        self.message.message(self.field, |attribute| {
            attribute.bytes(1, key.as_bytes());
            attribute.message(2, write);
        });
    }
}

/// The bytes before the key and before the value of a string attribute, if each of its lengths fits into one byte.
// Nearly all do, and this takes a third of the time of nested messages.
fn short(field: u32, key: usize, value: usize) -> Option<([u8; 4], [u8; 4])> {
    let (before_key, [message, any]) = head(field, key, value + 2)?;
    Some((before_key, [message, any, FIRST_TEXT, any - 2]))
}

/// The same for an attribute whose `AnyValue` has `any` bytes.
fn head(field: u32, key: usize, any: usize) -> Option<([u8; 4], [u8; 2])> {
    const SECOND_MESSAGE: u8 = 2 << 3 | 2;
    let pair = u8::try_from(key + any + 4).ok().filter(|length| *length < 0x80)?;
    let tag = u8::try_from(field << 3 | 2).ok().filter(|tag| *tag < 0x80)?;
    let (key, any) = (u8::try_from(key).ok()?, u8::try_from(any).ok()?);
    Some(([tag, pair, FIRST_TEXT, key], [SECOND_MESSAGE, any]))
}

/// The tag of a string in field 1.
const FIRST_TEXT: u8 = 1 << 3 | 2;

/// Nanoseconds since 1970.
pub(super) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos())
}
