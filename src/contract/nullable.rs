//! Makes a schema accept null.

use serde_json::{Map, Value, json};

/// Makes `schema` accept null. Returns whether its own keywords excluded null before.
pub(super) fn allow_null(schema: &mut Map<String, Value>) -> bool {
    // `enum` and `type` must both allow null: a value has to match every keyword
    let named = match schema.get_mut("enum").and_then(Value::as_array_mut) {
        Some(values) if !values.contains(&Value::Null) => {
            values.push(Value::Null);
            true
        }
        _ => false,
    };
    let typed = match schema.get_mut("type") {
        Some(Value::Array(types)) if types.iter().any(|name| name == "null") => false,
        Some(Value::Array(types)) => {
            types.push("null".into());
            true
        }
        Some(name) if name == "null" => false,
        Some(name) => {
            *name = json!([name.take(), "null"]);
            true
        }
        None => return named || offer_null(schema),
    };
    named || typed
}

/// Wraps the rules of a schema without a type in an alternative to null. Annotations (`x-...`) stay outside.
fn offer_null(schema: &mut Map<String, Value>) -> bool {
    let only_null = json!({ "type": "null" });
    let offers = |branches: &Value| branches.as_array().is_some_and(|branches| branches.contains(&only_null));
    let is_mark = |keyword: &str| keyword.starts_with("x-");
    if schema.keys().all(|keyword| is_mark(keyword)) || schema.get("anyOf").is_some_and(offers) {
        return false;
    }
    // annotations such as `x-secret` apply to the value whichever alternative it matches
    let (marks, rules): (Map<_, _>, Map<_, _>) =
        std::mem::take(schema).into_iter().partition(|(keyword, _)| is_mark(keyword));
    *schema = marks;
    schema.insert("anyOf".into(), json!([rules, only_null]));
    true
}

#[cfg(test)]
mod tests {
    use super::allow_null;
    use serde_json::{Value, json};

    fn with_null(mut schema: Value) -> (Value, bool) {
        let changed = allow_null(schema.as_object_mut().expect("an object"));
        (schema, changed)
    }

    #[test]
    fn null_joins_types_enums_and_references() {
        for (before, after) in [
            (json!({"type": "string"}), json!({"type": ["string", "null"]})),
            (json!({"type": ["string", "integer"]}), json!({"type": ["string", "integer", "null"]})),
            (json!({"type": "string", "enum": ["a"]}), json!({"type": ["string", "null"], "enum": ["a", null]})),
            (
                json!({"$ref": "#/$defs/A", "x-secret": true}),
                json!({"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}], "x-secret": true}),
            ),
        ] {
            assert_eq!(with_null(before), (after.clone(), true));
            assert_eq!(with_null(after.clone()), (after, false), "once is enough");
        }
        assert_eq!(with_null(json!({})), (json!({}), false), "what says nothing takes null already");
        assert_eq!(with_null(json!({"type": "null"})), (json!({"type": "null"}), false));
    }
}
