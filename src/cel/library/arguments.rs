//! The arguments of a call.

use crate::cel::activation::{Container, Evaluated, Value};
use crate::cel::error::EvaluationError;

const WRONG: EvaluationError = EvaluationError::NoSuchOverload;

/// The arguments of a call, the receiver first.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'v, 'a, C: Container<'a>>(pub(super) &'v [Value<'a, C>]);

impl<'v, 'a, C: Container<'a>> Arguments<'v, 'a, C> {
    pub(super) fn get(self, position: usize) -> Result<&'v Value<'a, C>, EvaluationError> {
        self.0.get(position).ok_or(WRONG)
    }

    pub(super) fn text(self, position: usize) -> Result<&'v str, EvaluationError> {
        self.get(position)?.as_str().ok_or(WRONG)
    }

    pub(super) fn int(self, position: usize) -> Result<i64, EvaluationError> {
        match self.get(position)? {
            Value::Int(value) => Ok(*value),
            _ => Err(WRONG),
        }
    }

    /// The argument at `position`, if there are so many.
    pub(super) fn optional_int(self, position: usize) -> Result<Option<i64>, EvaluationError> {
        if position < self.0.len() { self.int(position).map(Some) } else { Ok(None) }
    }

    pub(super) fn list(self, position: usize) -> Result<List<'v, 'a, C>, EvaluationError> {
        List::of(self.get(position)?).ok_or(WRONG)
    }
}

/// A list, wherever it comes from.
#[derive(Clone, Copy)]
pub(super) struct List<'v, 'a, C: Container<'a>>(&'v Value<'a, C>);

impl<'v, 'a, C: Container<'a>> List<'v, 'a, C> {
    pub(super) const fn of(value: &'v Value<'a, C>) -> Option<Self> {
        match value {
            Value::List(_) | Value::OwnList(_) | Value::Array(_) => Some(Self(value)),
            _ => None,
        }
    }

    pub(super) fn len(self) -> usize {
        self.0.len().unwrap_or_default()
    }

    /// The elements, known or not.
    pub(super) fn items(self) -> impl DoubleEndedIterator<Item = Value<'a, C>> {
        (0..self.len()).filter_map(move |position| self.0.item(position))
    }

    /// The elements; fails at one that is not known.
    pub(super) fn known_items(self) -> impl DoubleEndedIterator<Item = Evaluated<'a, C>> {
        self.items().map(Value::require_known)
    }
}

/// A length or position as a value.
pub(super) fn int<'a, C: Container<'a>>(length: usize) -> Value<'a, C> {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}
