//! Turns errors of the JSON Schema validator into messages in the terms of the file.

use super::pointer::{escape, field};
use super::source::Source;
use super::yaml_habits::{foreign_key_help, json_schema_help, shorthand_help};
use crate::diagnostic::Diagnostic;
use crate::suggest::nearest;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

/// The diagnostics for `error`, each at its place.
pub(super) fn diagnostics(error: &ValidationError<'_>, schema: &Value, source: &Source) -> Vec<Diagnostic> {
    let pointer = error.instance_path().as_str();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let known = known_keys(error, schema);
            unexpected.iter().map(|key| unknown_key(source, pointer, key, &known)).collect()
        }
        Kind::Required { property } => {
            // the place is the parent, because the missing key has none
            let key = format!("{pointer}/{}", escape(property.as_str().unwrap_or_default()));
            vec![source.at_key(pointer, format!("missing key {}", field(&key)))]
        }
        Kind::Enum { .. } | Kind::Constant { .. } => vec![not_a_choice(error, &choices(error), source)],
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => alternatives(error, context, schema, source),
        Kind::PropertyNames { error: inner } => {
            let key = inner.instance().as_str().unwrap_or_default();
            let known: Vec<_> = choices(inner).iter().filter_map(|choice| choice.as_str().map(str::to_owned)).collect();
            vec![unknown_key(source, pointer, key, &known)]
        }
        kind => {
            let diagnostic = source.at(pointer, format!("{} {}", field(pointer), demand(kind, error)));
            let examples = examples(error, schema);
            if let (Kind::Type { .. }, Some(help)) = (kind, shorthand_help(pointer, error.instance())) {
                return vec![diagnostic.with_help(help)];
            }
            if let (Kind::Type { .. }, Some(help)) = (kind, json_schema_help(pointer, error.instance())) {
                return vec![diagnostic.with_help(help)];
            }
            vec![match (missing_list(kind, error.instance()), examples.is_empty()) {
                (_, false) => diagnostic.with_help(format!("such as {examples}")),
                (Some(help), true) => diagnostic.with_help(help),
                (None, true) => diagnostic,
            }]
        }
    }
}

/// The requirement of a keyword that concerns one value.
fn demand(kind: &Kind, error: &ValidationError<'_>) -> String {
    match kind {
        Kind::Type { kind } => {
            let wanted = either(&types(kind));
            // "must be a whole number, found a number" would be no help
            let is_number = error.instance().is_number() && wanted == type_name(JsonType::Integer);
            let found = if is_number { "a fraction" } else { instance_type(error.instance()) };
            format!("must be {wanted}, found {found}")
        }
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MinLength { limit: 1 } | Kind::MinItems { limit: 1 } | Kind::MinProperties { limit: 1 } => {
            "must not be empty".to_owned()
        }
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MinItems { limit } | Kind::MinProperties { limit } => format!("must have at least {limit} entries"),
        Kind::MaxItems { limit } | Kind::MaxProperties { limit } => format!("must have at most {limit} entries"),
        Kind::UniqueItems => "must not have the same entry twice".to_owned(),
        Kind::Pattern { pattern } => format!("must match the pattern `{pattern}`"),
        _ => format!("breaks the rule `{}` of its schema", kind.keyword()),
    }
}

/// The help if a list is written as a map or as text.
fn missing_list(kind: &Kind, instance: &Value) -> Option<&'static str> {
    let Kind::Type { kind } = kind else { return None };
    match (types(kind).contains(&"a list"), instance) {
        (true, Value::Object(_)) => Some("begin each entry with `- `"),
        (true, Value::String(_)) => Some("put it in brackets, as in `[one, two]`"),
        _ => None,
    }
}

fn unknown_key(source: &Source, pointer: &str, key: &str, known: &[String]) -> Diagnostic {
    let place = format!("{pointer}/{}", escape(key));
    let within = if pointer.is_empty() { String::new() } else { format!(" in {}", field(pointer)) };
    let diagnostic = source.at_key(&place, format!("unknown key `{}`{within}", key.escape_debug()));
    // before similar names: a key of Kubernetes can resemble another key of ours
    if let Some(help) = foreign_key_help(pointer, key).filter(|_| !known.is_empty()) {
        return diagnostic.with_help(help);
    }
    match (nearest(key, known.iter().map(String::as_str)), known.is_empty()) {
        (Some(meant), _) => diagnostic.with_help(format!("did you mean `{meant}`?")),
        (None, false) => diagnostic.with_help(match known {
            [only] => format!("the only key here is `{only}`"),
            several => format!("the keys here are {}", quote_list(several, "and")),
        }),
        (None, true) => diagnostic,
    }
}

