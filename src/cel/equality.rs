//! Equality and order of values, wherever they come from: literals, parameters or the body.

use super::activation::{Container, Value};
use super::budget::Budget;
use super::error::EvaluationError;
use super::number;
use super::unknown::{EvaluationFailure, PendingUnknown};
use std::cmp::Ordering;

/// Whether two values are equal: numbers by value, lists by element, maps by key. Values of different types are not equal, and
/// neither are an unknown one and one of another type or size.
pub(super) fn equal<'a, C: Container<'a>>(
    left: &Value<'a, C>,
    right: &Value<'a, C>,
    budget: &mut Budget,
) -> Result<bool, EvaluationFailure<C::Unknown>> {
    Ok(match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Bytes(left), Value::Bytes(right)) => left == right,
        (Value::Timestamp(left), Value::Timestamp(right)) => left == right,
        (Value::Duration(left), Value::Duration(right)) => left == right,
        (Value::Type(left), Value::Type(right)) => left == right,
        (Value::Unknown(unknown), _) | (_, Value::Unknown(unknown))
            if left.as_unknown().may_equal(right.as_unknown()) =>
        {
            return Err(EvaluationFailure::Unknown(*unknown));
        }
        // different types or sizes prove that the two are different
        (Value::Unknown(_), _) | (_, Value::Unknown(_)) => false,
        _ => match (left.as_str(), right.as_str()) {
            (Some(left), Some(right)) => {
                // texts of different length are compared without reading them
                if left.len() == right.len() {
                    budget.bytes(left.len())?;
                }
                left == right
            }
            (None, None) if left.len().is_some() => {
                // the length decides first: it is known without reading elements
                left.is_map() == right.is_map() && left.len() == right.len() && containers_equal(left, right, budget)?
            }
            (None, None) => number::order(left, right) == Some(Ordering::Equal),
            _ => false,
        },
    })
}

/// Whether two lists, or two maps, of the same length are equal.
fn containers_equal<'a, C: Container<'a>>(
    left: &Value<'a, C>,
    right: &Value<'a, C>,
    budget: &mut Budget,
) -> Result<bool, EvaluationFailure<C::Unknown>> {
    let mut pending = PendingUnknown::NONE;
    for position in 0..left.len().unwrap_or_default() {
        budget.steps(1)?;
        if pending.is_found(differ(left, right, position, budget))? {
            return Ok(false);
        }
    }
    pending.or(true)
}

/// Whether two lists have different elements at `position`, or two maps different values under the key that the first has there.
fn differ<'a, C: Container<'a>>(
    left: &Value<'a, C>,
    right: &Value<'a, C>,
    position: usize,
    budget: &mut Budget,
) -> Result<bool, EvaluationFailure<C::Unknown>> {
    let (Some(one), other) = (left.item(position), right.item(position)) else { return Ok(true) };
    let (one, other) = if left.is_map() {
        (left.get_entry(&one, budget)?, right.get_entry(&one, budget)?)
    } else {
        (Some(one), other)
    };
    match (one, other) {
        (Some(one), Some(other)) => Ok(!equal(&one, &other, budget)?),
        _ => Ok(true),
    }
}

/// The order of two values of one type.
pub(super) fn order<'a, C: Container<'a>>(
    left: &Value<'a, C>,
    right: &Value<'a, C>,
    budget: &mut Budget,
) -> Result<Ordering, EvaluationError> {
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        // a comparison ends at the shorter text at the latest
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
pub(super) fn contains<'a, C: Container<'a>>(
    container: &Value<'a, C>,
    wanted: &Value<'a, C>,
    budget: &mut Budget,
) -> Result<bool, EvaluationFailure<C::Unknown>> {
    if container.is_map() {
        return Ok(container.get_entry(wanted, budget)?.is_some());
    }
    let mut pending = PendingUnknown::NONE;
    for position in 0..container.len().ok_or(EvaluationError::NoSuchOverload)? {
        budget.steps(1)?;
        if let Some(item) = container.item(position)
            && pending.is_found(equal(&item, wanted, budget))?
        {
            return Ok(true);
        }
    }
    pending.or(false)
}

impl<'a, C: Container<'a>> Value<'a, C> {
    /// The value of the map's entry with `key`; `None` if there is none.
    pub(crate) fn get_entry(
        &self,
        key: &Self,
        budget: &mut Budget,
    ) -> Result<Option<Self>, EvaluationFailure<C::Unknown>> {
        match (self, key) {
            // an unknown key may be any member
            (Self::Object(_), Self::Unknown(unknown)) | (Self::Unknown(unknown), _) => {
                Err(EvaluationFailure::Unknown(*unknown))
            }
            (Self::Object(object), _) => {
                key.as_str().map_or(Ok(None), |name| object.member(name)).map_err(EvaluationFailure::Unknown)
            }
            (Self::Map(entries), _) => {
                find(entries.iter().map(|(known, value)| (known.to_borrowed(), || value.to_borrowed())), key, budget)
            }
            (Self::OwnMap(entries), _) => {
                find(entries.iter().map(|(known, value)| (known.clone(), || value.clone())), key, budget)
            }
            _ => Err(EvaluationError::NoSuchOverload.into()),
        }
    }
}

/// The value of the entry whose key is `key`.
fn find<'a, C: Container<'a>>(
    entries: impl Iterator<Item = (Value<'a, C>, impl FnOnce() -> Value<'a, C>)>,
    key: &Value<'a, C>,
    budget: &mut Budget,
) -> Result<Option<Value<'a, C>>, EvaluationFailure<C::Unknown>> {
    let mut pending = PendingUnknown::NONE;
    for (known, value) in entries {
        budget.steps(1)?;
        if pending.is_found(equal(&known, key, budget))? {
            return Ok(Some(value()));
        }
    }
    pending.or(None)
}
