//! The values of a request that the gateway judges.

use super::attribute::{Attribute, Namespace, is_credential};
use super::json_size::compact;
use crate::cel::{
    Activation, AttributeId, Budget, CelTimestamp, Container, EvaluationFailure, NamespaceId, Value, parse_number,
};
use crate::contract::{Operation, query_values};
use crate::document::{Document, JsonKind, NodeRef, View};
use crate::peer::Client;
use crate::policy::Attributes;
use std::borrow::Cow;
use std::convert::Infallible;

/// A request that the gateway judges.
#[derive(Clone, Copy)]
pub(crate) struct RequestActivation<'a> {
    /// The body; `None` if it is empty.
    pub(crate) document: Option<&'a Document>,
    /// The operation it calls.
    pub(crate) operation: &'a Operation,
    /// Everything else.
    pub(crate) attributes: &'a Attributes<'a>,
}

/// The body is known completely, so no value is unknown.
impl<'a> Container<'a> for NodeRef<'a> {
    type Unknown = Infallible;
    type Activation = RequestActivation<'a>;

    fn len(self) -> usize {
        View::len(self)
    }

    fn child(self, position: usize) -> Option<Value<'a, Self>> {
        View::child(self, position).map(value_of)
    }

    fn name(self, position: usize) -> Option<Value<'a, Self>> {
        View::name(self, position).map(Value::String)
    }

    fn member(self, name: &str) -> Result<Option<Value<'a, Self>>, Infallible> {
        Ok(View::member(self, name).map(value_of))
    }

    fn json_size(self, budget: &mut Budget) -> Result<usize, EvaluationFailure<Infallible>> {
        Ok(compact(self, budget)?)
    }
}

impl<'a> Activation<'a, NodeRef<'a>> for RequestActivation<'a> {
    fn attribute(self, attribute: AttributeId) -> Value<'a, NodeRef<'a>> {
        let Some(attribute) = Attribute::from_id(attribute) else { return Value::Null };
        let attributes = self.attributes;
        match attribute {
            Attribute::Method => Value::String(attributes.method),
            Attribute::Path => Value::String(attributes.path),
            Attribute::Operation => Value::String(&self.operation.id),
            Attribute::ApiVersion => Value::String(&self.operation.api_version),
            Attribute::Time => CelTimestamp::from_system_time(attributes.time).map_or(Value::Null, Value::Timestamp),
            Attribute::BodyItems => Value::Int(self.body_items()),
            Attribute::Environment => Value::String(attributes.environment.as_str()),
            Attribute::KeyFingerprint => {
                let fingerprint = attributes.key_fingerprint;
                fingerprint.map_or(Value::Null, |it| Value::Text(it.to_string().into()))
            }
            Attribute::InstanceName => attributes.instance.name.as_deref().map_or(Value::Null, Value::String),
            Attribute::EnvironmentName => attributes.instance.environment.as_deref().map_or(Value::Null, Value::String),
            Attribute::ClientIp
            | Attribute::ClientUnixUid
            | Attribute::ClientSpiffeId
            | Attribute::ClientDnsNames
            | Attribute::ClientCertSha256 => client_attribute(attribute, attributes.client).unwrap_or(Value::Null),
        }
    }

    fn entry(
        self,
        namespace: NamespaceId,
        name: &str,
        budget: &mut Budget,
    ) -> Result<Option<Value<'a, NodeRef<'a>>>, EvaluationFailure<Infallible>> {
        let Some(namespace) = Namespace::from_id(namespace) else { return Ok(None) };
        // the query is decoded anew for each lookup
        if namespace == Namespace::Query {
            budget.bytes(self.attributes.query.len())?;
        }
        let value = self.lookup(namespace, name);
        // only a text that was copied costs; a borrowed one is free
        if let Some(Value::Text(text)) = &value {
            budget.bytes(text.len())?;
        }
        Ok(value)
    }
}

impl<'a> RequestActivation<'a> {
    /// The number of items of a body that is a list; 0 for any other.
    fn body_items(self) -> i64 {
        let list = self.document.map(Document::root).filter(|root| root.kind() == JsonKind::Array);
        list.map_or(0, |list| i64::try_from(View::len(list)).unwrap_or(i64::MAX))
    }

    fn lookup(self, namespace: Namespace, name: &str) -> Option<Value<'a, NodeRef<'a>>> {
        match namespace {
            Namespace::Body => View::member(self.document?.root(), name).map(value_of),
            Namespace::Parameters => {
                let mut parameters = self.attributes.parameters.iter();
                parameters.find(|(known, _)| **known == *name).map(|(_, value)| Value::String(value))
            }
            Namespace::Query => query_values(self.attributes.query, name).next().map(|value| Value::Text(value.into())),
            Namespace::Headers => self.header(name),
            Namespace::Labels => self.attributes.instance.labels.get(name).map(|value| Value::String(value)),
        }
    }

    /// The values of a header, joined as RFC 9110, section 5.3 permits.
    fn header(self, name: &str) -> Option<Value<'a, NodeRef<'a>>> {
        if is_credential(name) {
            return None;
        }
        let mut values =
            self.attributes.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let first = values.next()?;
        let rest: Vec<Cow<'_, str>> = values.collect();
        match (first, rest.is_empty()) {
            // the usual case: one value, borrowed
            (Cow::Borrowed(only), true) => Some(Value::String(only)),
            (first, _) => {
                let all: Vec<Cow<'_, str>> = std::iter::once(first).chain(rest).collect();
                Some(Value::Text(all.join(", ").into()))
            }
        }
    }
}

/// An attribute of the client; `None` if the connection does not have it. Without a certificate there are no names.
pub(super) fn client_attribute<'a, C: Container<'a>>(attribute: Attribute, client: &'a Client) -> Option<Value<'a, C>> {
    let certificate = client.certificate.as_ref();
    match attribute {
        Attribute::ClientIp => client.address.map(|address| Value::Text(address.ip().to_string().into())),
        Attribute::ClientUnixUid => client.unix_uid.map(|uid| Value::Int(uid.into())),
        Attribute::ClientSpiffeId => certificate?.spiffe_id.as_deref().map(Value::String),
        Attribute::ClientCertSha256 => Some(Value::String(&certificate?.sha256)),
        Attribute::ClientDnsNames => {
            let names = certificate.map(|certificate| certificate.dns_names.as_slice()).unwrap_or_default();
            Some(Value::OwnList(names.iter().map(|name| Value::String(name)).collect()))
        }
        _ => None,
    }
}

/// A value of the body.
pub(super) fn value_of(node: NodeRef<'_>) -> Value<'_, NodeRef<'_>> {
    match node.kind() {
        JsonKind::Null => Value::Null,
        JsonKind::Bool(value) => Value::Bool(value),
        JsonKind::Number(text) => parse_number(text),
        JsonKind::String(text) => Value::String(text),
        JsonKind::Array => Value::Array(node),
        JsonKind::Object => Value::Object(node),
    }
}
