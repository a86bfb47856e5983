//! What brings names into scope: macros that visit the elements of a list or the entries of a map, and `cel.bind`.

use super::activation::{Container, Evaluated, Value};
use super::error::EvaluationError;
use super::evaluation::Evaluation;
use super::fold::Fold;
use super::node::{Comprehension, Node};
use super::tracer::Tracer;
use super::unknown::EvaluationFailure;

impl<'a, C: Container<'a>, T: Tracer<'a, C>> Evaluation<'a, C, T> {
    /// The value of the second, for which the first is in scope. An error of the first counts only where its value is used.
    pub(super) fn bind(&mut self, parts: &'a [Node; 2]) -> Evaluated<'a, C> {
        let [bound, inside] = parts;
        let bound = self.value(bound);
        if matches!(bound, Err(EvaluationFailure::Error(EvaluationError::TooCostly))) {
            return bound;
        }
        self.locals.push(bound);
        let value = self.value(inside);
        self.locals.pop();
        value
    }

    /// The elements of a list, or the entries of a map, taken together as the macro has it.
    pub(super) fn comprehension(&mut self, comprehension: &'a Comprehension) -> Evaluated<'a, C> {
        let over = self.known_value(&comprehension.over)?;
        let length = over.len().ok_or(EvaluationError::NoSuchOverload)?;
        let mut fold = Fold::new(comprehension.r#macro);
        for position in 0..length {
            self.budget.steps(1)?;
            // a length and its items come from the same value, so this never ends early
            let Some(item) = over.item(position) else { break };
            let [key, item] =
                if comprehension.is_keyed { self.entry_at(&over, position, item)? } else { [Value::Null, item] };
            if comprehension.is_keyed {
                self.locals.push(Ok(key.clone()));
            }
            self.locals.push(Ok(item.clone()));
            let taken = comprehension.test.as_ref().map_or(Ok(true), |test| self.truth(test));
            let made = match (&taken, &comprehension.each) {
                (Ok(true), Some(each)) => self.value(each).map(Some),
                _ => Ok(None),
            };
            self.locals.truncate(self.locals.len() - 1 - usize::from(comprehension.is_keyed));
            if let Some(decided) = fold.take(taken, key, made?.unwrap_or(item))? {
                return Ok(decided);
            }
        }
        fold.finish()
    }

    /// The position or key, and the element or value, where `item` is an element or a key.
    fn entry_at(
        &mut self,
        over: &Value<'a, C>,
        position: usize,
        item: Value<'a, C>,
    ) -> Result<[Value<'a, C>; 2], EvaluationFailure<C::Unknown>> {
        if !over.is_map() {
            return Ok([Value::Int(i64::try_from(position).unwrap_or(i64::MAX)), item]);
        }
        let value = over.get_entry(&item, &mut self.budget)?.ok_or(EvaluationError::NoSuchKey)?;
        Ok([item, value])
    }
}
