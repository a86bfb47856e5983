//! What an imported contract lost, compared with the one that is built in.

use super::Imported;
use crate::contract::diff::{ChangeKind, OperationChange, diff};
use crate::contract::{Contract, ContractError, ContractText, ContractTexts};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The operations and fields that the built-in contract has and `imported` has not: compared with the same API version, else
/// with the newest. Without overlays, which apply to either.
///
/// # Errors
///
/// A contract cannot be read: those that were written by [`super::import`] can.
pub fn removals(imported: &Imported) -> Result<Vec<String>, ContractError> {
    let text = ContractText { file: "imported".into(), text: Cow::Owned(imported.text.clone()) };
    let new = Contract::of_version(text, None)?;
    let mut built_in = ContractTexts::built_in().versions;
    let is_same = |text: &ContractText| text.file.file_stem().is_some_and(|name| *name == *imported.api_version);
    let position = built_in.iter().position(is_same).unwrap_or(built_in.len().saturating_sub(1));
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
