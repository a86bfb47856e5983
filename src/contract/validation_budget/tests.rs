//! The worst bodies of 256 KiB for each keyword: the work is counted, since a clock would depend on the machine.

use super::{FEWEST_STEPS, MOST_ERRORS};
use crate::contract::compiled_schema::CompiledSchema;
use crate::contract::schema_bounds;
use crate::contract::schema_mismatch::SchemaMismatch;
use crate::document::Document;
use serde_json::{Value, json};

const LARGE: usize = 256 * 1024;
/// Most looks and errors after the budget is spent: those of the schemas under way.
const MOST_OVERRUN: usize = 1_000;

/// A list of as many `item` as fit.
fn list(item: &str) -> String {
    let count = LARGE / (item.len() + 1) - 1;
    format!("[{}]", vec![item; count].join(","))
}

/// An object of as many different members with `value` as fit.
fn object(value: &str) -> String {
    let members: Vec<_> = (0..LARGE / (value.len() + 12)).map(|at| format!(r#""n{at:06}":{value}"#)).collect();
    format!("{{{}}}", members.join(","))
}

/// A list in a list, and so on, of `levels`.
fn nested(levels: usize) -> String {
    format!("{}{}", r#"{"a":"#.repeat(levels), "1".to_owned() + &"}".repeat(levels))
}

/// Validates `body`; returns what does not match, and fails if the work exceeds the budget.
fn validate(schema: &Value, body: &str) -> Vec<SchemaMismatch> {
    assert_eq!(schema_bounds::check(schema), Ok(()), "{schema}");
    let compiled = CompiledSchema::compile(schema).expect("a schema");
    let document = Document::parse(bytes::Bytes::copy_from_slice(body.as_bytes())).expect("JSON");
    assert!(body.len() <= LARGE);
    let (found, work) = compiled.mismatches_and_work(&document);
    assert!(work.steps <= 2 * FEWEST_STEPS && work.errors <= MOST_ERRORS, "{work:?} for {schema}");
    // what is left to do once the body looks empty does not grow with the body
    assert!(work.overrun <= MOST_OVERRUN, "{work:?} for {schema}");
    found
}

fn alternatives(count: usize) -> Vec<Value> {
    (0..count)
        .map(|at| json!({ "type": "array", "items": { "type": "object", "required": [format!("a{at}")] } }))
        .collect()
}

#[test]
fn alternatives_over_a_list_are_bounded() {
    for keyword in ["anyOf", "oneOf"] {
        for count in [3, 40] {
            let schema = json!({ "properties": { "tags": { keyword: alternatives(count) } } });
            let found = validate(&schema, &format!("{{\"tags\":[{}1]}}", "1,".repeat(130_000)));
            assert_eq!(found.len(), 1, "{keyword} {count}: {found:?}");
        }
    }
}

#[test]
fn every_keyword_is_bounded_for_its_worst_body() {
    let number = list("1");
    let string = format!("\"{}\"", "a".repeat(LARGE - 2));
    let strings = list("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"");
    let many: Vec<Value> = (0..500).map(|at| json!(format!("{:030}", at))).collect();
    let names: Vec<String> = (0..1_000).map(|at| format!("a{at}")).collect();
    let cases = [
        (json!({ "uniqueItems": true }), (0..40_000).map(|at| at.to_string()).collect::<Vec<_>>().join(",")),
        (json!({ "items": { "enum": many } }), strings.clone()),
        (json!({ "items": { "const": { "a": [1, 2, 3] } } }), list(r#"{"a":[1,2,4]}"#)),
        (json!({ "contains": { "type": "string" }, "minContains": 9 }), number.clone()),
        (json!({ "items": { "not": { "type": "integer" } } }), number.clone()),
        (json!({ "items": { "multipleOf": 0.03 } }), list("1e300")),
        (json!({ "items": { "multipleOf": 0.01 } }), list("12.345")),
        (json!({ "items": { "multipleOf": 1e-300 } }), list("1.5")),
        (json!({ "items": { "multipleOf": 0.03 } }), list("1e17")),
        (json!({ "items": { "multipleOf": 7 } }), list("12345678901234567")),
        (json!({ "items": { "multipleOf": 7 } }), list("1e999999999")),
        (json!({ "items": { "maximum": 7 } }), list("1e999999999")),
        (json!({ "items": { "const": 7 } }), list("1e999999999")),
        (json!({ "items": { "multipleOf": 7 } }), format!("[{}]", "1".repeat(LARGE - 2))),
        (json!({ "items": { "required": names } }), list("{}")),
        (json!({ "unevaluatedItems": false, "anyOf": [{ "contains": { "const": 2 } }, true] }), number.clone()),
        (
            json!({ "unevaluatedProperties": { "type": "string" }, "anyOf": [{ "properties": { "a": true } }] }),
            object("1"),
        ),
        (json!({ "propertyNames": { "pattern": "^[a-m]*$" } }), object("1")),
        (json!({ "patternProperties": { "9$": { "type": "string" }, "8$": false } }), object("1")),
        (json!({ "additionalProperties": { "type": "string" } }), object("1")),
        (json!({ "additionalProperties": false }), object("1")),
        (json!({ "pattern": "^(a|aa)*b$" }), string.clone()),
        (json!({ "allOf": vec![json!({ "pattern": "^[^b]*b$" }); 64] }), string.clone()),
        (json!({ "maxLength": 10 }), string.clone()),
        (json!({ "prefixItems": [{ "type": "string" }], "items": { "type": "string" } }), number.clone()),
        (json!({ "items": { "if": { "minimum": 0 }, "then": { "maximum": 0 }, "else": false } }), number.clone()),
        (json!({ "dependentRequired": { "n000001": names } }), object("1")),
        (json!({ "items": { "minItems": 1, "minProperties": 1 } }), list("[]")),
        (
            json!({ "$defs": { "N": { "properties": { "a": { "anyOf": [{ "$ref": "#/$defs/N" }, { "$ref": "#/$defs/N" }, { "type": "null" }] } }, "required": ["b"] } }, "$ref": "#/$defs/N" }),
            nested(60),
        ),
    ];
    for (schema, body) in cases {
        let body = if body.starts_with(['[', '{', '"']) { body } else { format!("[{body}]") };
        let found = validate(&schema, &body);
        assert!(found.len() <= 32 || schema.get("additionalProperties").is_some(), "{schema}: {}", found.len());
    }
}

#[test]
fn every_format_is_bounded_for_long_strings() {
    let formats =
        ["date", "date-time", "duration", "email", "hostname", "idn-email", "ipv4", "ipv6", "iri", "json-pointer"];
    for format in formats.into_iter().chain(["regex", "time", "uri", "uri-reference", "uuid"]) {
        for text in ["a", "a.", "xn--a", "1:", "(a|", "[a-z]{9}", "%41", "\u{fc}", "a@", "P1D", "((", "/~0"] {
            let text = text.repeat((LARGE - 4) / text.len());
            validate(&json!({ "format": format }), &json!(text).to_string());
        }
    }
}

#[test]
fn a_body_that_takes_too_much_work_does_not_match() {
    // every item matches the last of forty alternatives only
    let mut schemas: Vec<Value> = (0..63).map(|at| json!({ "const": at })).collect();
    schemas.push(json!({ "type": "integer" }));
    let found = validate(&json!({ "items": { "oneOf": schemas } }), &list("99"));
    assert!(found.len() == 1 && found[0].message.starts_with("takes more work"), "{found:?}");
    // and one that takes a usual amount does
    assert!(validate(&json!({ "items": { "type": "integer", "minimum": 1 } }), &list("1")).is_empty());
}
