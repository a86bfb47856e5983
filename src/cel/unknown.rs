//! Values of which an evaluation knows the type and not the content, and how their presence ends an evaluation.

use super::error::EvaluationError;
use super::kind::{Kind, Kinds};
use std::convert::Infallible;

/// What is known of an unknown value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The types it may have.
    pub(super) kinds: Kinds,
    /// Its characters, elements or members; `None` if not known. A value of known size has exactly one type.
    pub(super) size: Option<usize>,
}

impl Unknown {
    /// A JSON value of any type.
    pub const ANYTHING: Self = Self { kinds: Kinds::JSON, size: None };
    /// A number written without a fraction and without an exponent. The largest of them are `double`s.
    pub const INTEGER: Self = Self { kinds: Kinds::NUMBER, size: None };
    /// Any other number.
    pub const FRACTION: Self = Self { kinds: Kinds::DOUBLE, size: None };

    /// A string of `size` characters, if that is known.
    pub const fn text(size: Option<usize>) -> Self {
        Self { kinds: Kinds::STRING, size }
    }

    /// A value of the JSON Schema type called `name`; of any type if there is none of that name.
    pub fn of_type(name: &str) -> Self {
        Self { kinds: Kinds::of_json_type(name), size: None }
    }

    /// A value of one of `kinds`.
    pub(crate) const fn of_kinds(kinds: Kinds) -> Self {
        Self { kinds, size: None }
    }

    /// Its type, if it can have only one.
    pub(super) fn kind(self) -> Option<Kind> {
        Kind::NAMED.iter().map(|(kind, _)| *kind).find(|kind| self.kinds == Kinds::of(*kind))
    }

    /// Whether the two may be the same value, by their types and sizes.
    pub(super) fn may_equal(self, other: Self) -> bool {
        let sizes = match (self.size, other.size) {
            (Some(size), Some(other)) => size == other,
            _ => true,
        };
        self.kinds.may_equal(other.kinds) && sizes
    }
}

/// A request that is known completely has no unknown values. The type for them is uninhabited there, so that the compiler
/// removes every branch for them from the request path.
impl From<Infallible> for Unknown {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Why an evaluation produced no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EvaluationFailure<U> {
    /// The expression has no value.
    Error(EvaluationError),
    /// The value depends on an unknown one.
    Unknown(U),
}

impl<U> From<EvaluationError> for EvaluationFailure<U> {
    fn from(error: EvaluationError) -> Self {
        Self::Error(error)
    }
}

impl EvaluationFailure<Infallible> {
    /// The error, of an evaluation without unknown values.
    pub(crate) const fn error(self) -> EvaluationError {
        match self {
            Self::Error(error) => error,
            Self::Unknown(never) => match never {},
        }
    }
}

impl<U> EvaluationFailure<U> {
    /// The failure of operands of which each could still decide: an error only if none of them is unknown.
    pub(super) fn after(self, before: Option<Self>) -> Self {
        match (before, self) {
            // as the CEL specification has it for `&&` and `||`: an unknown operand is stronger than an error
            (Some(before), Self::Error(_)) => before,
            (_, now) => now,
        }
    }
}

/// An unknown value met during a search. The search continues, because a known value may decide it yet.
pub(super) struct PendingUnknown<U>(Option<U>);

impl<U> PendingUnknown<U> {
    pub(super) const NONE: Self = Self(None);

    /// Whether the search ends with `found`. An unknown result is remembered and does not end it.
    pub(super) fn is_found(&mut self, found: Result<bool, EvaluationFailure<U>>) -> Result<bool, EvaluationFailure<U>> {
        match found {
            Err(EvaluationFailure::Unknown(unknown)) => {
                self.0 = Some(unknown);
                Ok(false)
            }
            known => known,
        }
    }

    /// The result of a search that found nothing: `value`, unless something was unknown.
    pub(super) fn or<T>(self, value: T) -> Result<T, EvaluationFailure<U>> {
        self.0.map_or(Ok(value), |unknown| Err(EvaluationFailure::Unknown(unknown)))
    }
}
