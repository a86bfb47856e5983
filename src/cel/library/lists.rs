//! Lists, as `cel.ext.lists` and Kubernetes have them. An element that is not known makes what depends on it not known.

use super::arguments::{Arguments, List, int};
use crate::cel::activation::{Container, Evaluated, Value};
use crate::cel::budget::Budget;
use crate::cel::equality::{equal, order};
use crate::cel::error::EvaluationError;
use crate::cel::kind::Kinds;
use crate::cel::number;
use crate::cel::signature::{ResultShape, Signature};
use crate::cel::syntax::Operator;
use crate::cel::time;
use std::cmp::Ordering;

/// What can be asked of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cel) enum ListFunction {
    Distinct,
    First,
    Flatten,
    IndexOf,
    IsSorted,
    Last,
    LastIndexOf,
    Max,
    Min,
    Range,
    Reverse,
    Slice,
    Sort,
    Sum,
}

use ListFunction as F;

const LIST: Kinds = Kinds::LIST;
const ONE: &[Kinds] = &[LIST];
const WITH_ANY: &[Kinds] = &[LIST, Kinds::ANY.without(Kinds::NULL)];
const SUMS: Kinds = Kinds::NUMBER.or(Kinds::DURATION);

pub(in crate::cel) const SIGNATURES: [Signature<F>; 14] = [
    Signature::member("distinct", ONE, LIST, F::Distinct).with_shape(ResultShape::Elements),
    Signature::member("first", ONE, Kinds::ANY, F::First).with_shape(ResultShape::ElementOrNull),
    Signature::member("flatten", ONE, LIST, F::Flatten).with_optional(&[Kinds::INT]),
    Signature::member("indexOf", WITH_ANY, Kinds::INT, F::IndexOf),
    Signature::member("isSorted", ONE, Kinds::BOOL, F::IsSorted),
    Signature::member("last", ONE, Kinds::ANY, F::Last).with_shape(ResultShape::ElementOrNull),
    Signature::member("lastIndexOf", WITH_ANY, Kinds::INT, F::LastIndexOf),
    Signature::member("max", ONE, Kinds::ANY, F::Max).with_shape(ResultShape::Element),
    Signature::member("min", ONE, Kinds::ANY, F::Min).with_shape(ResultShape::Element),
    Signature::plain("lists.range", &[Kinds::INT], LIST, F::Range),
    Signature::member("reverse", ONE, LIST, F::Reverse).with_shape(ResultShape::Elements),
    Signature::member("slice", &[LIST, Kinds::INT, Kinds::INT], LIST, F::Slice).with_shape(ResultShape::Elements),
    Signature::member("sort", ONE, LIST, F::Sort).with_shape(ResultShape::Elements),
    Signature::member("sum", ONE, SUMS, F::Sum),
];

impl ListFunction {
    /// What the function gives for `arguments`, of which each is known.
    pub(in crate::cel) fn call<'a, C: Container<'a>>(
        self,
        arguments: &[Value<'a, C>],
        budget: &mut Budget,
    ) -> Evaluated<'a, C> {
        let arguments = Arguments(arguments);
        if self == Self::Range {
            // a negative number is as good as 0
            let length = usize::try_from(arguments.int(0)?).unwrap_or_default();
            budget.steps(length)?;
            return Ok(Value::OwnList((0..length).map(int).collect()));
        }
        let list = arguments.list(0)?;
        budget.steps(list.len())?;
        match self {
            Self::First => Ok(list.items().next().unwrap_or(Value::Null)),
            Self::Last => Ok(list.items().next_back().unwrap_or(Value::Null)),
            Self::Reverse => Ok(Value::OwnList(list.items().rev().collect())),
            Self::Slice => slice(list, arguments),
            Self::Flatten => {
                let mut items = Vec::new();
                flatten(list, arguments.optional_int(1)?.unwrap_or(1), &mut items, budget)?;
                Ok(Value::OwnList(items.into()))
            }
            Self::IndexOf => index_of(list.items().enumerate(), arguments.get(1)?, budget),
            Self::LastIndexOf => {
                let positions = (0..list.len()).rev();
                index_of(positions.zip(list.items().rev()), arguments.get(1)?, budget)
            }
            _ => self.call_with_known(list.known_items().collect::<Result<Vec<_>, _>>()?, budget),
        }
    }

