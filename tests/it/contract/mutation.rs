//! A valid body with one thing wrong, and where.

use super::valid::resolved;
use serde_json::{Map, Value, json};

/// A body with one thing wrong.
pub(super) struct Mutation {
    /// What is wrong.
    pub(super) what: &'static str,
    pub(super) body: Value,
    /// The field that a refusal must name: a bare name at the top level, a JSON Pointer below it.
    pub(super) field: String,
}

/// Every mutation of `body`, which `root` takes, at every object of it that lists its fields.
pub(super) fn mutations(body: &Value, root: &Value) -> Vec<Mutation> {
    let mut found = Vec::new();
    walk(body, root, &At { body, root, pointer: String::new() }, &mut found);
    found
}

/// The place that is being mutated.
struct At<'a> {
    body: &'a Value,
    root: &'a Value,
    pointer: String,
}

fn walk(value: &Value, schema: &Value, at: &At<'_>, found: &mut Vec<Mutation>) {
    let schema = resolved(schema, at.root);
    let below = |step: &str| At { pointer: format!("{}/{step}", at.pointer), ..*at };
    match value {
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate().take(1) {
                walk(item, &schema["items"], &below(&position.to_string()), found);
            }
        }
        Value::Object(members) => {
            let no_fields = Map::new();
            let fields = schema.get("properties").and_then(Value::as_object).unwrap_or(&no_fields);
            for (name, member) in members {
                let Some(field) = fields.get(name) else { continue };
                at.mutate(name, field, found);
                walk(member, field, &below(name), found);
            }
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                found.push(at.with("missing required", name, |object| drop(object.remove(name))));
            }
            if schema.get("additionalProperties") == Some(&json!(false)) {
                found.push(at.with("unknown field", "zzz", |object| drop(object.insert("zzz".into(), json!(1)))));
            }
        }
        _ => {}
    }
}

impl At<'_> {
    /// What can be wrong with the field `name`.
    fn mutate(&self, name: &str, field: &Value, found: &mut Vec<Mutation>) {
        let upper = name.to_uppercase();
        found.push(self.with("case-changed name", &upper, |object| {
            let value = object.remove(name).unwrap();
            object.insert(upper.clone(), value);
        }));
        let types = types(&resolved(field, self.root));
        if types.is_empty() {
            return;
        }
        if !types.iter().any(|name| name == "null") {
            found.push(self.with("null", name, |object| drop(object.insert(name.into(), Value::Null))));
        }
        let samples =
            [("string", json!("text")), ("boolean", json!(true)), ("object", json!({})), ("array", json!([]))];
        let (_, wrong) = samples.into_iter().find(|(sample, _)| !types.iter().any(|name| name == sample)).unwrap();
        found.push(self.with("wrong type", name, |object| drop(object.insert(name.into(), wrong))));
    }

    fn with(&self, what: &'static str, name: &str, change: impl FnOnce(&mut Map<String, Value>)) -> Mutation {
        let mut body = self.body.clone();
        change(body.pointer_mut(&self.pointer).and_then(Value::as_object_mut).expect("an object"));
        let field = if self.pointer.is_empty() { name.to_owned() } else { format!("{}/{name}", self.pointer) };
        Mutation { what, body, field }
    }
}

/// The types of a schema; none where it has none of its own.
fn types(schema: &Value) -> Vec<String> {
    let is_composed = ["anyOf", "oneOf"].iter().any(|keyword| schema.get(keyword).is_some());
    match schema.get("type") {
        Some(Value::String(name)) if !is_composed => vec![name.clone()],
        Some(Value::Array(names)) if !is_composed => {
            names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}
