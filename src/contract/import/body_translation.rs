//! Body schemas: from OpenAPI's dialects of JSON Schema to 2020-12.
//!
//! An object that lists its fields without `additionalProperties` is closed, so that the gateway's `unknownFields` decides about
//! other fields and not an omission in the spec. Members of `allOf`, `anyOf`, `oneOf` and `not` are not closed: a field that one
//! of them does not list may be in another.

use super::keyword::{self, KeywordKind};
use super::spec::{OpenApiSpec, below};
use crate::contract::contract_file::Definitions;
use crate::contract::nullable::allow_null;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The JSON Pointer of the shared schemas in a spec.
const SHARED: &str = "/components/schemas";

/// Whether a schema is the only one for its value, or one of several (`allOf` and so on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Alone,
    Part,
}

/// The shared schemas that bodies refer to.
#[derive(Default)]
pub(super) struct Schemas {
    // `Part` overrides `Alone`: a schema that any part refers to must not be closed
    wanted: BTreeMap<String, Role>,
}

impl Schemas {
    /// The translated schema of a body at `place`, as text.
    pub(super) fn body(&mut self, spec: &mut OpenApiSpec<'_>, place: &str, schema: &Value) -> Option<Box<RawValue>> {
        let schema = self.translate(spec, place, schema, Role::Alone);
        to_raw_value(&schema).ok()
    }

    /// The translations of all shared schemas that bodies refer to, directly or through others.
    pub(super) fn definitions(mut self, spec: &mut OpenApiSpec<'_>) -> Definitions {
        // a translation can add references, and make a part of a schema that is already translated: repeat until nothing is open
        let mut done: BTreeMap<String, (Role, Value)> = BTreeMap::new();
        loop {
            let is_open = |name: &String, role: Role| done.get(name).is_none_or(|(done, _)| *done != role);
            let next = self.wanted.iter().find(|(name, role)| is_open(name, **role));
            let Some((name, role)) = next.map(|(name, role)| (name.clone(), *role)) else { break };
            let place = below(SHARED, &name);
            let schema = spec.get(&place).map(|schema| self.translate(spec, &place, schema, role));
            done.insert(name, (role, schema.unwrap_or_default()));
        }
        let texts = done.into_iter().filter_map(|(name, (_, schema))| Some((name.into(), to_raw_value(&schema).ok()?)));
        texts.collect()
    }

    fn translate(&mut self, spec: &mut OpenApiSpec<'_>, place: &str, schema: &Value, role: Role) -> Value {
        let schema = match schema {
            Value::Object(schema) => schema,
            Value::Bool(_) => return schema.clone(),
            _ => {
                spec.refuse(place, "a schema must be a map");
                return Value::Null;
            }
        };
        let mut translated = Map::new();
        // in 3.0, keywords beside a `$ref` are ignored; in 3.1 they apply
        let is_alone = schema.contains_key("$ref") && spec.is_3_0();
        for (name, value) in schema.iter().filter(|(name, _)| !is_alone || *name == "$ref") {
            self.keyword(spec, &below(place, name), (name, value), role, &mut translated);
        }
        exclusive_bounds(spec, place, schema, &mut translated);
        optional_when_read_only(schema, &mut translated);
        let is_secret = keyword::is_secret(schema);
        if is_secret {
            translated.insert("x-secret".into(), Value::Bool(true));
        }
        if role == Role::Alone && lists_all_its_fields(schema) {
            translated.insert("additionalProperties".into(), Value::Bool(false));
        }
        if schema.get("nullable") == Some(&Value::Bool(true)) {
            allow_null(&mut translated);
        }
        Value::Object(translated)
    }

    /// Translates the one keyword at `place`.
    fn keyword(
        &mut self,
        spec: &mut OpenApiSpec<'_>,
        place: &str,
        (name, value): (&str, &Value),
        role: Role,
        translated: &mut Map<String, Value>,
    ) {
        let kept = match keyword::kind(name) {
            KeywordKind::Note => None,
            KeywordKind::Rule(check) => check(value).unwrap_or_else(|message| {
                spec.refuse(place, format!("`{name}` {message}"));
                None
            }),
            KeywordKind::Reference => self.reference(spec, place, value, role),
            KeywordKind::Schema if name == "additionalProperties" && *value == Value::Bool(true) => None,
            KeywordKind::Schema => {
                // closing a negated schema would reject more instead of less
                let role = if name == "not" { Role::Part } else { role };
                Some(self.translate(spec, place, value, role))
            }
            KeywordKind::Parts => self.parts(spec, place, value),
            KeywordKind::Fields => self.fields(spec, place, value, role),
            KeywordKind::Unknown => {
                spec.refuse(place, format!("`{}` of a schema is not translated", name.escape_debug()));
                None
            }
        };
        translated.extend(kept.map(|value| (name.to_owned(), value)));
    }

