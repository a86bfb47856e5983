//! The types of values: one, and sets of them.

use std::fmt;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    List,
    Map,
    Type,
}

impl Kind {
    /// Every kind and its name in CEL.
    pub(super) const NAMED: [(Self, &'static str); 12] = [
        (Self::Null, "null_type"),
        (Self::Bool, "bool"),
        (Self::Int, "int"),
        (Self::Uint, "uint"),
        (Self::Double, "double"),
        (Self::String, "string"),
        (Self::Bytes, "bytes"),
        (Self::Timestamp, "timestamp"),
        (Self::Duration, "duration"),
        (Self::List, "list"),
        (Self::Map, "map"),
        (Self::Type, "type"),
    ];

    /// The name that CEL has for it.
    pub(super) fn as_str(self) -> &'static str {
        Self::NAMED.iter().find(|(kind, _)| *kind == self).map_or("value", |(_, name)| name)
    }

    /// The type that an expression names, such as `string`.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

/// A set of types: what an expression may evaluate to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u16);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const NULL: Self = Self::of(Kind::Null);
    pub(crate) const BOOL: Self = Self::of(Kind::Bool);
    pub(crate) const INT: Self = Self::of(Kind::Int);
    pub(super) const UINT: Self = Self::of(Kind::Uint);
    pub(crate) const DOUBLE: Self = Self::of(Kind::Double);
    pub(crate) const STRING: Self = Self::of(Kind::String);
    pub(super) const BYTES: Self = Self::of(Kind::Bytes);
    pub(crate) const TIMESTAMP: Self = Self::of(Kind::Timestamp);
    pub(super) const DURATION: Self = Self::of(Kind::Duration);
    pub(crate) const LIST: Self = Self::of(Kind::List);
    pub(crate) const MAP: Self = Self::of(Kind::Map);
    pub(super) const TYPE: Self = Self::of(Kind::Type);
    /// Numbers compare with each other, whatever their type.
    pub(crate) const NUMBER: Self = Self::INT.or(Self::UINT).or(Self::DOUBLE);
    /// What a map may have as keys.
    pub(super) const KEY: Self = Self::BOOL.or(Self::INT).or(Self::UINT).or(Self::STRING);
    /// What JSON can hold.
    pub(crate) const JSON: Self =
        Self::NULL.or(Self::BOOL).or(Self::NUMBER).or(Self::STRING).or(Self::LIST).or(Self::MAP);
    /// Anything.
    pub(crate) const ANY: Self = Self((1 << Kind::NAMED.len()) - 1);

    pub(crate) const fn of(kind: Kind) -> Self {
        Self(1 << kind as u16)
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether a type is in both.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The kinds of a JSON Schema type, by its name; all of JSON's if there is none of that name.
    pub(crate) fn of_json_type(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOL,
            // `1.0` is an integer to JSON Schema, and a `double` to CEL
            "integer" | "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::LIST,
            "object" => Self::MAP,
            _ => Self::JSON,
        }
    }

    /// Whether values of the two may be equal.
    pub(super) const fn may_equal(self, other: Self) -> bool {
        self.meets(other) || self.meets(Self::NUMBER) && other.meets(Self::NUMBER)
    }
}

impl Kinds {
    /// As in a declaration: `string | null`.
    pub(crate) fn notation(self) -> String {
        if self.contains(Self::ANY) {
            return "any".to_owned();
        }
        if self.or(Self::NULL).contains(Self::ANY) {
            return "any but null".to_owned();
        }
        let is_number = self.contains(Self::NUMBER);
        let rest = if is_number { self.without(Self::NUMBER) } else { self };
        let named = Kind::NAMED.iter().filter(|(kind, _)| rest.meets(Self::of(*kind)));
        let name = |(kind, name): &(Kind, &'static str)| if *kind == Kind::Null { "null" } else { *name };
        // null is first in the list, and last in what is shown
        let (nulls, others): (Vec<&str>, Vec<&str>) = named.map(name).partition(|name| *name == "null");
        let number = is_number.then_some("number");
        number.into_iter().chain(others).chain(nulls).collect::<Vec<_>>().join(" | ")
    }
}

/// As in a sentence: `a string or null`.
impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        let mut rest = *self;
        if rest.contains(Self::NUMBER) {
            words.push("number");
            rest = rest.without(Self::NUMBER);
        }
        let named = Kind::NAMED.iter().filter(|(kind, _)| *kind != Kind::Null && rest.meets(Self::of(*kind)));
        words.extend(named.map(|(_, name)| *name));
        if rest.meets(Self::NULL) {
            words.push("null");
        }
        for (position, word) in words.iter().enumerate() {
            let joint = match position {
                0 => "",
                _ if position + 1 == words.len() => " or ",
                _ => ", ",
            };
            // `null` takes no article
            let article = match *word {
                "null" => "",
                "int" => "an ",
                _ => "a ",
            };
            write!(f, "{joint}{article}{word}")?;
        }
        Ok(())
    }
}
