//! The skeleton of a body: which declared fields are there, of which types and sizes, and none of their values.

use super::{Named, Text};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use std::fmt;

/// What is kept of one value of a body: nothing of what a client could have put a secret into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Skeleton<'a> {
    /// `null`, as it is.
    Null,
    /// `true` or `false`, as it is.
    Bool(bool),
    /// A string that the contract lists among those that may stand here (`enum`), as it is.
    Word(Text<'a>),
    /// Anything else: its type and its measures.
    Shape(Shape<'a>),
}

/// The type and measures of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "lowercase", bound(deserialize = "'de: 'a"))]
pub enum Shape<'a> {
    /// A string.
    String {
        /// Its length in characters.
        size: usize,
        /// Its keyed fingerprint, where the configuration asks for one: equal strings have equal ones.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<Text<'a>>,
    },
    /// A number.
    Number(Number),
    /// A list.
    Array {
        /// How many elements it has.
        size: usize,
        /// How many bytes it takes as compact JSON; none where something in it was removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<usize>,
        /// Its first elements.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        elements: Vec<Skeleton<'a>>,
    },
    /// An object.
    Object {
        /// How many bytes it takes as compact JSON; none where something in it was removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<usize>,
        /// The members whose names the contract or the configuration knows.
        #[serde(default, skip_serializing_if = "Named::is_empty")]
        members: Named<'a, Skeleton<'a>>,
        /// How many members it has besides: their names came from the request.
        #[serde(default, skip_serializing_if = "is_zero")]
        undeclared: usize,
    },
    /// A secret by the contract: its JSON type and no more.
    Secret(Text<'a>),
    /// A value that was removed: that it is there and no more.
    Removed(Removal),
}

/// Why a value was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "lowercase")]
pub enum Removal {
    /// By a mask of the configuration.
    Mask,
    /// It is beyond the bounds of what is kept.
    Bounds,
}

/// What of a number is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "lowercase")]
pub enum Number {
    /// Written without a fraction and without an exponent.
    Integer,
    /// Any other.
    Fraction,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl<'de: 'a, 'a> Deserialize<'de> for Skeleton<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SkeletonVisitor)
    }
}

struct SkeletonVisitor;

impl<'de> Visitor<'de> for SkeletonVisitor {
    type Value = Skeleton<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the skeleton of a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Skeleton<'de>, E> {
        Ok(Skeleton::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Skeleton<'de>, E> {
        Ok(Skeleton::Bool(value))
    }

    fn visit_borrowed_str<E: Error>(self, word: &'de str) -> Result<Skeleton<'de>, E> {
        Ok(Skeleton::Word(word.into()))
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Skeleton<'de>, E> {
        Ok(Skeleton::Word(word.to_owned().into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Skeleton<'de>, A::Error> {
        Shape::deserialize(MapAccessDeserializer::new(map)).map(Skeleton::Shape)
    }
}
