//! `size(x)`, and `json.size(x)`: how many bytes a value of the body takes as compact JSON.

use super::EvaluationError;
use super::budget::Budget;
use super::value::Value;
use crate::document::{Kind, NodeRef, View, quoted_size};

/// How many characters, bytes, elements or entries a value has.
pub(super) fn size<'a>(value: &Value<'_>, budget: &mut Budget) -> Result<Value<'a>, EvaluationError> {
    if let Some(text) = value.as_str() {
        budget.bytes(text.len())?;
        return Ok(int(text.chars().count()));
    }
    match value {
        Value::Bytes(bytes) => Ok(int(bytes.len())),
        _ => value.len().map(int).ok_or(EvaluationError::NoSuchOverload),
    }
}

/// How many bytes a value of the body takes as compact JSON; 0 where there is none.
pub(super) fn json_size<'a>(value: &Value<'_>, budget: &mut Budget) -> Result<Value<'a>, EvaluationError> {
    let bytes = match value {
        Value::Null => 0,
        Value::Array(node) | Value::Object(node) => compact(*node, budget)?,
        _ => {
            let text = value.as_str().ok_or(EvaluationError::NoSuchOverload)?;
            budget.bytes(text.len())?;
            quoted_size(text)
        }
    };
    Ok(int(bytes))
}

fn int<'a>(length: usize) -> Value<'a> {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

fn compact(node: NodeRef<'_>, budget: &mut Budget) -> Result<usize, EvaluationError> {
    budget.steps(1)?;
    Ok(match node.kind() {
        Kind::Null | Kind::Bool(true) => 4,
        Kind::Bool(false) => 5,
        Kind::Number(text) => text.len(),
        Kind::String(text) => {
            budget.bytes(text.len())?;
            quoted_size(text)
        }
        Kind::Array | Kind::Object => {
            // brackets, and a comma between each two
            let mut bytes = 2 + node.len().saturating_sub(1);
            for position in 0..node.len() {
                if let Some(name) = node.name(position) {
                    budget.bytes(name.len())?;
                    bytes += quoted_size(name) + 1;
                }
                bytes += node.child(position).map_or(Ok(0), |child| compact(child, budget))?;
            }
            bytes
        }
    })
}
