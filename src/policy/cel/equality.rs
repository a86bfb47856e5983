//! Equality of lists and maps, wherever they come from: literals, parameters or the body.

use cel::common::types::{CelBool, CelInt, DYN_TYPE, Kind};
use cel::common::value::{CowVal, Val};
use cel::{Env, ExecutionError};

/// The function that `==` between possible containers is rewritten to.
pub(super) const FUNCTION: &str = "@equal";

/// Declares the function.
pub(super) fn declare(env: &mut Env) {
    // an overload of this name is declared nowhere else
    let _ = env.add_overload(FUNCTION, "equal_dyn_dyn", vec![DYN_TYPE, DYN_TYPE], call);
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of a CEL function")]
fn call<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    match arguments.as_slice() {
        [left, right] => Ok(CowVal::owned(CelBool::from(equal(left.as_ref(), right.as_ref())))),
        other => Err(ExecutionError::invalid_argument_count(2, other.len())),
    }
}

/// Whether two values are equal: lists by element, maps by key, anything else as CEL says.
pub(super) fn equal(left: &dyn Val, right: &dyn Val) -> bool {
    match (left.get_type().kind(), right.get_type().kind()) {
        (Kind::List, Kind::List) => lists_equal(left, right).unwrap_or_default(),
        (Kind::Map, Kind::Map) => maps_equal(left, right).unwrap_or_default(),
        _ => left.equals(right),
    }
}

fn size(value: &dyn Val) -> Option<CelInt> {
    value.as_sizer().map(cel::common::traits::Sizer::size)
}

fn lists_equal(left: &dyn Val, right: &dyn Val) -> Option<bool> {
    if size(left)? != size(right)? {
        return Some(false);
    }
    let (mut left, mut right) = (left.as_iterable()?.iter(), right.as_iterable()?.iter());
    while let (Some(one), Some(other)) = (left.next(), right.next()) {
        if !equal(one, other) {
            return Some(false);
        }
    }
    Some(true)
}

fn maps_equal(left: &dyn Val, right: &dyn Val) -> Option<bool> {
    if size(left)? != size(right)? {
        return Some(false);
    }
    let mut keys = left.as_iterable()?.iter();
    while let Some(key) = keys.next() {
        let (Ok(one), Ok(other)) = (left.as_indexer()?.get(key), right.as_indexer()?.get(key)) else {
            return Some(false);
        };
        if !equal(one.as_ref(), other.as_ref()) {
            return Some(false);
        }
    }
    Some(true)
}
