//! Schemas that check nothing, and those that nothing fits, as far as that is written out.

use serde_json::Value;

/// Keywords that say something to people only.
const NOTES: [&str; 7] = ["$comment", "$defs", "default", "deprecated", "description", "examples", "title"];

/// Least and most of the same.
const BOUNDS: [(&str, &str); 6] = [
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
    ("minContains", "maxContains"),
];

/// Keywords that say nothing without another.
const COMPANIONS: [(&str, &str); 4] =
    [("then", "if"), ("else", "if"), ("minContains", "contains"), ("maxContains", "contains")];

/// A keyword of a schema (the schema itself where it is empty), what is wrong with it, and the cure.
pub(super) type TrivialKeyword = (String, String, &'static str);

/// What in `schema` checks nothing, or lets nothing fit. What is in its parts is told of those.
pub(super) fn find(schema: &Value, root: &Value, is_whole: bool) -> Vec<TrivialKeyword> {
    let mut found = Vec::new();
    if is_whole && checks_nothing(schema) {
        found.push((String::new(), "the schema checks nothing".to_owned(), "say what must be, or remove it"));
    }
    let has = |keyword: &str| schema.get(keyword).is_some();
    // what is named anywhere is then not among the others
    if !root.to_string().contains("\"unevaluatedProperties\"") {
        found.extend(fields(schema));
    }
    if schema.get("enum").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        found.push(("enum".to_owned(), "`enum` is empty, so that nothing fits".to_owned(), "list what fits"));
    }
    if schema.get("not").is_some_and(checks_nothing) {
        let message = "everything fits what `not` holds, so that nothing fits the whole".to_owned();
        found.push(("not".to_owned(), message, "say what must not be"));
    }
    for (least, most) in BOUNDS {
        let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
        if bound(least).zip(bound(most)).is_some_and(|(least, most)| least > most) {
            let message = format!("`{least}` is more than `{most}`, so that nothing fits");
            found.push((least.to_owned(), message, "exchange the two"));
        }
    }
    for (keyword, other) in COMPANIONS.into_iter().filter(|(keyword, other)| has(keyword) && !has(other)) {
        let message = format!("`{keyword}` says nothing without `{other}`");
        found.push((keyword.to_owned(), message, "add the other, or remove it"));
    }
    if has("if") && !has("then") && !has("else") {
        let message = "`if` says nothing without `then` or `else`".to_owned();
        found.push(("if".to_owned(), message, "add what follows, or remove it"));
    }
    found
}

/// The fields of which nothing is demanded. Where other fields are excluded, to be named is to be allowed.
fn fields(schema: &Value) -> impl Iterator<Item = TrivialKeyword> {
    let excludes = schema.get("additionalProperties").is_some_and(|others| !checks_nothing(others));
    let fields = schema.get("properties").and_then(Value::as_object).filter(|_| !excludes);
    let idle = fields.into_iter().flatten().filter(|(_, field)| checks_nothing(field));
    idle.map(|(name, _)| {
        let keyword = format!("properties/{}", name.replace('~', "~0").replace('/', "~1"));
        let message = "this checks nothing of the field".to_owned();
        (keyword, message, "say what it must be; `false` for a field that may not be there")
    })
}

/// Whether everything fits `schema`, as it demands nothing.
fn checks_nothing(schema: &Value) -> bool {
    match schema {
        Value::Bool(value) => *value,
        Value::Object(keywords) => keywords.keys().all(|keyword| NOTES.contains(&keyword.as_str())),
        _ => false,
    }
}