    /// What those give that look at each element.
    fn call_with_known<'a, C: Container<'a>>(self, items: Vec<Value<'a, C>>, budget: &mut Budget) -> Evaluated<'a, C> {
        match self {
            Self::Distinct => distinct(items, budget),
            Self::Sort => Ok(Value::OwnList(merge_sort(items, budget)?.into())),
            Self::IsSorted => {
                for (one, next) in items.iter().zip(items.iter().skip(1)) {
                    if order(one, next, budget)?.is_gt() {
                        return Ok(Value::Bool(false));
                    }
                }
                Ok(Value::Bool(true))
            }
            Self::Min => Ok(most(items.iter(), Ordering::Less, budget)?.clone()),
            Self::Max => Ok(most(items.iter(), Ordering::Greater, budget)?.clone()),
            Self::Sum => Ok(sum(&items)?),
            _ => Err(EvaluationError::NoSuchOverload.into()),
        }
    }
}

/// The first of the items that is before (`Less`) or behind all others; an error if there is none.
pub(super) fn most<'v, 'a, C: Container<'a>>(
    mut items: impl Iterator<Item = &'v Value<'a, C>>,
    wanted: Ordering,
    budget: &mut Budget,
) -> Result<&'v Value<'a, C>, EvaluationError> {
    let first = items.next().ok_or(EvaluationError::OutOfRange)?;
    items.try_fold(first, |most, item| {
        budget.steps(1)?;
        Ok(if order(item, most, budget)? == wanted { item } else { most })
    })
}

fn slice<'a, C: Container<'a>>(list: List<'_, 'a, C>, arguments: Arguments<'_, 'a, C>) -> Evaluated<'a, C> {
    let bounds = [arguments.int(1)?, arguments.int(2)?].map(usize::try_from);
    let [Ok(from), Ok(to)] = bounds else { return Err(EvaluationError::OutOfRange.into()) };
    if from > to || to > list.len() {
        return Err(EvaluationError::OutOfRange.into());
    }
    Ok(Value::OwnList(list.items().take(to).skip(from).collect()))
}

fn flatten<'a, C: Container<'a>>(
    list: List<'_, 'a, C>,
    depth: i64,
    flat: &mut Vec<Value<'a, C>>,
    budget: &mut Budget,
) -> Result<(), crate::cel::unknown::EvaluationFailure<C::Unknown>> {
    if depth < 0 {
        return Err(EvaluationError::OutOfRange.into());
    }
    budget.steps(list.len())?;
    for item in list.items() {
        // what is not known may be a list
        let item = if depth > 0 { item.require_known()? } else { item };
        match List::of(&item).filter(|_| depth > 0) {
            Some(inner) => flatten(inner, depth - 1, flat, budget)?,
            None => flat.push(item),
        }
    }
    Ok(())
}

fn index_of<'a, C: Container<'a>>(
    items: impl Iterator<Item = (usize, Value<'a, C>)>,
    wanted: &Value<'a, C>,
    budget: &mut Budget,
) -> Evaluated<'a, C> {
    for (position, item) in items {
        budget.steps(1)?;
        // an unknown element before the one that is found may be it
        if equal(&item, wanted, budget)? {
            return Ok(int(position));
        }
    }
    Ok(Value::Int(-1))
}

fn distinct<'a, C: Container<'a>>(items: Vec<Value<'a, C>>, budget: &mut Budget) -> Evaluated<'a, C> {
    let mut distinct: Vec<Value<'a, C>> = Vec::new();
    'next: for item in items {
        for known in &distinct {
            budget.steps(1)?;
            if equal(known, &item, budget)? {
                continue 'next;
            }
        }
        distinct.push(item);
    }
    Ok(Value::OwnList(distinct.into()))
}

/// Not that of the standard library, whose order cannot fail: that of a text with a number does, and so does an exhausted budget.
fn merge_sort<'a, C: Container<'a>>(
    mut left: Vec<Value<'a, C>>,
    budget: &mut Budget,
) -> Result<Vec<Value<'a, C>>, EvaluationError> {
    budget.steps(left.len())?;
    if left.len() < 2 {
        return Ok(left);
    }
    let right = left.split_off(left.len() / 2);
    let mut sorted = Vec::with_capacity(left.len() + right.len());
    let (left, right) = (merge_sort(left, budget)?, merge_sort(right, budget)?);
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
        let is_left = order(one, other, budget)?.is_le();
        sorted.extend(if is_left { left.next() } else { right.next() });
    }
    sorted.extend(left.chain(right));
    Ok(sorted)
}

/// The sum, which is 0 of an empty list.
fn sum<'a, C: Container<'a>>(items: &[Value<'a, C>]) -> Result<Value<'a, C>, EvaluationError> {
    let Some((first, rest)) = items.split_first() else { return Ok(Value::Int(0)) };
    let is_number = matches!(first, Value::Int(_) | Value::Uint(_) | Value::Double(_));
    if !is_number && !matches!(first, Value::Duration(_)) {
        return Err(EvaluationError::NoSuchOverload);
    }
    rest.iter().try_fold(first.clone(), |sum, item| {
        if is_number {
            number::calculate(Operator::Add, &sum, item)
        } else {
            time::calculate(Operator::Add, &sum, item)
        }
    })
}
