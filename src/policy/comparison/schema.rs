//! Compares two JSON Schemas by structure: whether one accepts a value that the other does not.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Whether the new schema may accept more, and whether it may accept less. `false` is proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SchemaChange {
    pub(super) accepts_more: bool,
    pub(super) accepts_less: bool,
}

/// Keywords whose value bounds from below: a larger one accepts less.
const LEAST: [&str; 5] = ["minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum"];
/// Keywords whose value bounds from above: a smaller one accepts less.
const MOST: [&str; 5] = ["maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"];
/// Keywords that constrain by themselves, whatever is beside them.
const ALONE: [&str; 13] = [
    "type",
    "enum",
    "const",
    "pattern",
    "format",
    "required",
    "propertyNames",
    "not",
    "uniqueItems",
    "allOf",
    "anyOf",
    "oneOf",
    "multipleOf",
];
/// Keywords that constrain nothing.
const NOTES: [&str; 7] = ["title", "description", "$comment", "examples", "default", "$id", "$schema"];

impl SchemaChange {
    const ANY: Self = Self { accepts_more: true, accepts_less: true };
    const MORE: Self = Self { accepts_more: true, accepts_less: false };
    const LESS: Self = Self { accepts_more: false, accepts_less: true };

    /// From `old` to `new`.
    pub(super) fn of_schemas(old: &Value, new: &Value) -> Self {
        // what these apply to depends on every keyword around them
        let has_unevaluated = [old, new].iter().any(|schema| schema.to_string().contains("unevaluated"));
        if has_unevaluated { Self::ANY } else { Self::of(old, new) }
    }

    fn of(old: &Value, new: &Value) -> Self {
        match (old, new) {
            _ if old == new => Self::default(),
            (Value::Bool(true), _) | (_, Value::Bool(false)) => Self::LESS,
            (_, Value::Bool(true)) | (Value::Bool(false), _) => Self::MORE,
            (Value::Object(old), Value::Object(new)) => Self::of_keywords(old, new),
            _ => Self::ANY,
        }
    }

    fn of_keywords(old: &Map<String, Value>, new: &Map<String, Value>) -> Self {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let changes = names.into_iter().filter(|name| !NOTES.contains(&name.as_str())).map(|name| {
            match (old.get(name), new.get(name)) {
                (Some(before), Some(now)) if before == now => Self::default(),
                (Some(before), Some(now)) => {
                    Self::of_keyword(name, before, now, old == &without_but(new, name, before))
                }
                (Some(_), None) if is_alone(name) => Self::MORE,
                (None, Some(_)) if is_alone(name) => Self::LESS,
                _ => Self::ANY,
            }
        });
        changes.fold(Self::default(), Self::or)
    }

    /// `is_only` if nothing beside it has changed.
    fn of_keyword(name: &str, old: &Value, new: &Value, is_only: bool) -> Self {
        let number = |value: &Value| value.as_f64();
        match (name, old, new) {
            (name, ..) if LEAST.contains(&name) || MOST.contains(&name) => {
                let larger_is_more = MOST.contains(&name);
                match (number(old), number(new)) {
                    (Some(old), Some(new)) if (new > old) == larger_is_more => Self::MORE,
                    // equal ones may differ in digits that a `double` does not hold
                    (Some(old), Some(new)) if new.total_cmp(&old).is_ne() => Self::LESS,
                    _ => Self::ANY,
                }
            }
            ("enum", Value::Array(old), Value::Array(new)) => Self {
                accepts_more: !new.iter().all(|value| old.contains(value)),
                accepts_less: !old.iter().all(|value| new.contains(value)),
            },
            ("required", Value::Array(old), Value::Array(new)) => Self {
                accepts_more: !old.iter().all(|name| new.contains(name)),
                accepts_less: !new.iter().all(|name| old.contains(name)),
            },
            ("not", ..) => Self::of(old, new).negate(),
            ("propertyNames", ..) => Self::of(old, new),
            // what they apply to depends on the keywords beside them
            ("items" | "additionalProperties", ..) if is_only => Self::of(old, new),
            ("properties", Value::Object(old), Value::Object(new)) if is_only && old.keys().eq(new.keys()) => {
                let members = old.iter().filter_map(|(name, before)| Some(Self::of(before, new.get(name)?)));
                members.fold(Self::default(), Self::or)
            }
            ("allOf" | "anyOf", Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
                old.iter().zip(new).map(|(before, now)| Self::of(before, now)).fold(Self::default(), Self::or)
            }
            ("allOf", Value::Array(old), Value::Array(new)) => Self {
                accepts_more: !old.iter().all(|part| new.contains(part)),
                accepts_less: !new.iter().all(|part| old.contains(part)),
            },
            ("anyOf", Value::Array(old), Value::Array(new)) => Self {
                accepts_more: !new.iter().all(|part| old.contains(part)),
                accepts_less: !old.iter().all(|part| new.contains(part)),
            },
            _ => Self::ANY,
        }
    }

    const fn or(self, other: Self) -> Self {
        Self {
            accepts_more: self.accepts_more || other.accepts_more,
            accepts_less: self.accepts_less || other.accepts_less,
        }
    }

    const fn negate(self) -> Self {
        Self { accepts_more: self.accepts_less, accepts_less: self.accepts_more }
    }
}

fn is_alone(name: &str) -> bool {
    ALONE.contains(&name) || LEAST.contains(&name) || MOST.contains(&name)
}

/// `schema` with another value of `name`.
fn without_but(schema: &Map<String, Value>, name: &str, value: &Value) -> Map<String, Value> {
    let mut schema = schema.clone();
    schema.insert(name.to_owned(), value.clone());
    schema
}

#[cfg(test)]
mod tests {
    use super::SchemaChange;
    use serde_json::json;

    #[test]
    fn a_change_is_followed_to_where_it_is() {
        let (more, less, same) = (SchemaChange::MORE, SchemaChange::LESS, SchemaChange::default());
        for (old, new, expected) in [
            (json!({ "enum": [1, 2] }), json!({ "enum": [2, 1] }), same),
            (json!({ "enum": [1, 2] }), json!({ "enum": [1] }), less),
            (json!({ "not": { "enum": [1, 2] } }), json!({ "not": { "enum": [1] } }), more),
            (json!({ "maxLength": 4 }), json!({ "maxLength": 5 }), more),
            (json!({ "minimum": 4 }), json!({ "minimum": 5 }), less),
            (json!({ "maxLength": 4, "pattern": "a" }), json!({ "maxLength": 4 }), more),
            (json!({ "required": ["a"] }), json!({ "required": ["a", "b"] }), less),
            (
                json!({ "items": { "properties": { "a": { "propertyNames": { "enum": ["x", "y"] } } } } }),
                json!({ "items": { "properties": { "a": { "propertyNames": { "enum": ["x"] } } } } }),
                less,
            ),
            (json!({ "title": "a" }), json!({ "title": "b" }), same),
        ] {
            assert_eq!(SchemaChange::of(&old, &new), expected, "{old} {new}");
        }
        // a property that is no longer named falls under `additionalProperties`
        let (old, new) = (json!({ "properties": { "a": true } }), json!({ "properties": {} }));
        assert_eq!(SchemaChange::of(&old, &new), SchemaChange::ANY);
        let refs = (json!({ "$ref": "#/$defs/a" }), json!({ "$ref": "#/$defs/b" }));
        assert_eq!(SchemaChange::of(&refs.0, &refs.1), SchemaChange::ANY);
    }
}
