//! `size(x)`, and `json.size(x)`: the size of a value of the request as compact JSON, in bytes.

use super::activation::{Container, Value};
use super::budget::Budget;
use super::error::EvaluationError;
use super::unknown::{EvaluationFailure, Unknown};

/// The characters, bytes, elements or entries of a value.
pub(super) fn size<'a, C: Container<'a>>(
    value: &Value<'a, C>,
    budget: &mut Budget,
) -> Result<Value<'a, C>, EvaluationFailure<C::Unknown>> {
    if let Some(text) = value.as_str() {
        budget.bytes(text.len())?;
        // CEL counts code points, not bytes
        return Ok(int(text.chars().count()));
    }
    match value {
        Value::Bytes(bytes) => Ok(int(bytes.len())),
        Value::Unknown(unknown) => {
            Into::<Unknown>::into(*unknown).size.map(int).ok_or(EvaluationFailure::Unknown(*unknown))
        }
        _ => Ok(value.len().map(int).ok_or(EvaluationError::NoSuchOverload)?),
    }
}

/// The size of a value as compact JSON, in bytes; 0 for `null`, which an absent field reads as.
pub(super) fn json_size<'a, C: Container<'a>>(
    value: &Value<'a, C>,
    budget: &mut Budget,
) -> Result<Value<'a, C>, EvaluationFailure<C::Unknown>> {
    let bytes = match value {
        Value::Null => 0,
        Value::Array(structure) | Value::Object(structure) => structure.json_size(budget)?,
        _ => {
            let text = value.as_str().ok_or(EvaluationError::NoSuchOverload)?;
            budget.bytes(text.len())?;
            json_string_size(text)
        }
    };
    Ok(int(bytes))
}

fn int<'a, C: Container<'a>>(length: usize) -> Value<'a, C> {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

/// The size of a JSON string with its quotes and escapes, in bytes.
fn json_string_size(text: &str) -> usize {
    // most strings have no escape, and counting them first is fast: the compiler vectorizes it
    if text.bytes().filter(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\')).count() == 0 {
        return 2 + text.len();
    }
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 2,
        0..=0x1f => 6,
        _ => 1,
    });
    2 + escaped.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::json_string_size;

    #[test]
    fn a_string_has_the_size_of_its_compact_json() {
        for text in ["", "plain", "\"quoted\"", "a\\b", "\u{8}\t\n\u{c}\r", "\u{0}\u{1f}\u{7f}", "h\u{e9}llo \u{1f600}"]
        {
            let json = serde_json::to_string(text).expect("JSON");
            assert_eq!(json_string_size(text), json.len(), "{json}");
        }
    }
}
