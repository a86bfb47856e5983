//! The request of a signal (`ExportTraceServiceRequest` and its kin, which number their fields alike): a batch, and who
//! sends it.

use super::protobuf::Message;
use super::queue::Batch;
use super::span::Attributes;
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

/// What is the same in every request.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    /// The field `ResourceSpans.resource`.
    resource: Vec<u8>,
    /// The field `ScopeSpans.scope`.
    scope: Vec<u8>,
}

impl Sender {
    /// Requests of `resource`.
    pub(super) fn new(resource: &Resource) -> Self {
        let (mut described, mut scoped) = (Vec::new(), Vec::new());
        Message::new(&mut described).message(RESOURCE, |message| {
            for (key, value) in resource {
                let mut attributes = Attributes::of(message, RESOURCE_ATTRIBUTES);
                match value {
                    Value::I64(number) => attributes.number(key.as_str(), number.unsigned_abs()),
                    other => attributes.text(key.as_str(), &other.as_str()),
                }
            }
        });
        Message::new(&mut scoped).message(SCOPE, |message| {
            message.bytes(SCOPE_NAME, b"portcullis");
            message.bytes(SCOPE_VERSION, env!("CARGO_PKG_VERSION").as_bytes());
        });
        Self { resource: described, scope: scoped }
    }

    /// The request with the items of `batch`.
    pub(super) fn request(&self, batch: &Batch) -> Bytes {
        let mut bytes = Vec::with_capacity(self.resource.len() + self.scope.len() + batch.bytes.len() + 16);
        Message::new(&mut bytes).message(RESOURCE_SPANS, |message| {
            message.fields(&self.resource);
            message.message(SCOPE_SPANS, |message| {
                message.fields(&self.scope);
                message.fields(&batch.bytes);
            });
        });
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, Sender};
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
        let batch = Batch { bytes: scope_spans.encode_to_vec(), items: spans.len() };
        let request = ExportTraceServiceRequest::decode(Sender::new(&resource).request(&batch)).unwrap();
        let [resource_spans] = &request.resource_spans[..] else { panic!("one resource") };
        assert_eq!(resource_spans.resource.as_ref().unwrap().attributes[0].key, "service.name");
        let [scope_spans] = &resource_spans.scope_spans[..] else { panic!("one scope") };
        assert_eq!(scope_spans.scope.as_ref().unwrap().name, "portcullis");
        assert_eq!(scope_spans.spans, spans);
    }
}
