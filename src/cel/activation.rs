//! Values, and what an evaluation reads of a request: all of it, or of some values only their types.
//!
//! A host implements [`Container`] for the arrays and objects of its documents and [`Activation`] for a request. Value, Container
//! and Activation are defined by each other, so they are in one file.
//!
//! The gateway knows a request completely: its [`Container`] has an uninhabited type for unknown values, so that the compiler
//! removes every branch for them. A replay of a decision log knows of many values no more than the type and size.

use super::budget::Budget;
use super::ids::{AttributeId, NamespaceId};
use super::kind::Kind;
use super::timestamp::CelTimestamp;
use super::unknown::{EvaluationFailure, Unknown};
use std::convert::Infallible;
use std::sync::Arc;

/// A value, or why there is none: an error of the expression, or a part of the request that is not known.
pub(crate) type Evaluated<'a, C> = Result<Value<'a, C>, EvaluationFailure<<C as Container<'a>>::Unknown>>;

/// A value, borrowed from the request or the policy if possible. A clone copies at most a reference.
#[derive(Clone)]
pub(crate) enum Value<'a, C: Container<'a> = NoContainer> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    /// A string of the request or of the policy.
    String(&'a str),
    /// A string that the evaluation made.
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    Timestamp(CelTimestamp),
    /// In nanoseconds.
    Duration(i64),
    /// A list of the policy.
    List(&'a [Value<'static>]),
    /// A map of the policy.
    Map(&'a [(Value<'static>, Value<'static>)]),
    /// A list that the evaluation made.
    OwnList(Arc<[Self]>),
    /// A map that the evaluation made.
    OwnMap(Arc<[(Self, Self)]>),
    /// An array of a document.
    Array(C),
    /// An object of a document.
    Object(C),
    /// A type, as `type(x)` returns it.
    Type(Kind),
    /// A value whose content is not known.
    Unknown(C::Unknown),
}

/// An array or object of a document.
pub(crate) trait Container<'a>: Copy {
    /// What is known of an unknown value.
    type Unknown: Copy + Into<Unknown>;
    /// The request that the document belongs to.
    type Activation: Activation<'a, Self>;

    /// How many elements or members it has.
    fn len(self) -> usize;
    /// The element, or the value of the member, at `position`.
    fn child(self, position: usize) -> Option<Value<'a, Self>>;
    /// The name of the member at `position`.
    fn name(self, position: usize) -> Option<Value<'a, Self>>;
    /// The value of the member called `name`; `None` if there is no such member.
    ///
    /// # Errors
    ///
    /// It is unknown whether there is one.
    fn member(self, name: &str) -> Result<Option<Value<'a, Self>>, Self::Unknown>;
    /// Its size as compact JSON, in bytes.
    ///
    /// # Errors
    ///
    /// The size is unknown, or the budget is exhausted.
    fn json_size(self, budget: &mut Budget) -> Result<usize, EvaluationFailure<Self::Unknown>>;
}

/// The values of a request by the ids that the host declared.
pub(crate) trait Activation<'a, C: Container<'a>>: Copy {
    /// The value that the request has under this id, which every request has; `null` if it is absent.
    fn attribute(self, attribute: AttributeId) -> Value<'a, C>;
    /// The value of the entry called `name`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// It is unknown whether there is one, or the budget is exhausted.
    fn entry(
        self,
        namespace: NamespaceId,
        name: &str,
        budget: &mut Budget,
    ) -> Result<Option<Value<'a, C>>, EvaluationFailure<C::Unknown>>;
}

/// The container of constants, and the activation of an expression that reads no request: there is none.
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

    fn json_size(self, _: &mut Budget) -> Result<usize, EvaluationFailure<Infallible>> {
        match self {}
    }
}

impl<'a> Activation<'a, Self> for NoContainer {
    fn attribute(self, _: AttributeId) -> Value<'a, Self> {
        match self {}
    }

    fn entry(
        self,
        _: NamespaceId,
        _: &str,
        _: &mut Budget,
    ) -> Result<Option<Value<'a, Self>>, EvaluationFailure<Infallible>> {
        match self {}
    }
}
