//! A small body that fits a schema.

use serde_json::{Map, Value, json};

/// Deepest nesting of a sample.
const DEEPEST: usize = 8;

/// A body with the required fields only.
pub fn sample_body(schema: &Value) -> Value {
    sample(schema, schema, 0)
}

/// A value for the field `name` of a body; `None` if the schema does not declare it.
pub fn sample_field(schema: &Value, name: &str) -> Option<Value> {
    let property = property(schema, schema, name, 0)?;
    Some(sample(&without_null(property), schema, 0))
}

/// The schema without the type `null`, so that the sample is of the other type.
fn without_null(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
    }
    schema
}

fn property<'s>(schema: &'s Value, root: &'s Value, name: &str, depth: usize) -> Option<&'s Value> {
    let schema = resolve(schema, root);
    let own = schema.get("properties").and_then(|properties| properties.get(name));
    let branches =
        ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|keyword| schema.get(keyword)?.as_array()).flatten();
    own.or_else(|| {
        let mut branches = branches.filter(|_| depth < DEEPEST);
        branches.find_map(|branch| property(branch, root, name, depth + 1))
    })
}

fn resolve<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    reference.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

/// A value that fits `schema` in most cases: what does not is found out when it is judged.
fn sample(schema: &Value, root: &Value, depth: usize) -> Value {
    let schema = resolve(schema, root);
    if let Some(value) = schema.get("const").or_else(|| schema.get("enum")?.as_array()?.first()) {
        return value.clone();
    }
    let first = ["oneOf", "anyOf"].into_iter().find_map(|keyword| schema.get(keyword)?.as_array()?.first());
    let all = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let parts = std::iter::once(schema).chain(first.map(|it| resolve(it, root))).chain(all.map(|it| resolve(it, root)));
    let parts: Vec<&Value> = parts.collect();
    let get = |key: &str| parts.iter().find_map(|part| part.get(key));
    if let Some(value) = get("const").or_else(|| get("enum")?.as_array()?.first()) {
        return value.clone();
    }
    let types: Vec<&str> = match get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ if get("properties").is_some() => vec!["object"],
        _ => vec!["string"],
    };
    match types.first().copied() {
        _ if depth > DEEPEST => Value::Null,
        Some("object") => object(&parts, root, depth),
        Some("array") => {
            let least = get("minItems").and_then(Value::as_u64).unwrap_or(1).clamp(1, 4);
            let item = get("items").map_or(json!("a"), |items| sample(items, root, depth + 1));
            (0..least).map(|_| item.clone()).collect()
        }
        Some("boolean") => json!(false),
        Some("integer" | "number") => get("minimum").cloned().unwrap_or(json!(1)),
        Some("null") => Value::Null,
        _ => text(get("format").and_then(Value::as_str), get("minLength").and_then(Value::as_u64).unwrap_or_default()),
    }
}

fn object(parts: &[&Value], root: &Value, depth: usize) -> Value {
    let mut members = Map::new();
    let required = parts.iter().filter_map(|part| part.get("required")?.as_array()).flatten().filter_map(Value::as_str);
    for name in required {
        let declared = parts.iter().find_map(|part| property(part, root, name, depth));
        members.insert(name.to_owned(), declared.map_or(json!("a"), |it| sample(it, root, depth + 1)));
    }
    members.into()
}

fn text(format: Option<&str>, least: u64) -> Value {
    let text = match format {
        Some("email" | "idn-email") => "ada@example.com",
        Some("uri" | "url" | "uri-reference") => "https://example.com/",
        Some("date-time") => "2026-01-01T00:00:00Z",
        Some("date") => "2026-01-01",
        Some("ipv4") => "192.0.2.1",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        _ => "sample",
    };
    let missing = usize::try_from(least).unwrap_or_default().saturating_sub(text.len());
    json!(format!("{text}{}", "a".repeat(missing.min(1_000))))
}
