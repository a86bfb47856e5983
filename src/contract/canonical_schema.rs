//! A schema without what does not matter for the values that it accepts: names of definitions, and the order of lists.

use serde_json::{Map, Value};

/// The lists of a schema whose order does not matter.
const SETS: [&str; 6] = ["allOf", "anyOf", "enum", "oneOf", "required", "type"];

/// `schema` with its references resolved and its sets sorted. Two schemas for which it is equal accept the same values.
pub(super) fn canonical(schema: &Value) -> Value {
    resolve(schema, schema, &mut Vec::new())
}

/// `open` has the references that are being resolved: a schema that refers to itself ends at the second of them.
fn resolve<'s>(schema: &'s Value, root: &'s Value, open: &mut Vec<&'s str>) -> Value {
    match schema {
        Value::Object(members) => resolve_object(members, root, open),
        Value::Array(items) => items.iter().map(|item| resolve(item, root, open)).collect(),
        other => other.clone(),
    }
}

fn resolve_object<'s>(members: &'s Map<String, Value>, root: &'s Value, open: &mut Vec<&'s str>) -> Value {
    let mut resolved = Map::new();
    for (name, value) in members.iter().filter(|(name, _)| !matches!(name.as_str(), "$defs" | "$ref")) {
        let mut value = resolve(value, root, open);
        if let (true, Value::Array(items)) = (SETS.contains(&name.as_str()), &mut value) {
            items.sort_by_cached_key(ToString::to_string);
        }
        resolved.insert(name.clone(), value);
    }
    let reference = members.get("$ref").and_then(Value::as_str);
    let target = reference.and_then(|text| Some((text, root.pointer(text.strip_prefix('#')?)?)));
    let Some((text, target)) = target else { return Value::Object(resolved) };
    // by its distance: the name does not matter
    let target = if let Some(distance) = open.iter().rev().position(|known| *known == text) {
        Value::from(format!("recursion {distance}"))
    } else {
        open.push(text);
        let target = resolve(target, root, open);
        open.pop();
        target
    };
    if resolved.is_empty() {
        return target;
    }
    resolved.insert("$ref".to_owned(), target);
    Value::Object(resolved)
}

#[cfg(test)]
mod tests {
    use super::canonical;
    use serde_json::json;

    #[test]
    fn names_of_definitions_and_orders_do_not_matter() {
        let one = json!({
            "$defs": { "A": { "type": ["string", "null"], "enum": ["x", "y"] } },
            "required": ["a", "b"],
            "properties": { "a": { "$ref": "#/$defs/A" } },
        });
        let other = json!({
            "required": ["b", "a"],
            "properties": { "a": { "enum": ["y", "x"], "type": ["null", "string"] } },
        });
        assert_eq!(canonical(&one), canonical(&other));
    }

    #[test]
    fn what_is_accepted_matters() {
        let one = json!({ "properties": { "a": { "not": { "type": "string" } } } });
        let other = json!({ "properties": { "a": { "not": { "type": "integer" } } } });
        assert_ne!(canonical(&one), canonical(&other));
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = |name: &str| {
            let pointer = format!("#/$defs/{name}");
            json!({ "$defs": { name: { "properties": { "next": { "$ref": pointer } } } }, "$ref": pointer })
        };
        assert_eq!(canonical(&schema("A")), canonical(&schema("B")));
    }
}
