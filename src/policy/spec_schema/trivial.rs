//! Finds trivial schemas: those that accept every value or none, as far as their keywords show it.

use serde_json::Value;

/// Annotations, which check nothing (JSON Schema Validation, section 9).
const ANNOTATIONS: [&str; 7] = ["$comment", "$defs", "default", "deprecated", "description", "examples", "title"];

/// Lower and upper bounds of the same quantity.
const BOUNDS: [(&str, &str); 6] = [
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
    ("minContains", "maxContains"),
];

/// Keywords that are ignored without another.
const COMPANIONS: [(&str, &str); 4] =
    [("then", "if"), ("else", "if"), ("minContains", "contains"), ("maxContains", "contains")];

/// A keyword of a schema (empty for the schema itself), the message and the help.
pub(super) type TrivialKeyword = (String, String, &'static str);

/// The keywords of `schema` that accept every value or none. Subschemas are not searched: the caller visits each of them.
pub(super) fn find(schema: &Value, root: &Value, is_whole: bool) -> Vec<TrivialKeyword> {
    let mut found = Vec::new();
    if is_whole && checks_nothing(schema) {
        found.push((String::new(), "the schema checks nothing".to_owned(), "add keywords, or remove it"));
    }
    let has = |keyword: &str| schema.get(keyword).is_some();
    // With `unevaluatedProperties`, to name a field is to allow it, so a subschema that accepts every value has a meaning.
    if !root.to_string().contains("\"unevaluatedProperties\"") {
        found.extend(fields(schema));
    }
    if schema.get("enum").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        found.push((
            "enum".to_owned(),
            "`enum` is empty, so that nothing matches".to_owned(),
            "list the accepted values",
        ));
    }
    if schema.get("not").is_some_and(checks_nothing) {
        let message = "every value matches the schema in `not`, so that nothing matches the whole".to_owned();
        found.push(("not".to_owned(), message, "add keywords for what is forbidden"));
    }
    for (least, most) in BOUNDS {
        let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
        // As numbers: JSON Schema allows `1.0` for a length.
        if bound(least).zip(bound(most)).is_some_and(|(least, most)| least > most) {
            let message = format!("`{least}` is more than `{most}`, so that nothing matches");
            found.push((least.to_owned(), message, "swap the two"));
        }
    }
    for (keyword, other) in COMPANIONS.into_iter().filter(|(keyword, other)| has(keyword) && !has(other)) {
        let message = format!("`{keyword}` has no effect without `{other}`");
        found.push((keyword.to_owned(), message, "add the other, or remove it"));
    }
    if has("if") && !has("then") && !has("else") {
        let message = "`if` has no effect without `then` or `else`".to_owned();
        found.push(("if".to_owned(), message, "add one of them, or remove it"));
    }
    found
}

/// The fields whose subschema accepts every value. None if other fields are excluded: then to name a field is to allow it.
fn fields(schema: &Value) -> impl Iterator<Item = TrivialKeyword> {
    let excludes = schema.get("additionalProperties").is_some_and(|others| !checks_nothing(others));
    let fields = schema.get("properties").and_then(Value::as_object).filter(|_| !excludes);
    let trivial = fields.into_iter().flatten().filter(|(_, field)| checks_nothing(field));
    trivial.map(|(name, _)| {
        let keyword = format!("properties/{}", name.replace('~', "~0").replace('/', "~1"));
        let message = "this checks nothing of the field".to_owned();
        (keyword, message, "add keywords, or write `false` for a field that must be absent")
    })
}

/// Whether every value matches `schema`, because it has annotations only.
fn checks_nothing(schema: &Value) -> bool {
    match schema {
        Value::Bool(value) => *value,
        Value::Object(keywords) => keywords.keys().all(|keyword| ANNOTATIONS.contains(&keyword.as_str())),
        _ => false,
    }
}
