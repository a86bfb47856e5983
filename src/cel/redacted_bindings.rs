//! The structure of a body of which a namespace kept no more than an [`RecordedValue`].

use super::activation::{Activation, Container, Failure, Unknown};
use super::bindings::{Attribute, Namespace, is_credential, of_client, time};
use super::budget::Budget;
use super::kind::Kinds;
use super::value::Value;
use crate::policy::replay::{RecordedRequest, RecordedValue};

impl<'a> Value<'a, &'a RecordedValue<'a>> {
    /// What is kept of a value of the body.
    fn kept(outline: &'a RecordedValue<'a>) -> Self {
        match outline {
            RecordedValue::Null => Self::Null,
            RecordedValue::Bool(value) => Self::Bool(*value),
            RecordedValue::Text(text) => Self::String(text),
            RecordedValue::Unknown(unknown) => Self::Unknown(*unknown),
            RecordedValue::Array { .. } => Self::Array(outline),
            RecordedValue::Object { .. } => Self::Object(outline),
        }
    }
}

impl<'a> Container<'a> for &'a RecordedValue<'a> {
    type Unknown = Unknown;
    type Activation = &'a RecordedRequest<'a>;

    fn len(self) -> usize {
        match self {
            RecordedValue::Array { size, .. } => *size,
            RecordedValue::Object { members, others, .. } => members.len().saturating_add(*others),
            _ => 0,
        }
    }

    fn child(self, position: usize) -> Option<Value<'a, Self>> {
        let kept = match self {
            RecordedValue::Array { elements, .. } => elements.get(position),
            RecordedValue::Object { members, others: 0, .. } => members.get(position).map(|(_, value)| value),
            _ => None,
        };
        kept.map(Value::kept).or_else(|| (position < self.len()).then_some(Value::Unknown(Unknown::ANYTHING)))
    }

    fn name(self, position: usize) -> Option<Value<'a, Self>> {
        match self {
            RecordedValue::Object { members, others: 0, .. } => {
                members.get(position).map(|(name, _)| Value::String(name))
            }
            // names that are not kept stood between those that are
            _ => (position < self.len()).then_some(Value::Unknown(Unknown::text(None))),
        }
    }

    fn member(self, name: &str) -> Result<Option<Value<'a, Self>>, Unknown> {
        let RecordedValue::Object { members, others, declared, .. } = self else { return Ok(None) };
        let kept = members.iter().find(|(known, _)| *known == name).map(|(_, value)| Value::kept(value));
        let would_be_kept = *others == 0 || declared.is_some_and(|declared| declared.member(name).is_some());
        if kept.is_some() || would_be_kept { Ok(kept) } else { Err(Unknown::ANYTHING) }
    }

    fn json_size(self, _: &mut Budget) -> Result<usize, Failure<Unknown>> {
        match self {
            RecordedValue::Array { bytes: Some(bytes), .. } | RecordedValue::Object { bytes: Some(bytes), .. } => {
                Ok(*bytes)
            }
            _ => Err(Failure::Unknown(Unknown::ANYTHING)),
        }
    }
}

impl<'a> Activation<'a, &'a RecordedValue<'a>> for &'a RecordedRequest<'a> {
    fn attribute(self, attribute: Attribute) -> Value<'a, &'a RecordedValue<'a>> {
        match attribute {
            Attribute::Method => self.method.map_or(Value::Unknown(Unknown::text(None)), Value::String),
            Attribute::Path => Value::Unknown(Unknown::text(None)),
            Attribute::Operation => Value::String(self.operation),
            Attribute::ApiVersion => Value::String(self.api_version),
            Attribute::Time => match self.time {
                Some(known) => time(known).map_or(Value::Null, Value::Timestamp),
                None => Value::Unknown(Unknown { kinds: Kinds::TIMESTAMP, size: None }),
            },
            Attribute::Environment => Value::String(self.environment.as_str()),
            Attribute::KeyFingerprint => self.key_fingerprint.map_or(Value::Null, Value::String),
            Attribute::ClientIp
            | Attribute::ClientUnixUid
            | Attribute::ClientSpiffeId
            | Attribute::ClientDnsNames
            | Attribute::ClientCertSha256 => of_client(attribute, &self.client).unwrap_or(Value::Null),
        }
    }

    fn entry(
        self,
        namespace: Namespace,
        name: &str,
        _: &mut Budget,
    ) -> Result<Option<Value<'a, &'a RecordedValue<'a>>>, Failure<Unknown>> {
        let unknown = || Failure::Unknown(Unknown::ANYTHING);
        match namespace {
            Namespace::Body => self.body.as_ref().map_or(Ok(None), |body| body.member(name)).map_err(Failure::Unknown),
            Namespace::Parameters => {
                let kept = self.parameters.iter().find(|(known, _)| *known == name);
                Ok(kept.map(|(_, unknown)| Value::Unknown(*unknown)))
            }
            Namespace::Query => match self.query.iter().find(|(known, _)| *known == name) {
                Some((_, unknown)) => Ok(unknown.map(Value::Unknown)),
                None if self.has_query => Err(unknown()),
                None => Ok(None),
            },
            Namespace::Headers if is_credential(name) => Ok(None),
            Namespace::Headers => {
                let kept = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                kept.map(|(_, unknown)| unknown.map(Value::Unknown)).ok_or_else(unknown)
            }
        }
    }
}
