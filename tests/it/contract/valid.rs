//! Bodies that a schema of the contract takes, generated from it.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Which of the fields that may be left out are there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Optional {
    Some,
    All,
}

/// Values that `schema` takes; `root` is what it refers into.
pub(super) fn valid(schema: &Value, root: &Value, optional: Optional) -> BoxedStrategy<Value> {
    let schema = resolved(schema, root);
    if let Some(branches) = ["anyOf", "oneOf"].iter().find_map(|keyword| schema.get(keyword)?.as_array().cloned()) {
        let mut base = schema;
        base.as_object_mut().unwrap().retain(|keyword, _| keyword != "anyOf" && keyword != "oneOf");
        let merged = branches.iter().map(|branch| valid(&merge(base.clone(), branch, root), root, optional));
        return proptest::strategy::Union::new(merged.collect::<Vec<_>>()).boxed();
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return select(choices.clone()).boxed();
    }
    let types = match &schema["type"] {
        Value::String(name) => vec![name.clone()],
        Value::Array(names) => names.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
        _ => return anything(),
    };
    let root = root.clone();
    select(types).prop_flat_map(move |name| of_type(&name, &schema, &root, optional)).boxed()
}

/// `schema` with what it refers to or is composed of put into it.
pub(super) fn resolved(schema: &Value, root: &Value) -> Value {
    let mut whole = schema.clone();
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        whole.as_object_mut().unwrap().remove("$ref");
        whole = merge(whole, root.pointer(target.trim_start_matches('#')).expect("a definition"), root);
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        whole.as_object_mut().unwrap().remove("allOf");
        whole = merge(whole, part, root);
    }
    whole
}

fn merge(mut whole: Value, part: &Value, root: &Value) -> Value {
    let object = whole.as_object_mut().unwrap();
    for (keyword, value) in resolved(part, root).as_object().unwrap() {
        match (object.get_mut(keyword), value) {
            (Some(Value::Object(known)), Value::Object(more)) => known.extend(more.clone()),
            (Some(Value::Array(known)), Value::Array(more)) if keyword == "required" => known.extend(more.clone()),
            _ => drop(object.insert(keyword.clone(), value.clone())),
        }
    }
    whole
}

fn of_type(name: &str, schema: &Value, root: &Value, optional: Optional) -> BoxedStrategy<Value> {
    match name {
        "null" => Just(Value::Null).boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => integer(schema).prop_map(Value::from).boxed(),
        "number" => integer(schema).prop_map(|number| json!(f64::from(i32::try_from(number).unwrap()) + 0.5)).boxed(),
        "string" => text(schema),
        "array" => list(schema, root, optional),
        "object" => object(schema, root, optional),
        other => panic!("no such type: {other}"),
    }
}

fn integer(schema: &Value) -> BoxedStrategy<i64> {
    let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_i64);
    let least = limit("minimum").or(limit("exclusiveMinimum").map(|limit| limit + 1)).unwrap_or(-3);
    let most = limit("maximum").or(limit("exclusiveMaximum").map(|limit| limit - 1)).unwrap_or(least + 1_000);
    (least..=most.min(least + 1_000)).boxed()
}

fn text(schema: &Value) -> BoxedStrategy<Value> {
    let limit =
        |keyword: &str| schema.get(keyword).and_then(Value::as_u64).map(|limit| usize::try_from(limit).unwrap());
    let least = limit("minLength").unwrap_or(0);
    let most = limit("maxLength").unwrap_or(least + 12).min(least + 12);
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        // letters that every dialect of regular expressions puts into the same class
        let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
        let pattern = pattern.replace(r"\w", "[A-Za-z0-9_]").replace(r"\S", "[!-~]").replace(".*", "[ -~]*");
        let fits = move |text: &String| (least..=most.max(64)).contains(&text.chars().count());
        let texts = proptest::string::string_regex(&pattern).expect("a pattern that can be generated");
        return texts.prop_filter("of the right length", fits).prop_map(Value::from).boxed();
    }
    match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => Just(json!("2026-05-12T07:15:20.902Z")).boxed(),
        Some("email") => Just(json!("ada@example.com")).boxed(),
        Some("uri") => Just(json!("https://example.com/a?b=c")).boxed(),
        Some(other) => panic!("teach this test the format {other}"),
        None => vec(any::<char>(), least..=most).prop_map(|letters| json!(letters.iter().collect::<String>())).boxed(),
    }
}

fn list(schema: &Value, root: &Value, optional: Optional) -> BoxedStrategy<Value> {
    let limit =
        |keyword: &str| schema.get(keyword).and_then(Value::as_u64).map(|limit| usize::try_from(limit).unwrap());
    let least = limit("minItems").unwrap_or(0).max(usize::from(optional == Optional::All));
    let most = limit("maxItems").unwrap_or(least + 2).min(least + 2);
    let items = valid(schema.get("items").unwrap_or(&json!({})), root, optional);
    let is_set = schema.get("uniqueItems") == Some(&json!(true));
    let lists = vec(items, least..=most).prop_map(move |mut items| {
        let mut seen = Vec::new();
        items.retain(|item| {
            !is_set
                || !seen.contains(item) && {
                    seen.push(item.clone());
                    true
                }
        });
        items
    });
    lists.prop_filter("long enough", move |items| items.len() >= least).prop_map(Value::from).boxed()
}

fn object(schema: &Value, root: &Value, optional: Optional) -> BoxedStrategy<Value> {
    let no_fields = Map::new();
    let fields = schema.get("properties").and_then(Value::as_object).unwrap_or(&no_fields);
    let is_required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|it| it == name));
    let members = fields.iter().map(|(name, field)| {
        let (name, value) = (name.clone(), valid(field, root, optional));
        let is_there =
            if optional == Optional::All || is_required(&name) { Just(true).boxed() } else { any::<bool>().boxed() };
        (is_there, value).prop_map(move |(is_there, value)| is_there.then(|| (name.clone(), value)))
    });
    let members: Vec<_> = members.collect();
    let more = match schema.get("additionalProperties") {
        Some(Value::Bool(false)) => Just(BTreeMap::default()).boxed(),
        Some(others) => btree_map("[a-z]{3}", valid(others, root, optional), 1..3).boxed(),
        None if fields.is_empty() => btree_map("[a-zA-Z_\u{17f}]{1,5}", anything(), 0..3).boxed(),
        None => Just(BTreeMap::default()).boxed(),
    };
    (members, more).prop_map(|(members, more)| members.into_iter().flatten().chain(more).collect()).boxed()
}

/// Any JSON, such as metadata holds.
fn anything() -> BoxedStrategy<Value> {
    let simple = select(vec![json!(null), json!(true), json!(-1.5e3), json!("text"), json!([]), json!({})]).boxed();
    let nested = btree_map("[a-zA-Z]{1,4}", simple.clone(), 0..3).prop_map(|members| json!(members));
    prop_oneof![simple, nested].boxed()
}