    fn parts(&mut self, spec: &mut OpenApiSpec<'_>, place: &str, value: &Value) -> Option<Value> {
        let Some(parts) = value.as_array().filter(|parts| !parts.is_empty()) else {
            spec.refuse(place, "alternatives and parts must be a list of schemas");
            return None;
        };
        let parts = parts.iter().enumerate();
        Some(parts.map(|(at, part)| self.translate(spec, &below(place, &at.to_string()), part, Role::Part)).collect())
    }

    fn fields(&mut self, spec: &mut OpenApiSpec<'_>, place: &str, value: &Value, role: Role) -> Option<Value> {
        let Some(fields) = value.as_object() else {
            spec.refuse(place, "`properties` must be a map of schemas");
            return None;
        };
        let fields = fields.iter();
        let translated =
            fields.map(|(name, field)| (name.clone(), self.translate(spec, &below(place, name), field, role)));
        Some(Value::Object(translated.collect()))
    }

    fn reference(&mut self, spec: &mut OpenApiSpec<'_>, place: &str, value: &Value, role: Role) -> Option<Value> {
        let target = value.as_str().and_then(|target| target.strip_prefix('#'));
        let name = target.and_then(|target| target.strip_prefix(SHARED)?.strip_prefix('/'));
        // other targets are valid in OpenAPI, but a contract file has shared schemas in `$defs` only
        let is_schema = |name: &&str| !name.contains(['/', '~', '%']) && spec.get(&below(SHARED, name)).is_some();
        let Some(name) = name.filter(is_schema) else {
            spec.refuse(place, format!("`$ref` must lead to a schema in `#{SHARED}/`"));
            return None;
        };
        let wanted = self.wanted.entry(name.to_owned()).or_insert(role);
        if role == Role::Part {
            *wanted = Role::Part;
        }
        Some(json!(format!("#/$defs/{name}")))
    }
}

/// Translates `exclusiveMinimum: true` of 3.0, which excludes `minimum` itself; in 2020-12 the keyword has the number.
fn exclusive_bounds(
    spec: &mut OpenApiSpec<'_>,
    place: &str,
    schema: &Map<String, Value>,
    translated: &mut Map<String, Value>,
) {
    for (exclusive, inclusive) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match (schema.get(exclusive), translated.remove(inclusive)) {
            (Some(Value::Bool(true)), Some(limit)) => {
                translated.insert(exclusive.to_owned(), limit);
            }
            (Some(Value::Bool(true)), None) => {
                spec.refuse(&below(place, exclusive), format!("`{exclusive}: true` needs a `{inclusive}`"));
            }
            (Some(Value::Bool(false)), limit) => {
                translated.remove(exclusive);
                translated.extend(limit.map(|limit| (inclusive.to_owned(), limit)));
            }
            (_, limit) => translated.extend(limit.map(|limit| (inclusive.to_owned(), limit))),
        }
    }
}

/// Makes `readOnly` fields optional: their `required` applies to responses only (OpenAPI 3.0.3, "Schema Object").
fn optional_when_read_only(schema: &Map<String, Value>, translated: &mut Map<String, Value>) {
    let Some(Value::Array(required)) = translated.get_mut("required") else { return };
    let field = |name: &Value| schema.get("properties")?.get(name.as_str()?);
    required.retain(|name| field(name).and_then(|field| field.get("readOnly")) != Some(&Value::Bool(true)));
    if required.is_empty() {
        translated.remove("required");
    }
}

fn lists_all_its_fields(schema: &Map<String, Value>) -> bool {
    let others = ["additionalProperties", "allOf", "anyOf", "oneOf", "not", "$ref"];
    schema.contains_key("properties") && !others.iter().any(|keyword| schema.contains_key(*keyword))
}
