//! The accumulator of `all`, `exists`, `exists_one`, `map`, `filter` and `transformMap`.

use super::activation::{Container, Value};
use super::error::EvaluationError;
use super::syntax::Macro;
use super::unknown::EvaluationFailure;

/// The accumulator of a comprehension.
pub(super) struct Fold<'a, C: Container<'a>> {
    r#macro: Macro,
    failure: Option<EvaluationFailure<C::Unknown>>,
    taken: usize,
    items: Vec<Value<'a, C>>,
    entries: Vec<(Value<'a, C>, Value<'a, C>)>,
}

impl<'a, C: Container<'a>> Fold<'a, C> {
    pub(super) const fn new(r#macro: Macro) -> Self {
        Self { r#macro, failure: None, taken: 0, items: Vec::new(), entries: Vec::new() }
    }

    /// Adds the result for one element, and returns that of the comprehension if no further element can change it.
    pub(super) fn take(
        &mut self,
        test: Result<bool, EvaluationFailure<C::Unknown>>,
        key: Value<'a, C>,
        item: Value<'a, C>,
    ) -> Result<Option<Value<'a, C>>, EvaluationFailure<C::Unknown>> {
        match self.r#macro {
            // as with `&&` and `||`: one element decides, whatever the others fail with
            Macro::All | Macro::Exists => match test {
                Ok(value) if value == (self.r#macro == Macro::Exists) => return Ok(Some(Value::Bool(value))),
                Ok(_) => {}
                // an exhausted budget ends at once: no later element can be evaluated
                Err(error @ EvaluationFailure::Error(EvaluationError::TooCostly)) => return Err(error),
                Err(now) => self.failure = Some(now.after(self.failure)),
            },
            // every element counts, so the first failure is the result
            Macro::ExistsOne => self.taken += usize::from(test?),
            Macro::TransformMap => {
                if test? {
                    self.entries.push((key, item));
                }
            }
            Macro::Map | Macro::Filter | Macro::TransformList => {
                if test? {
                    self.items.push(item);
                }
            }
        }
        Ok(None)
    }

    /// The result once there are no more elements.
    pub(super) fn finish(self) -> Result<Value<'a, C>, EvaluationFailure<C::Unknown>> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        Ok(match self.r#macro {
            Macro::All => Value::Bool(true),
            Macro::Exists => Value::Bool(false),
            Macro::ExistsOne => Value::Bool(self.taken == 1),
            Macro::Map | Macro::Filter | Macro::TransformList => Value::OwnList(self.items.into()),
            Macro::TransformMap => Value::OwnMap(self.entries.into()),
        })
    }
}
