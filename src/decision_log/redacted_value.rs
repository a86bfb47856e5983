//! A redacted JSON value: the declared members that are present, their types and sizes, without their values.

use super::{EntryText, NameMap};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use std::fmt;

/// A redacted JSON value. Holds no text or number of the request, since a client can put a secret into any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RedactedValue<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A string that the contract lists for this place (`enum`), verbatim.
    EnumMember(EntryText<'a>),
    /// Anything else: its type and its size.
    Shape(RedactedShape<'a>),
}

/// The type and size of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "lowercase", bound(deserialize = "'de: 'a"))]
pub enum RedactedShape<'a> {
    /// A JSON string, without its content.
    String {
        /// Its length in characters.
        size: usize,
        /// Its keyed fingerprint, if the configuration chooses the value: equal strings have equal fingerprints.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<EntryText<'a>>,
    },
    /// A JSON number, without its value.
    Number(NumberKind),
    /// A JSON array, with its first elements.
    Array {
        /// The number of its elements.
        size: usize,
        /// Its size in bytes as compact JSON; `None` if something in it was removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<usize>,
        /// The first of its elements.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        elements: Vec<RedactedValue<'a>>,
    },
    /// A JSON object, with the members that may be named.
    Object {
        /// Its size in bytes as compact JSON; `None` if something in it was removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<usize>,
        /// The members whose names the contract or the configuration declares.
        #[serde(default, skip_serializing_if = "NameMap::is_empty")]
        members: NameMap<'a, RedactedValue<'a>>,
        /// The number of other members, whose names only the request knows.
        #[serde(default, skip_serializing_if = "is_zero")]
        undeclared: usize,
    },
    /// A secret by the contract: its JSON type.
    Secret(EntryText<'a>),
    /// A value that was removed.
    Removed(Removal),
}

/// Why a value was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "lowercase")]
pub enum Removal {
    /// A mask of the configuration hides it.
    Mask,
    /// The body has more values than are recorded.
    Bounds,
}

/// How a number is written; nothing else of its value is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberKind {
    /// Without a fraction and an exponent.
    Integer,
    /// Any other.
    Fraction,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

// by hand: the derive for untagged enums buffers each value, which would copy every string of a million lines
impl<'de: 'a, 'a> Deserialize<'de> for RedactedValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RedactedValueVisitor)
    }
}

struct RedactedValueVisitor;

impl<'de> Visitor<'de> for RedactedValueVisitor {
    type Value = RedactedValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a redacted value")
    }

    fn visit_unit<E: Error>(self) -> Result<RedactedValue<'de>, E> {
        Ok(RedactedValue::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<RedactedValue<'de>, E> {
        Ok(RedactedValue::Bool(value))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<RedactedValue<'de>, E> {
        Ok(RedactedValue::EnumMember(text.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RedactedValue<'de>, E> {
        Ok(RedactedValue::EnumMember(text.to_owned().into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RedactedValue<'de>, A::Error> {
        RedactedShape::deserialize(MapAccessDeserializer::new(map)).map(RedactedValue::Shape)
    }
}
