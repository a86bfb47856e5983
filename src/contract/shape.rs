//! A schema as a flat list of fields, for display and comparison.

use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

// deeper than any contract nests; it ends schemas that refer to themselves
const DEEPEST: usize = 8;

/// The keywords that constrain a value.
const RULES: [&str; 17] = [
    "const",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "propertyNames",
    "uniqueItems",
];

/// The constraints of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FieldShape {
    /// The types that it may have, without null; empty if it may have any.
    pub types: BTreeSet<String>,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether it must be present.
    pub required: bool,
    /// Whether its value must not be shown.
    pub secret: bool,
    /// Its other constraints, by keyword.
    pub rules: BTreeMap<String, String>,
}

/// Every field of a body, by its JSON Pointer; `*` stands for the items of an array, the empty pointer for the body.
pub type FieldShapes = BTreeMap<String, FieldShape>;

/// The fields of `schema`. A field that several alternatives declare gets the constraints of all of them.
pub fn shapes(schema: &Value) -> FieldShapes {
    let mut reader = ShapeCollector { root: schema, shapes: FieldShapes::new() };
    reader.read(schema, "", 0);
    reader.shapes
}

struct ShapeCollector<'s> {
    root: &'s Value,
    shapes: FieldShapes,
}

impl ShapeCollector<'_> {
    fn read(&mut self, schema: &Value, pointer: &str, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        self.shapes.entry(pointer.to_owned()).or_default().note(schema);
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            self.shapes.entry(member(pointer, name)).or_default().required = true;
        }
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        if let Some(target) = target.and_then(|target| self.root.pointer(target)) {
            self.read(target, pointer, depth + 1);
        }
        for part in ["allOf", "anyOf", "oneOf"].iter().filter_map(|keyword| schema.get(keyword)?.as_array()).flatten() {
            self.read(part, pointer, depth + 1);
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.read(property, &member(pointer, name), depth + 1);
        }
        if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
            self.read(items, &format!("{pointer}/*"), depth + 1);
        }
    }
}

fn member(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

impl FieldShape {
    fn note(&mut self, schema: &Value) {
        self.secret |= schema.get("x-secret").and_then(Value::as_bool).unwrap_or_default();
        let types = match schema.get("type") {
            Some(Value::String(name)) => vec![name.as_str()],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        self.nullable |= types.contains(&"null");
        self.types.extend(types.into_iter().filter(|name| *name != "null").map(str::to_owned));
        for keyword in RULES {
            let Some(value) = schema.get(keyword) else { continue };
            let text = self.rules.entry(keyword.to_owned()).or_default();
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            // alternatives may disagree; readers see both values
            if text.is_empty() {
                *text = value;
            } else if *text != value {
                *text = format!("{text} or {value}");
            }
        }
    }

    /// The types, as text output shows them.
    pub fn types(&self) -> String {
        let mut names: Vec<&str> = self.types.iter().map(String::as_str).collect();
        if names.is_empty() {
            return "anything".to_owned();
        }
        names.extend(self.nullable.then_some("null"));
        names.join(" or ")
    }

    /// The constraints, as text output shows them.
    pub fn bounds(&self) -> String {
        let rules = self.rules.iter().map(|(keyword, value)| format!("{keyword} {value}"));
        self.required.then(|| "required".to_owned()).into_iter().chain(rules).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for FieldShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.types())?;
        let bounds = self.bounds();
        if !bounds.is_empty() {
            write!(f, ", {bounds}")?;
        }
        if self.secret { f.write_str(", secret") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::shapes;
    use serde_json::json;

    #[test]
    fn fields_are_found_wherever_the_schema_declares_them() {
        let schema = json!({
            "$defs": { "Node": { "type": ["object", "null"], "properties": { "next": { "$ref": "#/$defs/Node" } } } },
            "type": "object",
            "required": ["name"],
            "allOf": [{ "properties": { "name": { "type": "string", "maxLength": 8 } } }],
            "properties": {
                "name": { "minLength": 1 },
                "password": { "type": ["string", "null"], "x-secret": true },
                "wallets": { "type": "array", "items": { "anyOf": [{ "type": "string" }, { "type": "integer" }] } },
                "node": { "$ref": "#/$defs/Node" },
            },
        });
        let shapes = shapes(&schema);
        let said = |pointer: &str| shapes.get(pointer).map(ToString::to_string).unwrap_or_default();
        assert_eq!(said(""), "object");
        assert_eq!(said("/name"), "string, required, maxLength 8, minLength 1");
        assert_eq!(said("/password"), "string or null, secret");
        assert_eq!(said("/wallets/*"), "integer or string");
        assert_eq!(said("/node/next"), "object or null");
        assert!(shapes.len() < 16, "a schema that refers to itself ends");
    }
}
