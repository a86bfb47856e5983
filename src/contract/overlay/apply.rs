//! Applies one change to one field of one schema.

use super::change::OverlayChange;
use crate::contract::nullable::allow_null;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The JSON Pointers of schemas within a schema.
type Places = BTreeSet<String>;

/// The keywords with several schemas for the same value.
const PARTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Applies `change` to every declaration of `field` in `schema`. Returns whether it had an effect.
pub(super) fn apply(change: &OverlayChange, field: &str, schema: &mut Value) -> bool {
    if let OverlayChange::Add(added) = change {
        return add(added, field, schema);
    }
    let places = if field.starts_with('/') { at_pointer(schema, field) } else { by_name(schema, field) };
    let mut changed = false;
    // from the innermost pointer: a change may wrap the schema that it applies to, after which pointers into it are invalid
    for place in places.into_iter().rev() {
        changed |= schema.pointer_mut(&place).is_some_and(|found| alter(change, found));
    }
    changed
}

fn alter(change: &OverlayChange, schema: &mut Value) -> bool {
    if let OverlayChange::Add(replaced) | OverlayChange::Replace(replaced) = change {
        return std::mem::replace(schema, replaced.clone()) != *replaced;
    }
    let Some(schema) = schema.as_object_mut() else { return false };
    match change {
        OverlayChange::Nullable => allow_null(schema),
        // an extension keyword: validators ignore it, and the field tree reads it
        _ => schema.insert("x-secret".into(), Value::Bool(true)) != Some(Value::Bool(true)),
    }
}

/// Declares the field in the first schema of its parent that lists fields, unless it is declared already.
fn add(added: &Value, field: &str, schema: &mut Value) -> bool {
    let Some((parent, name)) = field.rsplit_once('/') else { return false };
    if !at_pointer(schema, field).is_empty() {
        return false;
    }
    let lists_fields = |place: &&String| schema.pointer(place).is_some_and(|schema| schema.get("properties").is_some());
    let parents = alternatives(schema, at_pointer(schema, parent));
    let Some(place) = parents.iter().find(lists_fields).cloned() else { return false };
    let fields = schema.pointer_mut(&format!("{place}/properties")).and_then(Value::as_object_mut);
    fields.is_some_and(|fields| fields.insert(unescape(name), added.clone()).is_none())
}

/// The schemas of the field at the pointer `field` of the body.
fn at_pointer(root: &Value, field: &str) -> Places {
    // the declaration itself and not the target of its `$ref`, which other fields may share
    let mut here: Places = [String::new()].into();
    for step in field.split('/').skip(1) {
        let next = alternatives(root, here).into_iter().filter_map(|place| {
            let below = match step {
                "*" => format!("{place}/items"),
                name => format!("{place}/properties/{}", escape(&unescape(name))),
            };
            root.pointer(&below).map(|_| below)
        });
        here = next.collect();
    }
    here
}

/// `places`, and every schema that they refer to or consist of.
fn alternatives(root: &Value, places: Places) -> Places {
    let mut all = Places::new();
    let mut open: Vec<String> = places.into_iter().collect();
    while let Some(place) = open.pop() {
        let Some(schema) = root.pointer(&place) else { continue };
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        // definitions may refer to each other in circles
        open.extend(target.map(str::to_owned).filter(|target| !all.contains(target)));
        for keyword in PARTS {
            let parts = schema.get(keyword).and_then(Value::as_array).map_or(0, Vec::len);
            open.extend((0..parts).map(|at| format!("{place}/{keyword}/{at}")));
        }
        all.insert(place);
    }
    all
}

/// The schemas of every field called `name`, at any depth.
fn by_name(root: &Value, name: &str) -> Places {
    let mut found = Places::new();
    collect(root, "", name, &mut found);
    found
}

fn collect(schema: &Value, place: &str, name: &str, found: &mut Places) {
    let Some(schema) = schema.as_object() else { return };
    let fields = |keyword: &str| schema.get(keyword).and_then(Value::as_object).into_iter().flatten();
    for (field, below) in fields("properties") {
        let at = format!("{place}/properties/{}", escape(field));
        collect(below, &at, name, found);
        if field == name {
            found.insert(at);
        }
    }
    for (definition, below) in fields("$defs") {
        collect(below, &format!("{place}/$defs/{}", escape(definition)), name, found);
    }
    for keyword in ["items", "additionalProperties"] {
        schema.get(keyword).into_iter().for_each(|below| collect(below, &format!("{place}/{keyword}"), name, found));
    }
    collect_parts(schema, place, name, found);
}

fn collect_parts(schema: &Map<String, Value>, place: &str, name: &str, found: &mut Places) {
    for keyword in PARTS {
        let parts = schema.get(keyword).and_then(Value::as_array).into_iter().flatten().enumerate();
        parts.for_each(|(at, below)| collect(below, &format!("{place}/{keyword}/{at}"), name, found));
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}
