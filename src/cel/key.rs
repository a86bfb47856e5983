//! What requests are told apart by.

use super::activation::{Container, Value};
use super::kind::{Kind, Kinds};
use std::fmt;

/// What an expression makes of a request, to tell it apart from others by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// There is none: such requests are told apart from all others, and not from each other.
    Null,
    /// True or false.
    Bool(bool),
    /// An `int` or `uint`, which are equal where their numbers are.
    Number(i128),
    /// A text.
    Text(Box<str>),
}

impl Key {
    /// What a key can be. A `double` is none: two of them are rarely the same on purpose.
    pub(super) const KINDS: Kinds =
        Kinds::of(Kind::String).or(Kinds::INT).or(Kinds::UINT).or(Kinds::BOOL).or(Kinds::NULL);

    /// The key that `value` is; none where it can be none.
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
    /// The key as JSON, for who made the request up: of a real one it says what only its sender knows.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            // an `int` or a `uint`, so it is one of the two
            Self::Number(number) => u64::try_from(*number)
                .map_or_else(|_| i64::try_from(*number).unwrap_or(i64::MIN).into(), serde_json::Value::from),
            Self::Text(text) => (**text).into(),
        }
    }
}

/// Shows the type and nothing of the value, which is the request's.
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
