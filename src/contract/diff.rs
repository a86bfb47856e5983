//! What changed between two versions of the contract.

use super::canonical_schema::canonical;
use super::shape::{FieldShape, FieldShapes, shapes};
use super::{Applied, InvalidSchema, Operation};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How an operation differs between two API versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// Only the newer version has it.
    Added,
    /// Only the older version has it.
    Removed,
    /// Both versions have it, and they differ.
    Changed,
}

/// An operation that differs between the versions.
#[derive(Clone, Debug, Serialize)]
pub struct OperationChange {
    /// The operation id.
    pub operation: Arc<str>,
    /// Whether it was added, removed or changed.
    pub change: ChangeKind,
    /// Method and path, in the newer version if that has it.
    pub route: String,
    /// Method and path in the older version, if they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_before: Option<String>,
    /// The fields of its body that changed; empty if the operation was added or removed.
    pub fields: Vec<FieldChange>,
    /// The policies that match it, if it was added, removed or moved.
    pub policies: BTreeSet<Arc<str>>,
    /// Lines of the overlays for it, if it was added or removed.
    pub overlays: BTreeSet<usize>,
}

/// A field that differs between the versions.
#[derive(Clone, Debug, Serialize)]
pub struct FieldChange {
    /// The JSON Pointer of the field; `*` stands for the items of an array, the empty pointer for the body.
    pub field: String,
    /// Whether it was added, removed or changed.
    pub change: ChangeKind,
    /// The field in the older version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<FieldShape>,
    /// The field in the newer version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<FieldShape>,
    /// The policies that match the operation and read the field.
    pub policies: BTreeSet<Arc<str>>,
    /// Lines of the overlays that change the field in either version.
    pub overlays: BTreeSet<usize>,
}

/// The policies that read a field of an operation; without a field, those that match the operation.
pub type Readers<'a> = &'a dyn Fn(&str, Option<&str>) -> BTreeSet<Arc<str>>;

/// The fields of a body, and the overlays on it.
struct BodyShapes {
    shapes: FieldShapes,
    overlays: Vec<Applied>,
    schema: Option<Value>,
}

impl BodyShapes {
    fn of(operation: &Operation) -> Result<Self, InvalidSchema> {
        let Some(body) = &operation.body else {
            return Ok(Self { shapes: FieldShapes::new(), overlays: Vec::new(), schema: None });
        };
        let effective = body.effective()?;
        Ok(Self { shapes: shapes(&effective.schema), overlays: effective.overlays, schema: Some(effective.schema) })
    }
}

/// The changes from the operations `old` to `new`, in the order of their ids.
///
/// # Errors
///
/// A schema in either contract is not valid JSON.
pub fn diff(
    old: &[Arc<Operation>],
    new: &[Arc<Operation>],
    readers: Readers<'_>,
) -> Result<Vec<OperationChange>, InvalidSchema> {
    // by id and not by route: policies and overlays name ids, and a moved operation is still the same one
    let by_id = |operations: &[Arc<Operation>]| -> BTreeMap<Arc<str>, Arc<Operation>> {
        operations.iter().map(|operation| (operation.id.clone(), operation.clone())).collect()
    };
    let (old, new) = (by_id(old), by_id(new));
    let ids: BTreeSet<&Arc<str>> = old.keys().chain(new.keys()).collect();
    let mut changes = Vec::new();
    for id in ids {
        match (old.get(id), new.get(id)) {
            (Some(before), Some(after)) => changes.extend(compare(before, after, readers)?),
            (Some(gone), None) => changes.push(whole_operation(gone, ChangeKind::Removed, readers)?),
            (None, Some(come)) => changes.push(whole_operation(come, ChangeKind::Added, readers)?),
            (None, None) => {}
        }
    }
    Ok(changes)
}

/// The change for an operation that only one version has.
fn whole_operation(
    operation: &Operation,
    change: ChangeKind,
    readers: Readers<'_>,
) -> Result<OperationChange, InvalidSchema> {
    Ok(OperationChange {
        operation: operation.id.clone(),
        change,
        route: route(operation),
        route_before: None,
        fields: Vec::new(),
        policies: readers(&operation.id, None),
        overlays: BodyShapes::of(operation)?.overlays.iter().map(|applied| applied.overlay.line).collect(),
    })
}

/// The change between two versions of an operation; `None` if they are equal.
fn compare(
    before: &Operation,
    after: &Operation,
    readers: Readers<'_>,
) -> Result<Option<OperationChange>, InvalidSchema> {
    let (old, new) = (BodyShapes::of(before)?, BodyShapes::of(after)?);
    let pointers: BTreeSet<&String> = old.shapes.keys().chain(new.shapes.keys()).collect();
    let changed = pointers.into_iter().filter_map(|field| field_change(field, &old, &new, &before.id, readers));
    let mut fields: Vec<FieldChange> = changed.collect();
    // shapes are for readers: they end at a depth, and put alternatives together
    if fields.is_empty() && old.schema.as_ref().map(canonical) != new.schema.as_ref().map(canonical) {
        fields.push(FieldChange {
            field: String::new(),
            change: ChangeKind::Changed,
            before: old.shapes.get("").cloned(),
            after: new.shapes.get("").cloned(),
            policies: readers(&before.id, None),
            overlays: BTreeSet::new(),
        });
    }
    let route_before = Some(route(before)).filter(|old| *old != route(after));
    if fields.is_empty() && route_before.is_none() {
        return Ok(None);
    }
    Ok(Some(OperationChange {
        operation: after.id.clone(),
        change: ChangeKind::Changed,
        route: route(after),
        policies: if route_before.is_some() { readers(&after.id, None) } else { BTreeSet::new() },
        route_before,
        fields,
        // the overlays are listed with the fields that they change
        overlays: BTreeSet::new(),
    }))
}

