//! Which keywords of a schema are translated, and which values each may have.

use crate::contract::compiled_schema::CompiledSchema;
use serde_json::{Map, Value, json};

/// The value of a keyword in the contract; `None` if it has no effect, an error if its value is not valid.
type KeywordResult = Result<Option<Value>, String>;

/// How a keyword is translated.
pub(super) enum KeywordKind {
    /// It is an annotation, without an effect on what is valid: it is dropped.
    Note,
    /// It constrains a value: the function checks and translates it.
    Rule(fn(&Value) -> KeywordResult),
    /// It refers to a schema elsewhere.
    Reference,
    /// It holds a schema.
    Schema,
    /// It holds a list of schemas about one value.
    Parts,
    /// It holds a schema for each of several names.
    Fields,
    /// It is not supported: the field tree is not read behind it, or no spec has it.
    Unknown,
}

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
/// The formats that are asserted. Any other, such as `int64`, is an annotation (OpenAPI 3.0.3, "Data Types").
const FORMATS: [&str; 15] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "idn-email",
    "ipv4",
    "ipv6",
    "iri",
    "json-pointer",
    "regex",
    "time",
    "uri",
    "uri-reference",
    "uuid",
];

/// How the keyword `name` is translated.
pub(super) fn kind(name: &str) -> KeywordKind {
    match name {
        "title" | "description" | "example" | "examples" | "default" | "deprecated" | "externalDocs" | "xml"
        | "discriminator" | "$comment" | "contentEncoding" | "contentMediaType" | "readOnly" | "writeOnly"
        | "nullable" => KeywordKind::Note,
        "type" => KeywordKind::Rule(types),
        "enum" => KeywordKind::Rule(choices),
        "const" => KeywordKind::Rule(|value| Ok(Some(value.clone()))),
        "minimum" | "maximum" | "multipleOf" => KeywordKind::Rule(number),
        // in 3.0 it is a boolean that modifies the limit beside it: see `exclusive_bounds`
        "exclusiveMinimum" | "exclusiveMaximum" => {
            KeywordKind::Rule(|value| if value.is_boolean() { Ok(None) } else { number(value) })
        }
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
            KeywordKind::Rule(count)
        }
        "uniqueItems" => KeywordKind::Rule(unique),
        "pattern" => KeywordKind::Rule(pattern),
        "format" => KeywordKind::Rule(format),
        "required" => KeywordKind::Rule(names),
        "$ref" => KeywordKind::Reference,
        "items" | "additionalProperties" | "not" | "propertyNames" => KeywordKind::Schema,
        "allOf" | "anyOf" | "oneOf" => KeywordKind::Parts,
        "properties" => KeywordKind::Fields,
        _ if name.starts_with("x-") => KeywordKind::Note,
        _ => KeywordKind::Unknown,
    }
}

/// Whether the spec marks the value as secret.
pub(super) fn is_secret(schema: &Map<String, Value>) -> bool {
    let is = |keyword: &str, value: Value| schema.get(keyword) == Some(&value);
    is("format", json!("password")) || is("writeOnly", json!(true)) || is("x-secret", json!(true))
}

fn types(value: &Value) -> KeywordResult {
    let is_type = |name: &Value| name.as_str().is_some_and(|name| TYPES.contains(&name));
    let is_valid = match value {
        Value::Array(names) => !names.is_empty() && names.iter().all(is_type),
        name => is_type(name),
    };
    valid(value, is_valid, &format!("must be one of {}, or a list of them", TYPES.join(", ")))
}

fn choices(value: &Value) -> KeywordResult {
    valid(value, value.as_array().is_some_and(|values| !values.is_empty()), "must be a list of values")
}

fn number(value: &Value) -> KeywordResult {
    valid(value, value.is_number(), "must be a number")
}

fn count(value: &Value) -> KeywordResult {
    valid(value, value.is_u64(), "must be a whole number from 0")
}

fn unique(value: &Value) -> KeywordResult {
    let value = valid(value, value.is_boolean(), "must be true or false")?;
    Ok(value.filter(|value| *value == Value::Bool(true)))
}

// patterns run on bodies of requests, so only those that match in linear time are accepted
fn pattern(value: &Value) -> KeywordResult {
    let compiles = value.is_string() && CompiledSchema::compile(&json!({ "pattern": value })).is_ok();
    valid(value, compiles, "must be a regular expression without look-around and back-references")
}

fn format(value: &Value) -> KeywordResult {
    let format = valid(value, value.is_string(), "must be text")?;
    Ok(format.filter(|format| format.as_str().is_some_and(|name| FORMATS.contains(&name))))
}

fn names(value: &Value) -> KeywordResult {
    let names: Option<Vec<&str>> = value.as_array().and_then(|names| names.iter().map(Value::as_str).collect());
    let mut names = names.ok_or("must be a list of names")?;
    // the same spec must give the same bytes, in whatever order it lists names
    names.sort_unstable();
    names.dedup();
    Ok((!names.is_empty()).then(|| json!(names)))
}

fn valid(value: &Value, is_valid: bool, must: &str) -> KeywordResult {
    if is_valid { Ok(Some(value.clone())) } else { Err(must.to_owned()) }
}
