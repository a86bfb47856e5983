//! What an evaluation sees of a request: all of it, or of some values only what they are.
//!
//! The gateway sees all: its [`Container`] has an uninhabited type for what is unknown, so that nothing can be unknown from it, and
//! the compiler leaves out every branch for that. Whoever judges by a namespace sees of many a value no more than its type and size.

use super::EvaluationError;
use super::bindings::{Attribute, Namespace};
use super::budget::Budget;
use super::kind::{Kind, Kinds};
use super::types::of_word;
use super::value::Value;
use std::convert::Infallible;

/// An array or object of the body.
pub(crate) trait Container<'a>: Copy {
    /// What stands for a value that cannot be seen.
    type Unknown: Copy + Into<Unknown>;
    /// The request that it is of.
    type Activation: Activation<'a, Self>;

    /// How many elements or members it has.
    fn len(self) -> usize;
    /// The element, or the value of the member, at `position`.
    fn child(self, position: usize) -> Option<Value<'a, Self>>;
    /// The name of the member at `position`.
    fn name(self, position: usize) -> Option<Value<'a, Self>>;
    /// The value of the member called `name`; none where there is no such member.
    ///
    /// # Errors
    ///
    /// Whether there is one cannot be seen.
    fn member(self, name: &str) -> Result<Option<Value<'a, Self>>, Self::Unknown>;
    /// How many bytes it takes as compact JSON.
    ///
    /// # Errors
    ///
    /// That cannot be seen, or takes too long to find out.
    fn json_size(self, budget: &mut Budget) -> Result<usize, Failure<Self::Unknown>>;
}

/// What there is of a request besides structures.
pub(crate) trait Activation<'a, S: Container<'a>>: Copy {
    /// A single attribute.
    fn attribute(self, attribute: Attribute) -> Value<'a, S>;
    /// The value that `namespace` holds under `name`; none where it holds none.
    ///
    /// # Errors
    ///
    /// Whether it does cannot be seen, or takes too long to find out.
    fn entry(
        self,
        namespace: Namespace,
        name: &str,
        budget: &mut Budget,
    ) -> Result<Option<Value<'a, S>>, Failure<S::Unknown>>;
}

/// What is known of a value that cannot be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What it may be; it is no error.
    pub(super) kinds: Kinds,
    /// How many characters, elements or members it has, where that is known. It has one type then.
    pub(super) size: Option<usize>,
}

impl Unknown {
    /// A value of which nothing is known but that it is there.
    pub const ANYTHING: Self = Self { kinds: Kinds::JSON, size: None };
    /// A number written without a fraction and without an exponent; the largest of them are `double`s.
    pub const INTEGER: Self = Self { kinds: Kinds::NUMBER, size: None };
    /// Any other number.
    pub const FRACTION: Self = Self { kinds: Kinds::DOUBLE, size: None };

    /// A string; of so many characters, where that is known.
    pub const fn text(size: Option<usize>) -> Self {
        Self { kinds: Kinds::STRING, size }
    }

    /// A value of a JSON type by its name.
    pub fn of_type(name: &str) -> Self {
        Self { kinds: of_word(name), size: None }
    }

    /// Its type, where it can have only one.
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

/// NoContainer is unknown.
impl From<Infallible> for Unknown {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Why an expression has no value that could be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure<H> {
    /// It has none.
    Error(EvaluationError),
    /// That depends on something unknown.
    Unknown(H),
}

impl<H> From<EvaluationError> for Failure<H> {
    fn from(error: EvaluationError) -> Self {
        Self::Error(error)
    }
}

impl Failure<Infallible> {
    /// Why there is no value, where nothing is unknown.
    pub(crate) const fn error(self) -> EvaluationError {
        match self {
            Self::Error(error) => error,
            Self::Unknown(never) => match never {},
        }
    }
}

impl<H> Failure<H> {
    /// What parts of which each could still decide fail with together: with an error only where none of them is unknown.
    pub(super) fn after(self, before: Option<Self>) -> Self {
        match (before, self) {
            (Some(before), Self::Error(_)) => before,
            (_, now) => now,
        }
    }
}

/// What was unknown in a search that goes on, because something else may be found yet.
pub(super) struct PendingUnknown<H>(Option<H>);

impl<H> PendingUnknown<H> {
    pub(super) const NONE: Self = Self(None);

    /// Whether it was found; what is hidden is remembered, and not found.
    pub(super) fn is_found(&mut self, found: Result<bool, Failure<H>>) -> Result<bool, Failure<H>> {
        match found {
            Err(Failure::Unknown(unknown)) => {
                self.0 = Some(unknown);
                Ok(false)
            }
            known => known,
        }
    }

    /// `value` where nothing was found, unless something was unknown.
    pub(super) fn or<T>(self, value: T) -> Result<T, Failure<H>> {
        self.0.map_or(Ok(value), |unknown| Err(Failure::Unknown(unknown)))
    }
}

/// The structure of constants and the request of a policy that is being loaded: there is none.
#[derive(Clone, Copy)]
pub(crate) enum NoContainer {}

impl<'a> Container<'a> for NoContainer {
    type Unknown = Infallible;
    type Activation = Self;

    fn len(self) -> usize {
        match self {}
    }

    fn child(self, _: usize) -> Option<Value<'a, Self>> {
        match self {}
    }

    fn name(self, _: usize) -> Option<Value<'a, Self>> {
        match self {}
    }

    fn member(self, _: &str) -> Result<Option<Value<'a, Self>>, Infallible> {
        match self {}
    }

    fn json_size(self, _: &mut Budget) -> Result<usize, Failure<Infallible>> {
        match self {}
    }
}

impl<'a> Activation<'a, Self> for NoContainer {
    fn attribute(self, _: Attribute) -> Value<'a, Self> {
        match self {}
    }

    fn entry(self, _: Namespace, _: &str, _: &mut Budget) -> Result<Option<Value<'a, Self>>, Failure<Infallible>> {
        match self {}
    }
}
