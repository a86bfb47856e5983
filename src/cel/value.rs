//! The values of expressions, borrowed from the request or the policy wherever that can be.

use super::EvaluationError;
use super::activation::{Container, Failure, NoContainer, PendingUnknown, Unknown};
use super::budget::Budget;
use super::equality::equal;
use super::kind::Kind;
use super::kind::Kinds;
use super::number;
use crate::document::{self, NodeRef, View};
use chrono::{DateTime, TimeDelta, Utc};
use std::fmt;
use std::sync::Arc;

/// A value. Cloning it copies at most a reference.
#[derive(Clone)]
pub(crate) enum Value<'a, S: Container<'a> = NoContainer> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    /// A string of the request or of the policy.
    String(&'a str),
    /// A string of its own.
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    Timestamp(DateTime<Utc>),
    Duration(TimeDelta),
    /// A list or map of the policy.
    List(&'a [Value<'static>]),
    Map(&'a [(Value<'static>, Value<'static>)]),
    /// A list or map of its own.
    OwnList(Arc<[Self]>),
    OwnMap(Arc<[(Self, Self)]>),
    /// An array or object of the body.
    Array(S),
    Object(S),
    /// A type, as `type(x)` gives it.
    Type(Kind),
    /// A value that cannot be seen.
    Unknown(S::Unknown),
}

/// Shows the type and nothing of the value, which may be a secret.
impl<'a, S: Container<'a>> fmt::Debug for Value<'a, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Ok(kind) => write!(f, "{kind:?}"),
            Err(_) => f.write_str("Unknown"),
        }
    }
}

impl<'a> Value<'a, NodeRef<'a>> {
    /// A value of the body.
    pub(super) fn of(node: NodeRef<'a>) -> Self {
        match node.kind() {
            document::JsonKind::Null => Self::Null,
            document::JsonKind::Bool(value) => Self::Bool(value),
            document::JsonKind::Number(text) => number::read(text),
            document::JsonKind::String(text) => Self::String(text),
            document::JsonKind::Array => Self::Array(node),
            document::JsonKind::Object => Self::Object(node),
        }
    }
}

impl Value<'static> {
    /// The constant as a value of an evaluation, without owning what `self` owns.
    pub(super) fn borrowed<'a, S: Container<'a>>(&'a self) -> Value<'a, S> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Uint(value) => Value::Uint(*value),
            Self::Double(value) => Value::Double(*value),
            Self::String(text) => Value::String(text),
            Self::Text(text) => Value::String(text),
            Self::Bytes(bytes) => Value::Bytes(bytes.clone()),
            Self::Timestamp(time) => Value::Timestamp(*time),
            Self::Duration(length) => Value::Duration(*length),
            Self::List(items) => Value::List(items),
            Self::Map(entries) => Value::Map(entries),
            Self::OwnList(items) => Value::List(items),
            Self::OwnMap(entries) => Value::Map(entries),
            Self::Type(kind) => Value::Type(*kind),
            Self::Array(none) | Self::Object(none) => match *none {},
            Self::Unknown(never) => match *never {},
        }
    }
}

impl Value<'static> {
    pub(super) fn items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            Self::OwnList(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn entries(&self) -> Option<&[(Self, Self)]> {
        match self {
            Self::Map(entries) => Some(entries),
            Self::OwnMap(entries) => Some(entries),
            _ => None,
        }
    }
}

/// What is evaluated while a policy is loaded.
impl Value<'_> {
    /// The value, owning all that it holds.
    pub(super) fn to_constant(&self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Uint(value) => Value::Uint(*value),
            Self::Double(value) => Value::Double(*value),
            Self::String(text) => Value::Text((*text).into()),
            Self::Text(text) => Value::Text(text.clone()),
            Self::Bytes(bytes) => Value::Bytes(bytes.clone()),
            Self::Timestamp(time) => Value::Timestamp(*time),
            Self::Duration(length) => Value::Duration(*length),
            Self::Type(kind) => Value::Type(*kind),
            Self::List(items) => Value::OwnList(items.iter().cloned().collect()),
            Self::Map(entries) => Value::OwnMap(entries.iter().cloned().collect()),
            Self::OwnList(items) => Value::OwnList(items.iter().map(Self::to_constant).collect()),
            Self::OwnMap(entries) => {
                Value::OwnMap(entries.iter().map(|(key, value)| (key.to_constant(), value.to_constant())).collect())
            }
            Self::Array(none) | Self::Object(none) => match *none {},
            Self::Unknown(never) => match *never {},
        }
    }
}

