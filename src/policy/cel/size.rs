//! `json.size(x)`: how many bytes a value of the body takes as compact JSON.

use super::json::JsonContainer;
use crate::document::{Kind, View};
use cel::common::types::{CelInt, CelString, DYN_TYPE};
use cel::common::value::CowVal;
use cel::{Env, ExecutionError};

/// Its name.
pub(super) const FUNCTION: &str = "json.size";

/// Declares the function.
pub(super) fn declare(env: &mut Env) {
    // an overload of this name is declared nowhere else
    let _ = env.add_overload(FUNCTION, "json_size_dyn", vec![DYN_TYPE], call);
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of a CEL function")]
fn call<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [value] = arguments.as_slice() else {
        return Err(ExecutionError::invalid_argument_count(1, arguments.len()));
    };
    let bytes = match (value.downcast_ref::<JsonContainer>(), value.downcast_ref::<CelString<'_>>()) {
        (Some(container), _) => compact(container.node()),
        (None, Some(text)) => string(text.inner()),
        (None, None) if value.get_type().kind() == cel::common::types::Kind::NullType => 0,
        (None, None) => {
            let got = value.get_type().name().to_owned();
            return Err(ExecutionError::UnexpectedType { got, want: "a value of the body".to_owned() });
        }
    };
    Ok(CowVal::owned(CelInt::from(i64::try_from(bytes).unwrap_or(i64::MAX))))
}

fn compact<'a>(node: impl View<'a>) -> usize {
    let separators = node.len().saturating_sub(1);
    let children = (0..node.len()).filter_map(|position| node.child(position)).map(compact).sum::<usize>();
    match node.kind() {
        Kind::Null | Kind::Bool(true) => 4,
        Kind::Bool(false) => 5,
        Kind::Number(text) => text.len(),
        Kind::String(text) => string(text),
        Kind::Array => 2 + separators + children,
        Kind::Object => {
            let names = (0..node.len()).filter_map(|position| node.name(position));
            2 + separators + children + names.map(|name| string(name) + 1).sum::<usize>()
        }
    }
}

/// The string in quotes, with what must be escaped escaped (RFC 8259 section 7).
fn string(text: &str) -> usize {
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 2,
        0..=0x1f => 6,
        _ => 1,
    });
    2 + escaped.sum::<usize>()
}
