//! How a spec differs from the contract in force, by what follows for the gateway.

use super::diff::{ChangeKind, FieldChange, OperationChange, Readers, diff};
use super::shape::FieldShape;
use super::{InvalidSchema, Operation};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What follows from a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftClass {
    /// An operation that the contract does not have: writes to it are refused, and no policy can name it.
    NewDoor,
    /// A field that the contract does not have: bodies with it are refused.
    NewField,
    /// A field that the spec no longer has: policies that read it read nothing.
    LostField,
    /// Another type, constraint or path, or an operation that the spec no longer has.
    Changed,
    /// Nothing that the gateway judges by.
    Harmless,
}

impl DriftClass {
    /// All, the most urgent first.
    pub const ALL: [Self; 5] = [Self::NewDoor, Self::NewField, Self::LostField, Self::Changed, Self::Harmless];

    /// The class as text output shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewDoor => "new door",
            Self::NewField => "new field",
            Self::LostField => "lost field",
            Self::Changed => "changed",
            Self::Harmless => "harmless",
        }
    }
}

/// One difference between a spec and the contract in force.
#[derive(Clone, Debug, Serialize)]
pub struct Drift {
    /// What follows from it.
    pub class: DriftClass,
    /// The operation id.
    pub operation: Arc<str>,
    /// Method and path in the spec, or in the contract if the spec has no such operation.
    pub route: String,
    /// The JSON Pointer of the field; `*` stands for the items of an array. `None` if it is about the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What it is, in words; empty if `before` and `after` have it.
    pub detail: String,
    /// The field in the contract in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<FieldShape>,
    /// The field in the spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<FieldShape>,
    /// The policies that match the operation, or read the field.
    pub policies: BTreeSet<Arc<str>>,
    /// Lines of the overlays concerned.
    pub overlays: BTreeSet<usize>,
}

/// The differences from the operations in force to those of a spec, the most urgent first.
///
/// # Errors
///
/// A schema in either is not valid JSON.
pub fn drifts(
    in_force: &[Arc<Operation>],
    spec: &[Arc<Operation>],
    readers: Readers<'_>,
) -> Result<Vec<Drift>, InvalidSchema> {
    let changes = diff(in_force, spec, readers)?;
    let mut drifts: Vec<Drift> = changes.iter().flat_map(|change| of_operation(change, readers)).collect();
    drifts.extend(needless_overlays(in_force, spec, &changes)?);
    drifts.sort_by(|one, other| {
        (one.class, &one.operation, &one.field).cmp(&(other.class, &other.operation, &other.field))
    });
    Ok(drifts)
}

fn of_operation(change: &OperationChange, readers: Readers<'_>) -> Vec<Drift> {
    let whole = |class, detail: &str| Drift {
        class,
        operation: change.operation.clone(),
        route: change.route.clone(),
        field: None,
        detail: detail.to_owned(),
        before: None,
        after: None,
        policies: readers(&change.operation, None),
        overlays: change.overlays.clone(),
    };
    match change.change {
        ChangeKind::Added => vec![whole(DriftClass::NewDoor, "the contract does not have it")],
        ChangeKind::Removed => vec![whole(DriftClass::Changed, "the spec no longer has it")],
        ChangeKind::Changed => {
            let moved = change.route_before.iter().map(|before| whole(DriftClass::Changed, &format!("was {before}")));
            moved.chain(change.fields.iter().map(|field| of_field(change, field, readers))).collect()
        }
    }
}

fn of_field(change: &OperationChange, field: &FieldChange, readers: Readers<'_>) -> Drift {
    let is_body = field.field.is_empty();
    let (class, detail) = match (field.change, is_body) {
        (ChangeKind::Added, true) => (DriftClass::Changed, "takes a JSON body now"),
        (ChangeKind::Removed, true) => (DriftClass::Changed, "takes no JSON body any more"),
        // an item of a list is no field with a name: the list takes other items
        (ChangeKind::Added | ChangeKind::Removed, false) if field.field.ends_with("/*") => (DriftClass::Changed, ""),
        (ChangeKind::Added, false) => (DriftClass::NewField, ""),
        (ChangeKind::Removed, false) => (DriftClass::LostField, ""),
        (ChangeKind::Changed, _) if field.before == field.after => {
            (DriftClass::Changed, "in a part that is not listed")
        }
        (ChangeKind::Changed, _) => (DriftClass::Changed, ""),
    };
    // no policy reads a field that was not there, but those for the operation may have to
    let policies =
        if class == DriftClass::NewField { readers(&change.operation, None) } else { field.policies.clone() };
    Drift {
        class,
        operation: change.operation.clone(),
        route: change.route.clone(),
        field: Some(field.field.clone()),
        detail: detail.to_owned(),
        before: field.before.clone(),
        after: field.after.clone(),
        policies,
        overlays: field.overlays.clone(),
    }
}

/// What the overlay corrects in the contract in force, and the spec has corrected itself: once it is imported, the entry is an
/// error, because it has no effect.
fn needless_overlays(
    in_force: &[Arc<Operation>],
    spec: &[Arc<Operation>],
    changes: &[OperationChange],
) -> Result<Vec<Drift>, InvalidSchema> {
    let spec: BTreeMap<&str, &Arc<Operation>> =
        spec.iter().map(|operation| (operation.id.as_ref(), operation)).collect();
    let mut drifts = Vec::new();
    for before in in_force {
        let Some(after) = spec.get(before.id.as_ref()) else { continue };
        let harmless = |detail: &str, overlays| Drift {
            class: DriftClass::Harmless,
            operation: before.id.clone(),
            route: format!("{} {}", after.method, after.path),
            field: None,
            detail: detail.to_owned(),
            before: None,
            after: None,
            policies: BTreeSet::new(),
            overlays,
        };
        if before.is_added && !after.is_added {
            drifts.push(harmless("the spec has it, and the overlay need not add it", BTreeSet::new()));
        }
        let needless: BTreeSet<usize> = &overlay_lines(before)? - &overlay_lines(after)?;
        // a field that is lost or changed is listed with its overlay
        if !needless.is_empty() && changes.iter().all(|change| change.operation != before.id) {
            drifts.push(harmless("the spec has what the overlay corrects", needless));
        }
    }
    Ok(drifts)
}

/// The lines of the overlays with an effect on the body.
fn overlay_lines(operation: &Operation) -> Result<BTreeSet<usize>, InvalidSchema> {
    let Some(body) = &operation.body else { return Ok(BTreeSet::new()) };
    Ok(body.effective()?.overlays.iter().map(|applied| applied.overlay.line).collect())
}
