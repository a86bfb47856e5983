//! Why an expression has no value.

use std::fmt;

/// Why an expression has no value. Holds none of the values that were involved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluationError {
    /// A key or position that is not there.
    NoSuchKey,
    /// An operator or function that is not for values of these types, such as `null && true`.
    NoSuchOverload,
    /// A number or time out of range, or a division by zero.
    Arithmetic,
    /// A position outside of a text or list.
    OutOfRange,
    /// A text that is not what it was to be converted to, such as `int("x")`.
    NotConvertible,
    /// A key that is twice in a map.
    DuplicateKey,
    /// The result is not of the type that is needed.
    WrongType,
    /// The steps that a policy may take for one request are used up.
    TooCostly,
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchKey => "no such key; test for it with `has(...)`",
            Self::NoSuchOverload => "operator or function not for values of these types; what is absent is null",
            Self::Arithmetic => "number out of range or division by zero",
            Self::OutOfRange => "position outside of the text or list",
            Self::NotConvertible => "text does not convert to that type",
            Self::DuplicateKey => "key twice in a map",
            Self::WrongType => "result is not a boolean",
            Self::TooCostly => "more steps than an evaluation may take",
        })
    }
}