fn field_change(
    field: &str,
    old: &BodyShapes,
    new: &BodyShapes,
    id: &str,
    readers: Readers<'_>,
) -> Option<FieldChange> {
    let (before, after) = (old.shapes.get(field), new.shapes.get(field));
    let change = match (before, after) {
        (Some(before), Some(after)) if before == after => return None,
        (Some(_), Some(_)) => ChangeKind::Changed,
        // the change of an object implies that of its fields: to list them, too, would hide the one that matters
        (Some(_), None) => is_top(field, &new.shapes).then_some(ChangeKind::Removed)?,
        (None, _) => is_top(field, &old.shapes).then_some(ChangeKind::Added)?,
    };
    Some(FieldChange {
        field: field.to_owned(),
        change,
        before: before.cloned(),
        after: after.cloned(),
        policies: readers(id, Some(field)),
        overlays: old.overlays.iter().chain(&new.overlays).filter_map(|applied| covers(applied, field)).collect(),
    })
}

/// Whether the version without `field` has its parent, so that the change starts at `field`.
fn is_top(field: &str, other: &FieldShapes) -> bool {
    field.rsplit_once('/').is_none_or(|(parent, _)| other.contains_key(parent)) || !other.contains_key("")
}

/// The line of the overlay if it changes `field`.
fn covers(applied: &Applied, field: &str) -> Option<usize> {
    let mut names = applied.fields.iter().filter_map(|position| applied.overlay.fields.get(*position));
    // an overlay names fields by pointer, or by name for every field of that name
    let is_in = |name: &String| {
        if name.starts_with('/') { overlaps(name, field) } else { field.split('/').any(|step| step == name) }
    };
    names.any(is_in).then_some(applied.overlay.line)
}

/// Whether two JSON Pointers are equal, or one is a prefix of the other by whole segments.
pub fn overlaps(one: &str, other: &str) -> bool {
    let leads_to =
        |short: &str, long: &str| long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    leads_to(one, other) || leads_to(other, one)
}

fn route(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

#[cfg(test)]
mod tests {
    use super::{ChangeKind, diff, overlaps};
    use crate::contract::{Contract, ContractText};
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use std::sync::Arc;

    fn contract(version: &str, operations: &Value) -> Contract {
        let text = json!({ "apiVersion": version, "$defs": {}, "operations": operations }).to_string();
        Contract::of_version(ContractText { file: "a.json".into(), text: text.into() }, None).expect("a contract")
    }

    fn operation(id: &str, path: &str, properties: &Value) -> Value {
        let schema = json!({ "type": "object", "properties": properties });
        let body = json!({ "mediaTypes": ["application/json"], "required": true, "schema": schema });
        json!({ "id": id, "method": "POST", "path": path, "statuses": [200], "body": body })
    }

    #[test]
    fn every_kind_of_change_is_told_with_who_reads_the_field() {
        let old = json!([
            operation("Same", "/v1/same", &json!({ "a": { "type": "string" } })),
            operation("Gone", "/v1/gone", &json!({})),
            operation(
                "Make",
                "/v1/make",
                &json!({
                    "name": { "type": "string", "maxLength": 8 },
                    "old": { "type": "object", "properties": { "in": {} } },
                    "list": { "type": "array", "items": { "type": "string" } },
                })
            ),
        ]);
        let new = json!([
            operation("Same", "/v1/same", &json!({ "a": { "type": "string" } })),
            operation("Come", "/v1/come", &json!({})),
            operation(
                "Make",
                "/v1/made",
                &json!({
                    "name": { "type": ["string", "null"], "maxLength": 9 },
                    "list": { "type": "array", "items": { "type": "integer" } },
                    "new": { "type": "boolean" },
                })
            ),
        ]);
        let (old, new) = (contract("2020-01-01", &old), contract("2021-01-01", &new));
        let readers = |id: &str, field: Option<&str>| -> BTreeSet<Arc<str>> {
            let reads = id == "Make" && field.is_some_and(|field| overlaps("/name", field));
            reads.then(|| Arc::from("names")).into_iter().collect()
        };
        let changes = diff(&old.operations(), &new.operations(), &readers).expect("schemas");
        let told: Vec<_> = changes.iter().map(|change| (change.operation.as_ref(), change.change)).collect();
        assert_eq!(told, [("Come", ChangeKind::Added), ("Gone", ChangeKind::Removed), ("Make", ChangeKind::Changed)]);
        let make = changes.last().expect("a change");
        assert_eq!(make.route_before.as_deref(), Some("POST /v1/make"));
        let fields: Vec<_> = make.fields.iter().map(|field| (field.field.as_str(), field.change)).collect();
        let expected = [
            ("/list/*", ChangeKind::Changed),
            ("/name", ChangeKind::Changed),
            ("/new", ChangeKind::Added),
            ("/old", ChangeKind::Removed),
        ];
        assert_eq!(fields, expected);
        let read: Vec<_> = make.fields.iter().filter(|field| !field.policies.is_empty()).collect();
        assert!(matches!(read.as_slice(), [only] if only.field == "/name"));
    }

    #[test]
    fn pointers_overlap_at_whole_names_only() {
        assert!(overlaps("/a", "/a/b") && overlaps("/a/b", "/a") && overlaps("", "/a") && overlaps("/a", "/a"));
        assert!(!overlaps("/a", "/ab") && !overlaps("/a/b", "/a/c"));
    }
}
