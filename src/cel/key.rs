//! The key that a limit groups requests by.

use super::activation::{Container, Value};
use super::kind::{Kind, Kinds};
use std::fmt;

/// The value of a key expression.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// `null`, as of an absent header. These requests form one group.
    Null,
    /// True or false.
    Bool(bool),
    /// An `int` or `uint`; equal if the numbers are.
    Number(i128),
    /// A `string`; equal if the bytes are.
    Text(Box<str>),
}

impl Key {
    /// The kinds of a key. A `double` is not one: two of them are rarely equal on purpose.
    pub(super) const KINDS: Kinds =
        Kinds::of(Kind::String).or(Kinds::INT).or(Kinds::UINT).or(Kinds::BOOL).or(Kinds::NULL);

    /// The key of `value`; `None` if it is of another kind.
    pub(super) fn of<'a, C: Container<'a>>(value: &Value<'a, C>) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Null),
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Int(value) => Some(Self::Number((*value).into())),
            Value::Uint(value) => Some(Self::Number((*value).into())),
            _ => value.as_str().map(|text| Self::Text(text.into())),
        }
    }
}

impl Key {
    /// The key as JSON, for reports about requests of tests only: the key of a live request holds its content.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            // made from an `int` or a `uint` only, so one of the conversions fits
            Self::Number(number) => u64::try_from(*number)
                .map_or_else(|_| i64::try_from(*number).unwrap_or(i64::MIN).into(), serde_json::Value::from),
            Self::Text(text) => (**text).into(),
        }
    }
}

/// Shows the type only: the value is content of a request.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Bool(_) => "Bool",
            Self::Number(_) => "Number",
            Self::Text(_) => "Text",
        })
    }
}