fn not_a_choice(error: &ValidationError<'_>, choices: &[Value], source: &Source) -> Diagnostic {
    let pointer = error.instance_path().as_str();
    let words: Vec<_> =
        choices.iter().map(|choice| choice.as_str().map_or(choice.to_string(), str::to_owned)).collect();
    let one_of = if words.len() > 1 { "one of " } else { "" };
    let diagnostic = source.at(pointer, format!("{} must be {one_of}{}", field(pointer), quote_list(&words, "or")));
    let written = error.instance().as_str();
    // a test in a file of policies: a valid kind, but in the wrong file
    if pointer == "/kind" && written == Some("PolicyTest") {
        return diagnostic.with_help("tests are in `NAME.test.yaml`, beside the `NAME.yaml` that they test");
    }
    if let Some(help) = json_schema_help(pointer, error.instance()) {
        return diagnostic.with_help(help);
    }
    match written.and_then(|written| nearest(written, words.iter().map(String::as_str))) {
        Some(meant) if words.len() > 1 => diagnostic.with_help(format!("did you mean `{meant}`?")),
        _ => match shorthand_help(pointer, error.instance()) {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        },
    }
}

/// The diagnostics if none of several alternatives matches: those of the alternative that was probably meant.
fn alternatives(
    error: &ValidationError<'_>,
    branches: &[Vec<ValidationError<'static>>],
    schema: &Value,
    source: &Source,
) -> Vec<Diagnostic> {
    let pointer = error.instance_path();
    let wrong_type = |branch: &Vec<ValidationError<'static>>| types_in_place(branch, pointer.as_str());
    // the alternative with the type of the value was meant; the plain error would be "matches none of them"
    let fitting: Vec<_> = branches.iter().filter(|branch| wrong_type(branch).is_none()).collect();
    let candidates = if fitting.is_empty() { branches.iter().collect() } else { fitting.clone() };
    let mut choices: Vec<Value> = Vec::new();
    for choice in candidates.into_iter().flatten().flat_map(self::choices) {
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    if !choices.is_empty() {
        return vec![not_a_choice(error, &choices, source)];
    }
    if fitting.is_empty() {
        let wanted: Vec<_> = branches.iter().filter_map(wrong_type).flatten().collect();
        let message = format!(
            "{} must be {}, found {}",
            field(pointer.as_str()),
            either(&wanted),
            instance_type(error.instance())
        );
        let diagnostic = source.at(pointer.as_str(), message);
        let (pointer, written) = (pointer.as_str(), error.instance());
        let help = json_schema_help(pointer, written).map(str::to_owned).or_else(|| shorthand_help(pointer, written));
        return vec![match help {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        }];
    }
    // of several alternatives with the right type, the one with the fewest errors is the most likely one
    let nearest = fitting.into_iter().min_by_key(|branch| branch.len());
    nearest.into_iter().flatten().flat_map(|error| diagnostics(error, schema, source)).collect()
}

/// The types that `branch` demands in place of the type of the value at `pointer`; `None` if that type is right.
fn types_in_place(branch: &[ValidationError<'static>], pointer: &str) -> Option<Vec<&'static str>> {
    let in_place = branch.iter().filter(|error| error.instance_path().as_str() == pointer);
    in_place.into_iter().find_map(|error| match error.kind() {
        Kind::Type { kind } => Some(types(kind)),
        // a choice of words is a list of alternatives, too: it is meant only if one of them has the type
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            let wanted = context.iter().map(|branch| types_in_place(branch, pointer)).collect::<Option<Vec<_>>>()?;
            let mut wanted = wanted.concat();
            wanted.dedup();
            Some(wanted)
        }
        _ => None,
    })
}

fn choices(error: &ValidationError<'_>) -> Vec<Value> {
    match error.kind() {
        Kind::Enum { options } => options.as_array().cloned().unwrap_or_default(),
        Kind::Constant { expected_value } => vec![expected_value.as_ref().clone()],
        _ => Vec::new(),
    }
}

/// The `examples` in the schema that has the failed keyword.
fn examples(error: &ValidationError<'_>, schema: &Value) -> String {
    let examples = around(error, schema).and_then(|around| around.get("examples")).and_then(Value::as_array);
    let words: Vec<_> =
        examples.into_iter().flatten().map(|it| it.as_str().map_or(it.to_string(), str::to_owned)).collect();
    quote_list(&words, "or")
}

/// The schema that has the failed keyword.
fn around<'a>(error: &ValidationError<'_>, schema: &'a Value) -> Option<&'a Value> {
    error.schema_path().as_str().rsplit_once('/').and_then(|(around, _)| schema.pointer(around))
}

/// The keys that the object schema around `additionalProperties: false` declares.
fn known_keys(error: &ValidationError<'_>, schema: &Value) -> Vec<String> {
    let properties = around(error, schema).and_then(|around| around.get("properties")).and_then(Value::as_object);
    properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}

fn types(kind: &TypeKind) -> Vec<&'static str> {
    let all: Vec<_> = match kind {
        TypeKind::Single(one) => vec![*one],
        TypeKind::Multiple(several) => several.iter().collect(),
    };
    all.into_iter().map(type_name).collect()
}

fn type_name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Null => "empty",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::String => "text",
        JsonType::Array => "a list",
        JsonType::Object => "a map",
    }
}

fn instance_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// The types, as a choice.
fn either(names: &[&'static str]) -> String {
    // the schema of an optional key also allows null, which no message should recommend
    let values: Vec<_> = names.iter().copied().filter(|name| *name != "empty").collect();
    if values.is_empty() { "empty".to_owned() } else { values.join(" or ") }
}

fn quote_list(words: &[String], joint: &str) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {joint} {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
