//! The values of a request that a decision log recorded: of most no more than the type and size.

use super::attribute::{Attribute, Namespace, is_credential};
use super::request::client_attribute;
use crate::cel::{
    Activation, AttributeId, Budget, CelTimestamp, Container, EvaluationFailure, Kinds, NamespaceId, Unknown, Value,
};
use crate::policy::replay::{RecordedRequest, RecordedValue};

/// A value of the body.
fn value_of<'a>(recorded: &'a RecordedValue<'a>) -> Value<'a, &'a RecordedValue<'a>> {
    match recorded {
        RecordedValue::Null => Value::Null,
        RecordedValue::Bool(value) => Value::Bool(*value),
        RecordedValue::Text(text) => Value::String(text),
        RecordedValue::Unknown(unknown) => Value::Unknown(*unknown),
        RecordedValue::Array { .. } => Value::Array(recorded),
        RecordedValue::Object { .. } => Value::Object(recorded),
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
        let recorded = match self {
            RecordedValue::Array { elements, .. } => elements.get(position),
            // a position is certain only if every name was recorded
            RecordedValue::Object { members, others: 0, .. } => members.get(position).map(|(_, value)| value),
            _ => None,
        };
        recorded.map(value_of).or_else(|| (position < self.len()).then_some(Value::Unknown(Unknown::ANYTHING)))
    }

    fn name(self, position: usize) -> Option<Value<'a, Self>> {
        match self {
            RecordedValue::Object { members, others: 0, .. } => {
                members.get(position).map(|(name, _)| Value::String(name))
            }
            // the positions of names that were not recorded are not known
            _ => (position < self.len()).then_some(Value::Unknown(Unknown::text(None))),
        }
    }

    fn member(self, name: &str) -> Result<Option<Value<'a, Self>>, Unknown> {
        let RecordedValue::Object { members, others, declared, .. } = self else { return Ok(None) };
        let recorded = members.iter().find(|(known, _)| *known == name).map(|(_, value)| value_of(value));
        // declared names are always recorded, so that their absence is known
        let is_always_recorded = *others == 0 || declared.is_some_and(|declared| declared.member(name).is_some());
        if recorded.is_some() || is_always_recorded { Ok(recorded) } else { Err(Unknown::ANYTHING) }
    }

    fn json_size(self, _: &mut Budget) -> Result<usize, EvaluationFailure<Unknown>> {
        match self {
            RecordedValue::Array { bytes: Some(bytes), .. } | RecordedValue::Object { bytes: Some(bytes), .. } => {
                Ok(*bytes)
            }
            _ => Err(EvaluationFailure::Unknown(Unknown::ANYTHING)),
        }
    }
}

impl<'a> Activation<'a, &'a RecordedValue<'a>> for &'a RecordedRequest<'a> {
    fn attribute(self, attribute: AttributeId) -> Value<'a, &'a RecordedValue<'a>> {
        let Some(attribute) = Attribute::from_id(attribute) else { return Value::Null };
        match attribute {
            Attribute::Method => self.method.map_or(Value::Unknown(Unknown::text(None)), Value::String),
            Attribute::Path => Value::Unknown(Unknown::text(None)),
            Attribute::Operation => Value::String(self.operation),
            Attribute::ApiVersion => Value::String(self.api_version),
            Attribute::Time => match self.time {
                Some(known) => CelTimestamp::from_system_time(known).map_or(Value::Null, Value::Timestamp),
                None => Value::Unknown(Unknown::of_kinds(Kinds::TIMESTAMP)),
            },
            Attribute::BodyItems => match &self.body {
                Some(RecordedValue::Array { size, .. }) => Value::Int(i64::try_from(*size).unwrap_or(i64::MAX)),
                Some(RecordedValue::Unknown(_)) => Value::Unknown(Unknown::of_kinds(Kinds::INT)),
                _ => Value::Int(0),
            },
            Attribute::Environment => Value::String(self.environment.as_str()),
            Attribute::KeyFingerprint => self.key_fingerprint.map_or(Value::Null, Value::String),
            // a log that does not name the gateway may be of a version that did not record it
            Attribute::InstanceName => match &self.instance {
                Some(instance) => instance.name.as_deref().map_or(Value::Null, Value::String),
                None => Value::Unknown(Unknown::ANYTHING),
            },
            Attribute::EnvironmentName => match &self.instance {
                Some(instance) => instance.environment.as_deref().map_or(Value::Null, Value::String),
                None => Value::Unknown(Unknown::ANYTHING),
            },
            Attribute::ClientIp
            | Attribute::ClientUnixUid
            | Attribute::ClientSpiffeId
            | Attribute::ClientDnsNames
            | Attribute::ClientCertSha256 => client_attribute(attribute, &self.client).unwrap_or(Value::Null),
        }
    }

    fn entry(
        self,
        namespace: NamespaceId,
        name: &str,
        _: &mut Budget,
    ) -> Result<Option<Value<'a, &'a RecordedValue<'a>>>, EvaluationFailure<Unknown>> {
        let unknown = || EvaluationFailure::Unknown(Unknown::ANYTHING);
        let Some(namespace) = Namespace::from_id(namespace) else { return Ok(None) };
        match namespace {
            Namespace::Body => {
                self.body.as_ref().map_or(Ok(None), |body| body.member(name)).map_err(EvaluationFailure::Unknown)
            }
            Namespace::Parameters => {
                let recorded = self.parameters.iter().find(|(known, _)| *known == name);
                Ok(recorded.map(|(_, unknown)| Value::Unknown(*unknown)))
            }
            Namespace::Query => match self.query.iter().find(|(known, _)| *known == name) {
                Some((_, unknown)) => Ok(unknown.map(Value::Unknown)),
                // the log has only the parameters that policies read
                None if self.has_query => Err(unknown()),
                None => Ok(None),
            },
            Namespace::Labels => {
                let instance = self.instance.as_ref().ok_or_else(unknown)?;
                Ok(instance.labels.get(name).map(|value| Value::String(value)))
            }
            Namespace::Headers if is_credential(name) => Ok(None),
            Namespace::Headers => {
                let recorded = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                recorded.map(|(_, unknown)| unknown.map(Value::Unknown)).ok_or_else(unknown)
            }
        }
    }
}
