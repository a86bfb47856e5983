//! What an imported contract lost, compared with the one that is built in.

use super::Imported;
use crate::contract::diff::{ChangeKind, OperationChange, diff};
use crate::contract::version::family_of;
use crate::contract::{Contract, ContractError, ContractText, ContractTexts};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsStr;

/// The operations and fields that the built-in contract has and `imported` has not: compared with the same API version, else
/// with the newest of its family. Without overlays, which apply to either.
///
/// # Errors
///
/// A contract cannot be read: those that were written by [`super::import`] can.
pub fn removals(imported: &Imported) -> Result<Vec<String>, ContractError> {
    let text = ContractText { file: "imported".into(), text: Cow::Owned(imported.text.clone()) };
    let new = Contract::of_version(text, None)?;
    let version = imported.api_version.as_ref();
    let name = |text: &ContractText| text.file.file_stem().and_then(OsStr::to_str).unwrap_or_default().to_owned();
    let mut built_in = ContractTexts::built_in().versions;
    built_in.retain(|text| family_of(&name(text)) == family_of(version));
    let position = built_in.iter().position(|text| name(text) == version);
    let position = position.or_else(|| built_in.len().checked_sub(1));
    // a family that the built-in contract does not have loses nothing
    let Some(position) = position else { return Ok(Vec::new()) };
    let old = Contract::of_version(built_in.swap_remove(position), None)?;
    let changes = diff(&old.operations(), &new.operations(), &|_, _| BTreeSet::new()).unwrap_or_default();
    Ok(changes.iter().flat_map(losses).collect())
}

fn losses(change: &OperationChange) -> Vec<String> {
    let id = &change.operation;
    let mut losses = Vec::new();
    if change.change == ChangeKind::Removed {
        losses.push(format!("`{id}`, {}", change.route));
    }
    // requests to the old route would be no operation any more
    if let Some(route) = &change.route_before {
        losses.push(format!("`{id}` at {route}; it is now {}", change.route));
    }
    let lost = change.fields.iter().filter(|field| field.change == ChangeKind::Removed);
    // the empty pointer is the body itself
    losses.extend(lost.map(|field| match field.field.as_str() {
        "" => format!("the body of `{id}`"),
        pointer => format!("the field `{pointer}` of `{id}`"),
    }));
    losses
}
