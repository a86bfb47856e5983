//! `size(x)`, and `json.size(x)`: how many bytes a value of the body takes as compact JSON.

use super::EvaluationError;
use super::activation::{Container, Failure, Unknown};
use super::budget::Budget;
use super::value::Value;
use crate::document::{JsonKind, NodeRef, View, quoted_size};

/// How many characters, bytes, elements or entries a value has.
pub(super) fn size<'a, S: Container<'a>>(
    value: &Value<'a, S>,
    budget: &mut Budget,
) -> Result<Value<'a, S>, Failure<S::Unknown>> {
    if let Some(text) = value.as_str() {
        budget.bytes(text.len())?;
        return Ok(int(text.chars().count()));
    }
    match value {
        Value::Bytes(bytes) => Ok(int(bytes.len())),
        Value::Unknown(unknown) => Into::<Unknown>::into(*unknown).size.map(int).ok_or(Failure::Unknown(*unknown)),
        _ => Ok(value.len().map(int).ok_or(EvaluationError::NoSuchOverload)?),
    }
}

/// How many bytes a value of the body takes as compact JSON; 0 where there is none.
pub(super) fn json_size<'a, S: Container<'a>>(
    value: &Value<'a, S>,
    budget: &mut Budget,
) -> Result<Value<'a, S>, Failure<S::Unknown>> {
    let bytes = match value {
        Value::Null => 0,
        Value::Array(structure) | Value::Object(structure) => structure.json_size(budget)?,
        _ => {
            let text = value.as_str().ok_or(EvaluationError::NoSuchOverload)?;
            budget.bytes(text.len())?;
            quoted_size(text)
        }
    };
    Ok(int(bytes))
}

fn int<'a, S: Container<'a>>(length: usize) -> Value<'a, S> {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

/// How many bytes a value of the body takes as compact JSON.
pub(super) fn compact(node: NodeRef<'_>, budget: &mut Budget) -> Result<usize, EvaluationError> {
    budget.steps(1)?;
    Ok(match node.kind() {
        JsonKind::Null | JsonKind::Bool(true) => 4,
        JsonKind::Bool(false) => 5,
        JsonKind::Number(text) => text.len(),
        JsonKind::String(text) => {
            budget.bytes(text.len())?;
            quoted_size(text)
        }
        JsonKind::Array | JsonKind::Object => {
            // brackets, and a comma between each two
            let mut bytes = 2 + View::len(node).saturating_sub(1);
            for position in 0..View::len(node) {
                if let Some(name) = View::name(node, position) {
                    budget.bytes(name.len())?;
                    bytes += quoted_size(name) + 1;
                }
                bytes += View::child(node, position).map_or(Ok(0), |child| compact(child, budget))?;
            }
            bytes
        }
    })
}
