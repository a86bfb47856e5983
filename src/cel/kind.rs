//! The types of values, one by one and as sets.

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
    /// All of them, each with the name that CEL has for it.
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
}

/// A set of types: what an expression may evaluate to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u16);

impl Kinds {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self::of(Kind::Null);
    pub(super) const BOOL: Self = Self::of(Kind::Bool);
    pub(super) const INT: Self = Self::of(Kind::Int);
    pub(super) const UINT: Self = Self::of(Kind::Uint);
    pub(super) const DOUBLE: Self = Self::of(Kind::Double);
    pub(super) const STRING: Self = Self::of(Kind::String);
    pub(super) const BYTES: Self = Self::of(Kind::Bytes);
    pub(super) const TIMESTAMP: Self = Self::of(Kind::Timestamp);
    pub(super) const DURATION: Self = Self::of(Kind::Duration);
    pub(super) const LIST: Self = Self::of(Kind::List);
    pub(super) const MAP: Self = Self::of(Kind::Map);
    pub(super) const TYPE: Self = Self::of(Kind::Type);
    /// Numbers compare with each other, whatever their type.
    pub(super) const NUMBER: Self = Self::INT.or(Self::UINT).or(Self::DOUBLE);
    /// What a map may have as keys.
    pub(super) const KEY: Self = Self::BOOL.or(Self::INT).or(Self::UINT).or(Self::STRING);
    /// What JSON can hold.
    pub(super) const JSON: Self =
        Self::NULL.or(Self::BOOL).or(Self::NUMBER).or(Self::STRING).or(Self::LIST).or(Self::MAP);
    /// Anything.
    pub(super) const ANY: Self = Self((1 << Kind::NAMED.len()) - 1);

    pub(super) const fn of(kind: Kind) -> Self {
        Self(1 << kind as u16)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether a type is in both.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether values of the two may be equal.
    pub(super) const fn may_equal(self, other: Self) -> bool {
        self.meets(other) || self.meets(Self::NUMBER) && other.meets(Self::NUMBER)
    }
}

/// As people say it: `a string or null`.
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
