//! Unknown values are not guessed: the result for a recorded request is the result for the request that was recorded.

use super::generate::{Choices, Wanted, expression};
use super::{env, operations, type_tagged, value};
use crate::cel::{Evaluation, EvaluationError, EvaluationFailure, Unknown};
use crate::contract::credential::Environment;
use crate::document::{Document, JsonKind, NodeRef, View};
use crate::peer::Client;
use crate::policy::replay::{RecordedRequest, RecordedValue};
use proptest::prelude::*;
use std::time::{Duration, UNIX_EPOCH};

const BODY: &str = r#"{"yes":true,"no":false,"nothing":null,"one":1,"minus":-7,"huge":18446744073709551615,"half":0.5,
    "word":"word","unicode":"h\u00e9llo","empty":"","numbers":[1,2,3,2.0],"words":["a","b","word"],
    "mixed":[1,"a",null,[1],{"a":1}],"none":[],"inner":{"a":1,"b":[true],"c":{"d":null}}}"#;

/// What a trace could keep of `node`; what it does keep, chance says.
fn outline<'a>(node: NodeRef<'a>, chance: &mut impl FnMut() -> u16) -> RecordedValue<'a> {
    match (node.kind(), chance() % 8) {
        (_, 0) => RecordedValue::Unknown(Unknown::ANYTHING),
        (JsonKind::Null, _) => RecordedValue::Null,
        (JsonKind::Bool(value), _) => RecordedValue::Bool(value),
        (JsonKind::String(text), 1 | 2) => RecordedValue::Text(text),
        (JsonKind::String(_), 3) => RecordedValue::Unknown(Unknown::of_type("string")),
        (JsonKind::String(text), _) => RecordedValue::Unknown(Unknown::text(Some(text.chars().count()))),
        (JsonKind::Number(text), _) if text.contains('.') => RecordedValue::Unknown(Unknown::FRACTION),
        (JsonKind::Number(_), _) => RecordedValue::Unknown(Unknown::INTEGER),
        (JsonKind::Array, 1) => RecordedValue::Unknown(Unknown::of_type("array")),
        (JsonKind::Array, _) => {
            let kept = node.len().saturating_sub(usize::from(chance() % 2));
            let elements = (0..kept).filter_map(|position| node.child(position));
            let elements = elements.map(|element| outline(element, chance)).collect();
            RecordedValue::Array { size: node.len(), bytes: None, elements }
        }
        (JsonKind::Object, 1) => RecordedValue::Unknown(Unknown::of_type("object")),
        (JsonKind::Object, _) => {
            let members = node.members();
            let (kept, others): (Vec<_>, Vec<_>) = members.partition(|_| !chance().is_multiple_of(4));
            let members = kept.into_iter().map(|(name, value)| (name, outline(value, chance))).collect();
            RecordedValue::Object { bytes: None, members, others: others.len(), declared: None }
        }
    }
}

/// What is done with a value by chance.
const LIBRARIES: [&str; 23] = [
    "IT",
    "IT",
    "IT",
    "dyn(IT).lowerAscii() + dyn(IT).trim().reverse()",
    "dyn(IT).split('')",
    "dyn(IT).indexOf('a') + dyn(IT).lastIndexOf('a')",
    "'%s'.format([IT])",
    "[dyn(IT)].flatten().distinct()",
    "dyn(IT).sort()",
    "dyn(IT).first() == dyn(IT).last()",
    "dyn(IT).slice(0, 1)",
    "[dyn(IT), 'a'].join('-')",
    "sets.contains(m.words, [dyn(IT)]) || sets.intersects(dyn(IT), m.numbers)",
    "sets.equivalent([dyn(IT), 1], [1, dyn(IT)])",
    "math.greatest(dyn(IT)) == dyn(IT).sum()",
    "dyn(IT).findAll('[a-z]')",
    "cel.bind(it, IT, [it, it])",
    "cel.bind(it, dyn(IT), it == 1 || it == m.one)",
    "m.?inner.a.orValue(IT)",
    "dyn(IT).?a.hasValue()",
    "dyn(IT)[?0].optMap(it, [it])",
    "dyn(IT).transformList(at, it, [at, it])",
    "dyn(IT).transformMap(key, it, key != 'a', it)",
];

