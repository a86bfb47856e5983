//! The export request of a signal: a batch, and the resource and scope that send it.
//!
//! `ExportTraceServiceRequest` and those of the other signals number their fields alike.

use super::batch::{Batch, ROOM};
use super::protobuf::Message;
use super::span::OtlpAttributes;
use bytes::Bytes;
use opentelemetry::Value;
use opentelemetry_sdk::Resource;

/// `ExportTraceServiceRequest.resource_spans`.
const RESOURCE_SPANS: u32 = 1;
/// `ResourceSpans.resource`, and `Resource.attributes`.
const RESOURCE: u32 = 1;
const RESOURCE_ATTRIBUTES: u32 = 1;
/// `ResourceSpans.scope_spans`, and `ScopeSpans.scope` with its `InstrumentationScope.name` and `.version`.
const SCOPE_SPANS: u32 = 2;
const SCOPE: u32 = 1;
const SCOPE_NAME: u32 = 1;
const SCOPE_VERSION: u32 = 2;

/// The `User-Agent` (RFC 9110 section 10.1.5).
pub(super) const AGENT: &str = concat!("portcullis/", env!("CARGO_PKG_VERSION"));

/// Encodes requests: what is the same in all of them.
#[derive(Clone, Debug)]
pub(super) struct RequestEncoder {
    /// The field `ResourceSpans.resource`.
    resource: Vec<u8>,
    /// The field `ScopeSpans.scope`.
    scope: Vec<u8>,
}

impl RequestEncoder {
    /// An encoder of requests that `resource` sends.
    pub(super) fn new(resource: &Resource) -> Self {
        let (mut resource_field, mut scope_field) = (Vec::new(), Vec::new());
        Message::new(&mut resource_field).message(RESOURCE, |message| {
            for (key, value) in resource {
                let mut attributes = OtlpAttributes::of(message, RESOURCE_ATTRIBUTES);
                match value {
                    Value::I64(number) => attributes.number(key.as_str(), number.unsigned_abs()),
                    other => attributes.text(key.as_str(), &other.as_str()),
                }
            }
        });
        Message::new(&mut scope_field).message(SCOPE, |message| {
            message.bytes(SCOPE_NAME, b"portcullis");
            message.bytes(SCOPE_VERSION, env!("CARGO_PKG_VERSION").as_bytes());
        });
        Self { resource: resource_field, scope: scope_field }
    }

    /// Puts the fields that enclose the items around a batch.
    // Tags and lengths go into the room in front of the items, resource and scope behind them: fields may come in any
    // order, so the items are never moved.
    pub(super) fn request(&self, batch: Batch) -> ExportRequest {
        let items = batch.items();
        let mut bytes = batch.into_bytes();
        bytes.extend_from_slice(&self.scope);
        let scope_length = bytes.len() - ROOM;
        bytes.extend_from_slice(&self.resource);
        let mut inner = Vec::with_capacity(ROOM);
        Message::new(&mut inner).begin(SCOPE_SPANS, scope_length);
        let resource_length = inner.len() + scope_length + self.resource.len();
        let mut begin = Vec::with_capacity(ROOM);
        Message::new(&mut begin).begin(RESOURCE_SPANS, resource_length);
        begin.append(&mut inner);
        // the room has space for two tags and two lengths of any size
        let start = ROOM.saturating_sub(begin.len());
        if let Some(room) = bytes.get_mut(start..ROOM) {
            room.copy_from_slice(&begin);
        }
        ExportRequest { memory: bytes.into(), start, items }
    }
}

/// An encoded request.
#[derive(Debug)]
pub(super) struct ExportRequest {
    memory: Bytes,
    /// The index of its first byte.
    start: usize,
    /// The number of items.
    pub(super) items: usize,
}

impl ExportRequest {
    /// The encoded message.
    pub(super) fn bytes(&self) -> Bytes {
        self.memory.slice(self.start..)
    }

    /// Its buffer. `None` if it is still shared.
    pub(super) fn into_memory(self) -> Option<Vec<u8>> {
        self.memory.is_unique().then(|| self.memory.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, RequestEncoder};
    use opentelemetry::KeyValue;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span};
    use opentelemetry_sdk::Resource;
    use prost::Message as _;

    #[test]
    fn a_batch_is_sent_under_its_sender_and_scope() {
        let resource = Resource::builder_empty().with_attribute(KeyValue::new("service.name", "ours")).build();
        let spans: Vec<_> = (0..700).map(|at| Span { name: format!("span {at}"), ..Span::default() }).collect();
        let scope_spans = ScopeSpans { spans: spans.clone(), ..ScopeSpans::default() };
        let mut batch = Batch::default();
        batch.add(&scope_spans.encode_to_vec(), spans.len());
        let sent = RequestEncoder::new(&resource).request(batch);
        let request = ExportTraceServiceRequest::decode(sent.bytes()).unwrap();
        let [resource_spans] = &request.resource_spans[..] else { panic!("one resource") };
        assert_eq!(resource_spans.resource.as_ref().unwrap().attributes[0].key, "service.name");
        let [scope_spans] = &resource_spans.scope_spans[..] else { panic!("one scope") };
        assert_eq!(scope_spans.scope.as_ref().unwrap().name, "portcullis");
        assert_eq!(scope_spans.spans, spans);
        assert!(sent.into_memory().is_some());
    }

    #[test]
    fn a_batch_of_any_length_is_one_request() {
        let sender = RequestEncoder::new(&Resource::builder_empty().build());
        for length in [0, 1, 100, 127, 128, 16_383, 16_384, 3_000_000] {
            let span = Span { name: "x".repeat(length), ..Span::default() };
            let mut batch = Batch::default();
            batch.add(&ScopeSpans { spans: vec![span.clone()], ..ScopeSpans::default() }.encode_to_vec(), 1);
            let request = ExportTraceServiceRequest::decode(sender.request(batch).bytes()).unwrap();
            assert_eq!(request.resource_spans[0].scope_spans[0].spans, [span], "{length}");
        }
    }
}
