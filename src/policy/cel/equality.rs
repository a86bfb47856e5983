//! Equality and order of values, wherever they come from: literals, parameters or the body.

use super::EvaluationError;
use super::budget::Budget;
use super::number;
use super::value::Value;
use std::cmp::Ordering;

/// Whether two values are equal: numbers by value, lists by element, maps by key. Values of different types are not equal.
pub(super) fn equal(left: &Value<'_>, right: &Value<'_>, budget: &mut Budget) -> Result<bool, EvaluationError> {
    Ok(match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Bytes(left), Value::Bytes(right)) => left == right,
        (Value::Timestamp(left), Value::Timestamp(right)) => left == right,
        (Value::Duration(left), Value::Duration(right)) => left == right,
        (Value::Type(left), Value::Type(right)) => left == right,
        _ => match (left.as_str(), right.as_str()) {
            (Some(left), Some(right)) => {
                if left.len() == right.len() {
                    budget.bytes(left.len())?;
                }
                left == right
            }
            (None, None) if left.len().is_some() => {
                left.kind() == right.kind() && left.len() == right.len() && containers_equal(left, right, budget)?
            }
            (None, None) => number::order(left, right) == Some(Ordering::Equal),
            _ => false,
        },
    })
}

/// Whether two lists, or two maps, of the same length are equal.
fn containers_equal(left: &Value<'_>, right: &Value<'_>, budget: &mut Budget) -> Result<bool, EvaluationError> {
    let is_map = matches!(left, Value::Map(_) | Value::OwnMap(_) | Value::Object(_));
    for position in 0..left.len().unwrap_or_default() {
        budget.steps(1)?;
        let (Some(one), other) = (left.item(position), right.item(position)) else { return Ok(false) };
        let (one, other) =
            if is_map { (left.under(&one, budget)?, right.under(&one, budget)?) } else { (Some(one), other) };
        match (one, other) {
            (Some(one), Some(other)) if equal(&one, &other, budget)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// The order of two values of one type.
pub(super) fn order(left: &Value<'_>, right: &Value<'_>, budget: &mut Budget) -> Result<Ordering, EvaluationError> {
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        budget.bytes(left.len().min(right.len()))?;
        return Ok(left.cmp(right));
    }
    let order = match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
        (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        _ => number::order(left, right),
    };
    order.ok_or(EvaluationError::NoSuchOverload)
}

/// Whether `wanted` is an element of a list, or a key of a map.
pub(super) fn contains(
    container: &Value<'_>,
    wanted: &Value<'_>,
    budget: &mut Budget,
) -> Result<bool, EvaluationError> {
    match container {
        Value::Map(_) | Value::OwnMap(_) | Value::Object(_) => Ok(container.under(wanted, budget)?.is_some()),
        Value::List(_) | Value::OwnList(_) => any(container.items().unwrap_or_default(), wanted, budget),
        Value::Array(_) => {
            for position in 0..container.len().unwrap_or_default() {
                budget.steps(1)?;
                if let Some(item) = container.item(position)
                    && equal(&item, wanted, budget)?
                {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Err(EvaluationError::NoSuchOverload),
    }
}

fn any(items: &[Value<'_>], wanted: &Value<'_>, budget: &mut Budget) -> Result<bool, EvaluationError> {
    for item in items {
        budget.steps(1)?;
        if equal(item, wanted, budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}
