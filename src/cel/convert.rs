//! Conversions between types.

use super::activation::{Container, Value};
use super::budget::Budget;
use super::error::EvaluationError;
use super::{number, time};

type Converted<'a, C> = Result<Value<'a, C>, EvaluationError>;

const WRONG: EvaluationError = EvaluationError::NoSuchOverload;
const NO_VALUE: EvaluationError = EvaluationError::NotConvertible;

/// The text of a value, charged to the budget.
fn text<'v, 'a, C: Container<'a>>(value: &'v Value<'a, C>, budget: &mut Budget) -> Result<&'v str, EvaluationError> {
    let text = value.as_str().ok_or(WRONG)?;
    budget.bytes(text.len())?;
    Ok(text)
}

pub(super) fn bool<'a, C: Container<'a>>(value: &Value<'a, C>) -> Converted<'a, C> {
    match value {
        Value::Bool(value) => Ok(Value::Bool(*value)),
        _ => match value.as_str().ok_or(WRONG)? {
            // the spellings of the CEL specification
            "1" | "t" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(NO_VALUE),
        },
    }
}

pub(super) fn int<'a, C: Container<'a>>(value: &Value<'a, C>, budget: &mut Budget) -> Converted<'a, C> {
    match value {
        Value::Int(value) => Ok(Value::Int(*value)),
        Value::Uint(value) => i64::try_from(*value).map(Value::Int).map_err(|_| EvaluationError::Arithmetic),
        Value::Double(value) => number::int_of_double(*value).map(Value::Int),
        Value::Timestamp(time) => Ok(Value::Int(time.seconds())),
        _ => text(value, budget)?.parse().map(Value::Int).map_err(|_| NO_VALUE),
    }
}

pub(super) fn uint<'a, C: Container<'a>>(value: &Value<'a, C>, budget: &mut Budget) -> Converted<'a, C> {
    match value {
        Value::Uint(value) => Ok(Value::Uint(*value)),
        Value::Int(value) => u64::try_from(*value).map(Value::Uint).map_err(|_| EvaluationError::Arithmetic),
        Value::Double(value) => number::uint_of_double(*value).map(Value::Uint),
        _ => text(value, budget)?.parse().map(Value::Uint).map_err(|_| NO_VALUE),
    }
}

#[expect(clippy::cast_precision_loss, reason = "the nearest double is what CEL asks for")]
pub(super) fn double<'a, C: Container<'a>>(value: &Value<'a, C>, budget: &mut Budget) -> Converted<'a, C> {
    match value {
        Value::Double(value) => Ok(Value::Double(*value)),
        Value::Int(value) => Ok(Value::Double(*value as f64)),
        Value::Uint(value) => Ok(Value::Double(*value as f64)),
        _ => text(value, budget)?.parse().map(Value::Double).map_err(|_| NO_VALUE),
    }
}

pub(super) fn string<'a, C: Container<'a>>(value: &Value<'a, C>, budget: &mut Budget) -> Converted<'a, C> {
    let text = match value {
        Value::String(_) | Value::Text(_) => return Ok(value.clone()),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Timestamp(value) => value.to_string(),
        Value::Duration(value) => time::duration_text(*value),
        Value::Bytes(bytes) => {
            // the only conversion here whose input can be long
            budget.bytes(bytes.len())?;
            std::str::from_utf8(bytes).map_err(|_| NO_VALUE)?.to_owned()
        }
        _ => return Err(WRONG),
    };
    Ok(Value::Text(text.into()))
}

pub(super) fn bytes<'a, C: Container<'a>>(value: &Value<'a, C>, budget: &mut Budget) -> Converted<'a, C> {
    match value {
        Value::Bytes(_) => Ok(value.clone()),
        _ => Ok(Value::Bytes(text(value, budget)?.as_bytes().into())),
    }
}

pub(super) fn timestamp<'a, C: Container<'a>>(value: &Value<'a, C>) -> Converted<'a, C> {
    match value {
        Value::Timestamp(_) => Ok(value.clone()),
        Value::Int(seconds) => time::timestamp_of_seconds(*seconds),
        _ => time::timestamp(value.as_str().ok_or(WRONG)?),
    }
}

pub(super) fn duration<'a, C: Container<'a>>(value: &Value<'a, C>, budget: &mut Budget) -> Converted<'a, C> {
    match value {
        Value::Duration(_) => Ok(value.clone()),
        _ => time::duration(text(value, budget)?),
    }
}
