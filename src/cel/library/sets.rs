//! `cel.ext.sets`: lists as sets. Elements are equal as with `==`, and how often one is there does not count.

use super::arguments::{Arguments, List};
use crate::cel::activation::{Container, Evaluated, Value};
use crate::cel::budget::Budget;
use crate::cel::equality::contains;
use crate::cel::error::EvaluationError;
use crate::cel::kind::Kinds;
use crate::cel::signature::Signature;
use crate::cel::unknown::{EvaluationFailure, PendingUnknown};

/// A function of two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cel) enum SetFunction {
    Contains,
    Equivalent,
    Intersects,
}

use SetFunction as F;

const TWO: &[Kinds] = &[Kinds::LIST, Kinds::LIST];

pub(in crate::cel) const SIGNATURES: [Signature<F>; 3] = [
    Signature::plain("sets.contains", TWO, Kinds::BOOL, F::Contains),
    Signature::plain("sets.equivalent", TWO, Kinds::BOOL, F::Equivalent),
    Signature::plain("sets.intersects", TWO, Kinds::BOOL, F::Intersects),
];

impl SetFunction {
    /// What the function gives for `arguments`, of which each is known.
    pub(in crate::cel) fn call<'a, C: Container<'a>>(
        self,
        arguments: &[Value<'a, C>],
        budget: &mut Budget,
    ) -> Evaluated<'a, C> {
        let arguments = Arguments(arguments);
        let (left, right) = (arguments.get(0)?, arguments.get(1)?);
        Ok(Value::Bool(match self {
            Self::Contains => !any(right, left, false, budget)?,
            Self::Intersects => any(left, right, true, budget)?,
            Self::Equivalent => !any(right, left, false, budget)? && !any(left, right, false, budget)?,
        }))
    }
}

/// Whether any element of `items` is in `list` (`true`), or is not in it.
fn any<'a, C: Container<'a>>(
    items: &Value<'a, C>,
    list: &Value<'a, C>,
    is_in: bool,
    budget: &mut Budget,
) -> Result<bool, EvaluationFailure<C::Unknown>> {
    let wrong = EvaluationError::NoSuchOverload;
    List::of(list).ok_or(wrong)?;
    let mut pending = PendingUnknown::NONE;
    for item in List::of(items).ok_or(wrong)?.items() {
        budget.steps(1)?;
        // a known element decides, whatever the others are
        if pending.is_found(contains(list, &item, budget).map(|found| found == is_in))? {
            return Ok(true);
        }
    }
    pending.or(false)
}