fn request(body: Option<RecordedValue<'_>>) -> RecordedRequest<'_> {
    RecordedRequest {
        operation: "CreateUser",
        api_version: &operations()[0].api_version,
        method: Some("POST"),
        environment: Environment::Production,
        key_fingerprint: None,
        time: Some(UNIX_EPOCH + Duration::from_secs(1_000_000_000)),
        instance: None,
        client: Client::default(),
        headers: vec![("x-there", Some(Unknown::text(Some(3)))), ("x-absent", None)],
        parameters: Vec::new(),
        query: Vec::new(),
        has_query: false,
        body,
    }
}

/// What `source` comes to for a namespace; none where loading refuses it.
fn recorded(source: &str, namespace: &RecordedRequest<'_>) -> Option<Result<String, EvaluationFailure<Unknown>>> {
    let mut env = env(&serde_json::json!({}));
    if !env.declare("it", source).is_empty() {
        return None;
    }
    let (variables, _) = env.finish();
    // a value may live no longer than what it is of
    let namespace: &RecordedRequest<'_> = namespace;
    let mut evaluation: Evaluation<'_, &RecordedValue<'_>> = variables.evaluation(namespace);
    let node = variables.first().expect("a variable");
    Some(evaluation.value(node).and_then(|value| value.require_known().map(|value| type_tagged(&value))))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_of_a_record_is_so_of_the_request(
        choices in prop::collection::vec(any::<u16>(), 0..300),
        kept in prop::collection::vec(any::<u16>(), 1..40),
    ) {
        // the libraries, which the crate `cel` does not have, around what both have
        let library = LIBRARIES[usize::from(kept.first().copied().unwrap_or_default()) % LIBRARIES.len()];
        let inside = expression(&mut Choices(&choices), Wanted::Anything, 4);
        let source = library.replace("IT", &inside).replace("m.", "body.public_metadata.");
        let body = format!(r#"{{"public_metadata":{BODY}}}"#);
        let document = Document::parse(bytes::Bytes::copy_from_slice(body.as_bytes())).expect("a document");
        let mut chances = kept.iter().copied().cycle();
        let metadata = document.root().member("public_metadata").expect("metadata");
        let metadata = outline(metadata, &mut || chances.next().unwrap_or_default());
        let members = Box::new([("public_metadata", metadata)]);
        let namespace = request(Some(RecordedValue::Object { bytes: None, members, others: 0, declared: None }));
        let said = recorded(&source, &namespace);
        let so = value(&source, &body).ok();
        match said {
            Some(Ok(said)) if !said.contains("Unknown") => prop_assert_eq!(Some(Ok(said)), so, "{}", source),
            Some(Err(EvaluationFailure::Error(_))) => prop_assert!(matches!(so, Some(Err(_))), "{}: {:?}", source, so),
            _ => {}
        }
    }
}

#[track_caller]
fn says(source: &str, expected: Option<bool>) {
    let members = Box::new([
        ("first_name", RecordedValue::Unknown(Unknown::text(Some(3)))),
        ("last_name", RecordedValue::Null),
        ("password_hasher", RecordedValue::Text("bcrypt")),
        ("password", RecordedValue::Unknown(Unknown::of_type("string"))),
        ("skip_legal_checks", RecordedValue::Bool(true)),
        ("create_organizations_limit", RecordedValue::Unknown(Unknown::INTEGER)),
        (
            "public_metadata",
            RecordedValue::Object { bytes: Some(40), members: Box::new([]), others: 2, declared: None },
        ),
    ]);
    let namespace = request(Some(RecordedValue::Object { bytes: Some(100), members, others: 0, declared: None }));
    let said = recorded(source, &namespace).unwrap_or_else(|| panic!("{source} is refused"));
    let expected = expected.map_or(Err(()), |value| Ok(value.to_string()));
    assert_eq!(
        said.map_err(|failure| assert!(matches!(failure, EvaluationFailure::Unknown(_)), "{source}")),
        expected,
        "{source}"
    );
}

#[test]
fn presence_type_size_and_what_is_kept_decide() {
    for (source, expected) in [
        ("body.first_name != null && body.last_name == null && body.username == null", true),
        ("size(body.first_name) == 3 && type(body.password) == string", true),
        ("body.first_name == 'four' || body.first_name in ['a', 'be']", false),
        ("body.password_hasher in ['bcrypt', 'argon2id']", true),
        ("body.skip_legal_checks == true", true),
        ("json.size(body.public_metadata) <= 40 && size(body.public_metadata) == 2", true),
        ("request.headers['x-absent'] == null && request.headers['x-there'] != null", true),
        ("has(body.password) && size(request.headers['x-there']) == 3", true),
        ("request.query['a'] == null && client.spiffeId == null", true),
        ("type(body.password) != list && body.password != null", true),
        ("[body.skip_legal_checks, body.first_name].first() == true", true),
        ("[body.skip_legal_checks, body.first_name].indexOf(true) == 0", true),
        ("[body.first_name, true].slice(1, 2) == [true] && [body.first_name].size() == 1", true),
        ("sets.intersects([body.first_name, 'a'], ['a'])", true),
        ("sets.contains(['a'], [body.first_name, 'b'])", false),
        ("body.password_hasher.upperAscii() == 'BCRYPT'", true),
        ("cel.bind(name, body.first_name, size(name) == 3)", true),
        ("cel.bind(name, body.first_name, body.skip_legal_checks == true || name == 'Ada')", true),
        ("body.last_name.orValue('x') == 'x' && body.first_name.hasValue()", true),
        ("[body.first_name, true].exists(at, it, at == 1 && it == true)", true),
    ] {
        says(source, Some(expected));
    }
}

#[test]
fn one_side_decides_where_the_other_is_hidden() {
    says("body.first_name == 'Ada' || body.skip_legal_checks == true", Some(true));
    says("body.skip_legal_checks != true && body.first_name == 'Ada'", Some(false));
    says("body.skip_legal_checks == true ? body.last_name == null : body.first_name == 'Ada'", Some(true));
    says("['a', body.first_name].exists(x, x == 'a')", Some(true));
}

#[test]
fn what_needs_a_hidden_value_is_not_guessed() {
    for source in [
        "body.first_name == 'Ada'",
        "body.first_name in ['Ada', 'Bob']",
        "body.first_name.startsWith('A')",
        "body.first_name.matches('A')",
        "body.first_name < 'B'",
        "body.first_name == 'Ada' && body.skip_legal_checks == true",
        "body.create_organizations_limit > 3",
        "body.create_organizations_limit + 1 == 3",
        "type(body.create_organizations_limit) == int",
        "size(body.password) > 8",
        "body.public_metadata.role == 'admin'",
        "has(body.public_metadata.role)",
        "body.public_metadata.all(key, key != 'role')",
        "request.headers['x-other'] == null",
        "request.path.startsWith('/v1')",
        "(body.first_name == 'Ada' ? true : true) == true",
        "json.size(body.first_name) == 5",
        "int(body.first_name) == 1 || body.last_name == 'x'",
        "body.first_name.lowerAscii() == 'ada'",
        "body.first_name.reverse() == 'ada' || body.first_name.find('a') == ''",
        "[body.first_name, true].indexOf('Ada') == 0",
        "['Ada', body.first_name].lastIndexOf('Ada') == 0",
        "[body.first_name].join() == 'Ada'",
        "['b', body.first_name].sort()[0] == 'b'",
        "['a', body.first_name].distinct().size() == 1",
        "'%s'.format([body.first_name]) == 'Ada'",
        "[body.public_metadata.role, 'a'].flatten().size() == 2",
        "sets.contains(['Ada'], [body.first_name])",
        "math.greatest([body.create_organizations_limit, 1]) == 1",
    ] {
        says(source, None);
    }
}

#[test]
fn an_error_that_something_hidden_may_prevent_is_none() {
    let namespace = request(Some(RecordedValue::Object {
        bytes: None,
        members: Box::new([("first_name", RecordedValue::Unknown(Unknown::text(Some(3))))]),
        others: 0,
        declared: None,
    }));
    for source in
        ["size(body.last_name) > 3 || body.first_name == 'Ada'", "body.first_name == 'Ada' || size(body.last_name) > 3"]
    {
        assert!(matches!(recorded(source, &namespace), Some(Err(EvaluationFailure::Unknown(_)))), "{source}");
    }
    let error = EvaluationFailure::Error(EvaluationError::NoSuchOverload);
    assert_eq!(recorded("size(body.last_name) > 3", &namespace), Some(Err(error)));
}
