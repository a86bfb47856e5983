//! The structure of a body of which a record kept no more than an [`Outline`].

use super::budget::Budget;
use super::kind::Kinds;
use super::record::{Fact, Record, is_credential, of_client, time};
use super::sight::{Facts, Failure, Hidden, Structure};
use super::value::Value;
use crate::policy::recorded::{Outline, RecordedRequest};

impl<'a> Value<'a, &'a Outline<'a>> {
    /// What is kept of a value of the body.
    fn kept(outline: &'a Outline<'a>) -> Self {
        match outline {
            Outline::Null => Self::Null,
            Outline::Bool(value) => Self::Bool(*value),
            Outline::Text(text) => Self::String(text),
            Outline::Hidden(hidden) => Self::Hidden(*hidden),
            Outline::Array { .. } => Self::Array(outline),
            Outline::Object { .. } => Self::Object(outline),
        }
    }
}

impl<'a> Structure<'a> for &'a Outline<'a> {
    type Hidden = Hidden;
    type Request = &'a RecordedRequest<'a>;

    fn len(self) -> usize {
        match self {
            Outline::Array { size, .. } => *size,
            Outline::Object { members, others, .. } => members.len().saturating_add(*others),
            _ => 0,
        }
    }

    fn child(self, position: usize) -> Option<Value<'a, Self>> {
        let kept = match self {
            Outline::Array { elements, .. } => elements.get(position),
            Outline::Object { members, others: 0, .. } => members.get(position).map(|(_, value)| value),
            _ => None,
        };
        kept.map(Value::kept).or_else(|| (position < self.len()).then_some(Value::Hidden(Hidden::ANYTHING)))
    }

    fn name(self, position: usize) -> Option<Value<'a, Self>> {
        match self {
            Outline::Object { members, others: 0, .. } => members.get(position).map(|(name, _)| Value::String(name)),
            // names that are not kept stood between those that are
            _ => (position < self.len()).then_some(Value::Hidden(Hidden::text(None))),
        }
    }

    fn member(self, name: &str) -> Result<Option<Value<'a, Self>>, Hidden> {
        let Outline::Object { members, others, declared, .. } = self else { return Ok(None) };
        let kept = members.iter().find(|(known, _)| *known == name).map(|(_, value)| Value::kept(value));
        let would_be_kept = *others == 0 || declared.is_some_and(|declared| declared.member(name).is_some());
        if kept.is_some() || would_be_kept { Ok(kept) } else { Err(Hidden::ANYTHING) }
    }

    fn json_size(self, _: &mut Budget) -> Result<usize, Failure<Hidden>> {
        match self {
            Outline::Array { bytes: Some(bytes), .. } | Outline::Object { bytes: Some(bytes), .. } => Ok(*bytes),
            _ => Err(Failure::Hidden(Hidden::ANYTHING)),
        }
    }
}

impl<'a> Facts<'a, &'a Outline<'a>> for &'a RecordedRequest<'a> {
    fn fact(self, fact: Fact) -> Value<'a, &'a Outline<'a>> {
        match fact {
            Fact::Method => self.method.map_or(Value::Hidden(Hidden::text(None)), Value::String),
            Fact::Path => Value::Hidden(Hidden::text(None)),
            Fact::Operation => Value::String(self.operation),
            Fact::ApiVersion => Value::String(self.api_version),
            Fact::Time => match self.time {
                Some(known) => time(known).map_or(Value::Null, Value::Timestamp),
                None => Value::Hidden(Hidden { kinds: Kinds::TIMESTAMP, size: None }),
            },
            Fact::Environment => Value::String(self.environment.as_str()),
            Fact::KeyFingerprint => self.key_fingerprint.map_or(Value::Null, Value::String),
            Fact::ClientIp
            | Fact::ClientUnixUid
            | Fact::ClientSpiffeId
            | Fact::ClientDnsNames
            | Fact::ClientCertSha256 => of_client(fact, &self.client).unwrap_or(Value::Null),
        }
    }

    fn entry(
        self,
        record: Record,
        name: &str,
        _: &mut Budget,
    ) -> Result<Option<Value<'a, &'a Outline<'a>>>, Failure<Hidden>> {
        let unknown = || Failure::Hidden(Hidden::ANYTHING);
        match record {
            Record::Body => self.body.as_ref().map_or(Ok(None), |body| body.member(name)).map_err(Failure::Hidden),
            Record::Parameters => {
                let kept = self.parameters.iter().find(|(known, _)| *known == name);
                Ok(kept.map(|(_, hidden)| Value::Hidden(*hidden)))
            }
            Record::Query => match self.query.iter().find(|(known, _)| *known == name) {
                Some((_, hidden)) => Ok(hidden.map(Value::Hidden)),
                None if self.has_query => Err(unknown()),
                None => Ok(None),
            },
            Record::Headers if is_credential(name) => Ok(None),
            Record::Headers => {
                let kept = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                kept.map(|(_, hidden)| hidden.map(Value::Hidden)).ok_or_else(unknown)
            }
        }
    }
}
