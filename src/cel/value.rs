//! Operations on values.

use super::activation::{Container, Value};
use super::kind::{Kind, Kinds};
use super::unknown::{EvaluationFailure, Unknown};
use std::fmt;

/// Shows the type only: the value may be a secret.
impl<'a, C: Container<'a>> fmt::Debug for Value<'a, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Ok(kind) => write!(f, "{kind:?}"),
            Err(_) => f.write_str("Unknown"),
        }
    }
}

impl Value<'static> {
    /// The constant as a value of an evaluation, without owning what `self` owns.
    pub(super) fn to_borrowed<'a, C: Container<'a>>(&'a self) -> Value<'a, C> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Uint(value) => Value::Uint(*value),
            Self::Double(value) => Value::Double(*value),
            Self::String(text) => Value::String(text),
            Self::Text(text) => Value::String(text),
            // reference-counted: the clone copies no bytes
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

impl<'a, C: Container<'a>> Value<'a, C> {
    /// The type.
    ///
    /// # Errors
    ///
    /// The value is unknown, and can be of several.
    pub(super) fn kind(&self) -> Result<Kind, C::Unknown> {
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
    pub(crate) fn require_known(self) -> Result<Self, EvaluationFailure<C::Unknown>> {
        match self {
            Self::Unknown(unknown) => Err(EvaluationFailure::Unknown(unknown)),
            known => Ok(known),
        }
    }

    /// What could be known of the value if it were unknown.
    pub(super) fn as_unknown(&self) -> Unknown {
        if let Self::Unknown(unknown) = self {
            return (*unknown).into();
        }
        // characters, as `size(...)` counts
        let size = self.as_str().map(|text| text.chars().count()).or_else(|| self.len());
        self.kind().map_or_else(Into::into, |kind| Unknown { kinds: Kinds::of(kind), size })
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) const fn is_map(&self) -> bool {
        matches!(self, Self::Map(_) | Self::OwnMap(_) | Self::Object(_))
    }

    /// Its elements or members; `None` if it is neither list nor map.
    pub(crate) fn len(&self) -> Option<usize> {
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
    pub(crate) fn item(&self, position: usize) -> Option<Self> {
        match self {
            Self::Array(array) => array.child(position),
            Self::Object(object) => object.name(position),
            Self::List(items) => items.get(position).map(Value::to_borrowed),
            Self::Map(entries) => entries.get(position).map(|(key, _)| key.to_borrowed()),
            Self::OwnList(items) => items.get(position).cloned(),
            Self::OwnMap(entries) => entries.get(position).map(|(key, _)| key.clone()),
            _ => None,
        }
    }
}
