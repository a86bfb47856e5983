//! The values of expressions, borrowed from the request or the policy wherever that can be.

use super::EvaluationError;
use super::budget::Budget;
use super::equality::equal;
use super::kind::Kind;
use super::number;
use crate::document::{self, NodeRef, View};
use chrono::{DateTime, TimeDelta, Utc};
use std::fmt;
use std::sync::Arc;

/// A value. Cloning it copies at most a reference.
#[derive(Clone)]
pub(super) enum Value<'a> {
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
    List(&'a [Value<'a>]),
    Map(&'a [(Value<'a>, Value<'a>)]),
    /// A list or map of its own.
    OwnList(Arc<[Value<'a>]>),
    OwnMap(Arc<[(Value<'a>, Value<'a>)]>),
    /// An array or object of the body.
    Array(NodeRef<'a>),
    Object(NodeRef<'a>),
    /// A type, as `type(x)` gives it.
    Type(Kind),
}

/// Shows the type and nothing of the value, which may be a secret.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind())
    }
}

impl<'a> Value<'a> {
    /// A value of the body.
    pub(super) fn of(node: NodeRef<'a>) -> Self {
        match node.kind() {
            document::Kind::Null => Self::Null,
            document::Kind::Bool(value) => Self::Bool(value),
            document::Kind::Number(text) => number::read(text),
            document::Kind::String(text) => Self::String(text),
            document::Kind::Array => Self::Array(node),
            document::Kind::Object => Self::Object(node),
        }
    }

    /// The value without owning what `self` owns.
    pub(super) fn borrowed(&'a self) -> Self {
        match self {
            Self::Text(text) => Self::String(text),
            Self::OwnList(items) => Self::List(items),
            Self::OwnMap(entries) => Self::Map(entries),
            other => other.clone(),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
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
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

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

    /// How many elements or members it has; none where it is neither list nor map.
    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Self::Array(node) | Self::Object(node) => Some(node.len()),
            _ => self.items().map(<[_]>::len).or_else(|| self.entries().map(<[_]>::len)),
        }
    }

    /// The element of a list, or the key of a map, at `position`.
    pub(super) fn item(&self, position: usize) -> Option<Self> {
        match self {
            Self::Array(node) => node.child(position).map(Self::of),
            Self::Object(node) => node.name(position).map(Self::String),
            Self::List(items) => items.get(position).map(Self::borrowed),
            Self::Map(entries) => entries.get(position).map(|(key, _)| key.borrowed()),
            Self::OwnList(items) => items.get(position).cloned(),
            Self::OwnMap(entries) => entries.get(position).map(|(key, _)| key.clone()),
            _ => None,
        }
    }

    /// The value in a map under `key`; none where the map has no such key.
    pub(super) fn under(&self, key: &Self, budget: &mut Budget) -> Result<Option<Self>, EvaluationError> {
        if let Self::Object(node) = self {
            return Ok(key.as_str().and_then(|name| node.member(name)).map(Self::of));
        }
        for (known, value) in self.entries().ok_or(EvaluationError::NoSuchOverload)? {
            budget.steps(1)?;
            if equal(known, key, budget)? {
                return Ok(Some(value.clone()));
            }
        }
        Ok(None)
    }

    /// The value, owning all that it holds. Values of the body cannot be kept so, and are none where a policy is loaded.
    pub(super) fn to_constant(&self) -> Value<'static> {
        match self {
            Self::Null | Self::Array(_) | Self::Object(_) => Value::Null,
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
            Self::List(_) | Self::OwnList(_) => {
                Value::OwnList(self.items().unwrap_or_default().iter().map(Self::to_constant).collect())
            }
            Self::Map(_) | Self::OwnMap(_) => {
                let entries = self.entries().unwrap_or_default().iter();
                Value::OwnMap(entries.map(|(key, value)| (key.to_constant(), value.to_constant())).collect())
            }
        }
    }
}
