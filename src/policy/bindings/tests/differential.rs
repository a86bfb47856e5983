//! Our evaluator against that of the crate `cel`, on expressions by chance.
//!
//! Where the crate strays from the language's definition we do not follow it, and these tests stay away from there:
//! - it compares an `int` with a `double` after rounding the `int`; we compare exactly (`crate::cel::number`);
//! - `timestamp("...+05:00").getHours()` is in UTC by the definition, in the offset written by the crate;
//! - `duration("1h junk")` is an error here;
//! - what an object of the body lacks reads as null here, and is an error there; of maps of the policy it is one here, too;
//! - `!!x` is `x` to its parser, whatever `x` is;
//! - a list and a map do not add up; to the crate the map is its keys;
//! - a key that no map can have, as in `null in m`, is not in the map; it is an error there.
//!
//! A member that an object of the body lacks reads as null, on purpose. In a map of the policy it is an error, as the crate has it.

use super::generate::{Choices, Wanted, expression, tokens};
use super::{env, evaluated, shown};
use crate::cel::Issue;
use cel::parser::PrattParser;
use cel::{Context, Env};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

fn metadata() -> Json {
    json!({
        "yes": true, "no": false, "nothing": null, "one": 1, "minus": -7, "huge": 18_446_744_073_709_551_615_u64,
        "half": 0.5, "word": "word", "unicode": "h\u{e9}llo \u{1f600}", "empty": "", "numbers": [1, 2, 3, 2.0],
        "words": ["a", "b", "word"], "mixed": [1, "a", null, [1], { "a": 1 }], "none": [],
        "inner": { "a": 1, "b": [true], "c": { "d": null } },
    })
}

/// What the crate makes of `source`, shown as [`shown`] does; none where it is an error.
fn theirs(source: &str) -> Option<String> {
    static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
    let tree = PrattParser::new().parse(source).ok()?;
    let mut context = Context::with_env(ENV.clone());
    context.add_variable_from_value("m", converted(&metadata()));
    cel::Value::resolve(&tree, &context).ok().map(|value| their_shown(&value))
}

fn converted(value: &Json) -> cel::Value {
    match value {
        Json::Null => cel::Value::Null,
        Json::Bool(value) => cel::Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => cel::Value::Int(value),
            (None, Some(value)) => cel::Value::UInt(value),
            (None, None) => cel::Value::Float(number.as_f64().expect("a double")),
        },
        Json::String(text) => cel::Value::from(text.as_str()),
        Json::Array(items) => cel::Value::from(items.iter().map(converted).collect::<Vec<_>>()),
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), converted(value)));
            cel::Value::from(members.collect::<HashMap<String, cel::Value>>())
        }
    }
}

fn their_shown(value: &cel::Value) -> String {
    use cel::objects::Key;
    match value {
        cel::Value::Null => "null".to_owned(),
        cel::Value::Bool(value) => value.to_string(),
        cel::Value::Int(value) => value.to_string(),
        cel::Value::UInt(value) => format!("{value}u"),
        cel::Value::Float(value) => format!("{value:?}d"),
        cel::Value::String(text) => format!("{text:?}"),
        cel::Value::Bytes(bytes) => format!("b{bytes:?}"),
        cel::Value::Timestamp(time) => format!("t{}", time.timestamp_nanos_opt().unwrap_or_default()),
        cel::Value::Duration(length) => format!("d{}", length.num_nanoseconds().unwrap_or_default()),
        cel::Value::List(items) => format!("[{}]", items.iter().map(their_shown).collect::<Vec<_>>().join(", ")),
        cel::Value::Map(map) => {
            let key = |key: &Key| match key {
                Key::Int(value) => value.to_string(),
                Key::Uint(value) => format!("{value}u"),
                Key::Bool(value) => value.to_string(),
                Key::String(text) => format!("{text:?}"),
            };
            let mut entries: Vec<String> =
                map.map.iter().map(|(name, value)| format!("{}: {}", key(name), their_shown(value))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        other => format!("{other:?}"),
    }
}

/// What we make of `source`; none where it is an error. Else the part that loading refuses, and why.
fn ours(source: &str, params: &Json, body: &str) -> Result<Option<String>, (String, Issue)> {
    let mut env = env(params);
    if let Some(issue) = env.declare("it", source).into_iter().next() {
        return Err((source.get(issue.span.clone()).expect("a part").to_owned(), issue));
    }
    let (variables, _) = env.finish();
    Ok(evaluated(&variables, body, shown).ok())
}

/// Whether the part of an expression that loading refuses has no value by itself, or its comparison can come out one way only.
/// A part may be refused that is never reached.
fn is_proven(part: &str, issue: &Issue) -> bool {
    let words = [
        // the crate appends to a list what is none, which the specification does not have
        "`+` is not for a list",
        "the comparison is always",
        "the key of a map is",
        "never in it",
        "nothing is in it",
        ", but ",
        "inside each other",
    ];
    words.iter().any(|words| issue.message.contains(words)) || theirs(part).is_none()
}

/// Whether `source` may read a member of an object other than those of `m`, which are all there.
fn reads_members(source: &str) -> bool {
    let mut parts = source.split("m.");
    let before = parts.next().unwrap_or_default();
    std::iter::once(before).chain(parts).any(|part| part.contains(['.', '[']))
}

fn agree(source: &str) {
    let theirs = theirs(source);
    for (way, root, params) in [
        ("evaluated", "body.public_metadata.", json!({})),
        // nothing depends on the request, and so all is folded
        ("folded", "params.m.", json!({ "m": metadata() })),
    ] {
        let body = json!({ "public_metadata": metadata() }).to_string();
        match ours(&source.replace("m.", root), &params, &body) {
            // the error may be that of a member that the body lacks
            Ok(Some(_)) if way == "evaluated" && theirs.is_none() && reads_members(source) => {}
            Ok(value) => assert_eq!(value, theirs, "{way}: {source}"),
            Err((part, issue)) => {
                let part = part.replace(root, "m.");
                assert!(is_proven(&part, &issue), "{way}: {source}\nrefused: {part}: {}", issue.message);
            }
        }
    }
}

#[test]
fn the_crate_appends_to_a_list_what_is_none() {
    assert!(theirs("[] + {}").is_some() && theirs("[1] + [2]").is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn expressions_have_the_value_that_the_crate_gives(choices in prop::collection::vec(any::<u16>(), 0..300)) {
        agree(&expression(&mut Choices(&choices), Wanted::Anything, 4));
    }

    #[test]
    fn the_grammar_is_that_of_the_crate(choices in prop::collection::vec(any::<u16>(), 1..16)) {
        let source = tokens(&mut Choices(&choices));
        let ours = crate::cel::parse(&source);
        let theirs = PrattParser::new().parse(&source);
        // names that start from the root of all packages are not for policies, which have none
        let is_rooted = matches!(&ours, Err(issue) if issue.message.starts_with("`.` stands where a value"));
        prop_assert!(is_rooted || ours.is_ok() == theirs.is_ok(), "{}: {:?} {:?}", source, ours.err(), theirs.err());
    }

    #[test]
    fn no_text_panics(source in ".{0,200}") {
        let _ = super::issues(&source);
    }
}