impl<'a, S: Container<'a>> Value<'a, S> {
    /// The type.
    ///
    /// # Errors
    ///
    /// The value is unknown, and can be of several.
    pub(super) fn kind(&self) -> Result<Kind, S::Unknown> {
        Ok(match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Uint(_) => Kind::Uint,
            Self::Double(_) => Kind::Double,
            Self::String(_) | Self::Text(_) => Kind::String,
            Self::Bytes(_) => Kind::Bytes,
            Self::Timestamp(_) => Kind::Timestamp,
            Self::Duration(_) => Kind::Duration,
            Self::List(_) | Self::OwnList(_) | Self::Array(_) => Kind::List,
            Self::Map(_) | Self::OwnMap(_) | Self::Object(_) => Kind::Map,
            Self::Type(_) => Kind::Type,
            Self::Unknown(unknown) => return Into::<Unknown>::into(*unknown).kind().ok_or(*unknown),
        })
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// It is unknown.
    pub(super) fn seen(self) -> Result<Self, Failure<S::Unknown>> {
        match self {
            Self::Unknown(unknown) => Err(Failure::Unknown(unknown)),
            seen => Ok(seen),
        }
    }

    /// What could be known of the value if it were unknown.
    pub(super) fn outline(&self) -> Unknown {
        if let Self::Unknown(unknown) = self {
            return (*unknown).into();
        }
        let size = self.as_str().map(|text| text.chars().count()).or_else(|| self.len());
        self.kind().map_or_else(Into::into, |kind| Unknown { kinds: Kinds::of(kind), size })
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) const fn is_map(&self) -> bool {
        matches!(self, Self::Map(_) | Self::OwnMap(_) | Self::Object(_))
    }

    /// How many elements or members it has; none where it is neither list nor map.
    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Self::Array(structure) | Self::Object(structure) => Some(structure.len()),
            Self::List(items) => Some(items.len()),
            Self::OwnList(items) => Some(items.len()),
            Self::Map(entries) => Some(entries.len()),
            Self::OwnMap(entries) => Some(entries.len()),
            _ => None,
        }
    }

    /// The element of a list, or the key of a map, at `position`.
    pub(super) fn item(&self, position: usize) -> Option<Self> {
        match self {
            Self::Array(array) => array.child(position),
            Self::Object(object) => object.name(position),
            Self::List(items) => items.get(position).map(Value::borrowed),
            Self::Map(entries) => entries.get(position).map(|(key, _)| key.borrowed()),
            Self::OwnList(items) => items.get(position).cloned(),
            Self::OwnMap(entries) => entries.get(position).map(|(key, _)| key.clone()),
            _ => None,
        }
    }

    /// The value in a map under `key`; none where the map has no such key.
    pub(super) fn under(&self, key: &Self, budget: &mut Budget) -> Result<Option<Self>, Failure<S::Unknown>> {
        match (self, key) {
            (Self::Object(_), Self::Unknown(unknown)) | (Self::Unknown(unknown), _) => Err(Failure::Unknown(*unknown)),
            (Self::Object(object), _) => {
                key.as_str().map_or(Ok(None), |name| object.member(name)).map_err(Failure::Unknown)
            }
            (Self::Map(entries), _) => {
                find(entries.iter().map(|(known, value)| (known.borrowed(), || value.borrowed())), key, budget)
            }
            (Self::OwnMap(entries), _) => {
                find(entries.iter().map(|(known, value)| (known.clone(), || value.clone())), key, budget)
            }
            _ => Err(EvaluationError::NoSuchOverload.into()),
        }
    }
}

/// The value of the entry whose key is `key`.
fn find<'a, S: Container<'a>>(
    entries: impl Iterator<Item = (Value<'a, S>, impl FnOnce() -> Value<'a, S>)>,
    key: &Value<'a, S>,
    budget: &mut Budget,
) -> Result<Option<Value<'a, S>>, Failure<S::Unknown>> {
    let mut pending = PendingUnknown::NONE;
    for (known, value) in entries {
        budget.steps(1)?;
        if pending.is_found(equal(&known, key, budget))? {
            return Ok(Some(value()));
        }
    }
    pending.or(None)
}
