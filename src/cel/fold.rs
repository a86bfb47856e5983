//! What `all`, `exists`, `exists_one`, `map` and `filter` make of elements, one after the other.

use super::activation::{Container, Value};
use super::error::EvaluationError;
use super::syntax::Macro;
use super::unknown::Failure;

/// What a comprehension has come to so far.
pub(super) struct Fold<'a, C: Container<'a>> {
    r#macro: Macro,
    failure: Option<Failure<C::Unknown>>,
    taken: usize,
    items: Vec<Value<'a, C>>,
}

impl<'a, C: Container<'a>> Fold<'a, C> {
    pub(super) const fn new(r#macro: Macro) -> Self {
        Self { r#macro, failure: None, taken: 0, items: Vec::new() }
    }

    /// Takes in what an element came to; the result, once no further element can change it.
    pub(super) fn take(
        &mut self,
        test: Result<bool, Failure<C::Unknown>>,
        item: Value<'a, C>,
    ) -> Result<Option<Value<'a, C>>, Failure<C::Unknown>> {
        match self.r#macro {
            // as with `&&` and `||`: one element decides, whatever the others fail with
            Macro::All | Macro::Exists => match test {
                Ok(value) if value == (self.r#macro == Macro::Exists) => return Ok(Some(Value::Bool(value))),
                Ok(_) => {}
                Err(error @ Failure::Error(EvaluationError::TooCostly)) => return Err(error),
                Err(now) => self.failure = Some(now.after(self.failure)),
            },
            Macro::ExistsOne => self.taken += usize::from(test?),
            Macro::Map | Macro::Filter => {
                if test? {
                    self.items.push(item);
                }
            }
        }
        Ok(None)
    }

    /// The result once there are no more elements.
    pub(super) fn finish(self) -> Result<Value<'a, C>, Failure<C::Unknown>> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        Ok(match self.r#macro {
            Macro::All => Value::Bool(true),
            Macro::Exists => Value::Bool(false),
            Macro::ExistsOne => Value::Bool(self.taken == 1),
            Macro::Map | Macro::Filter => Value::OwnList(self.items.into()),
        })
    }
}
