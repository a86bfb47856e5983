//! A policy of which `check` has nothing to say never ends in `policy_error`: generated policies, judged for generated bodies.
//!
//! `PORTCULLIS_GENERATED_CASES` is how many judgements are made; ten million take some minutes in a release build.

use bytes::Bytes;
use http::HeaderMap;
use portcullis::contract::credential::Environment;
use portcullis::contract::strictness::Strictness;
use portcullis::contract::{Contract, Operation, Routed};
use portcullis::judge::{Bundle, PolicyText, decide};
use portcullis::peer::Client;
use portcullis::policy::{Attributes, Instance, ProvableIdentity};
use portcullis::reason::Reason;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::SystemTime;

/// Fewest judgements of each policy, and most policies that are accepted before there are more: what takes the time is to check one.
const BODIES: usize = 200;
const POLICIES: usize = 5_000;
const DEFAULT_CASES: usize = 20_000;

/// Expressions that are a text, or may be.
const TEXTS: &[&str] = &[
    "body.username",
    "body.external_id",
    "body.public_metadata.plan",
    "body.public_metadata.note",
    "request.headers[\"x-team\"]",
];
/// Expressions that are a list, or may be.
const LISTS: &[&str] =
    &["body.email_address", "body.backup_codes", "body.public_metadata.tags", "body.unsafe_metadata.items"];
/// Expressions that are a number, or may be.
const NUMBERS: &[&str] = &["body.create_organizations_limit", "body.public_metadata.seats", "body.unsafe_metadata.age"];
const MAPS: &[&str] = &["body.public_metadata", "body.unsafe_metadata"];
const WORDS: &[&str] = &["a", "pro", "ada", "1", "", "crm_1"];

fn pick<'t>(random: &mut StdRng, from: &[&'t str]) -> &'t str {
    from.choose(random).expect("not empty")
}

/// A guard of a part, and what may follow it.
fn clause(random: &mut StdRng) -> String {
    let (text, list, number, map) =
        (pick(random, TEXTS), pick(random, LISTS), pick(random, NUMBERS), pick(random, MAPS));
    let word = pick(random, WORDS);
    let count = random.random_range(-1..4);
    let forms = [
        format!("{text} != \"{word}\""),
        format!("{text} == null || {text}.startsWith(\"{word}\")"),
        format!("{text} == null || size({text}) > {count}"),
        format!("{text} == null || int({text}) > {count}"),
        format!("{text} == null || !{text}.matches(\"^[0-9]{{1,9}}$\") || int({text}) > {count}"),
        format!("{text} == null || !{text}.matches(\"^[0-9]+$\") || int({text}) > {count}"),
        format!("{text} == null || {text}.substring({}) != \"{word}\"", count.max(0)),
        format!("{text} == null || size({text}) < 4 || {text}.charAt({}) != \"a\"", count.max(0)),
        format!("{text} == null || !isIP({text}) || ip({text}).family() == 4"),
        format!("{text} == null || {text}.split(\"a\")[0] != \"{word}\""),
        format!("{text} == null || {text}.lowerAscii() in [\"a\", \"{word}\"]"),
        format!("type({text}) != string || {text}.contains(\"{word}\")"),
        format!("{list} == null || {list}[0] != \"{word}\""),
        format!("{list} == null || size({list}) < 1 || {list}[0] != \"{word}\""),
        format!("{list} == null || {list}.all(it, it != \"{word}\")"),
        format!("{list} == null || {list}.all(it, it.startsWith(\"a\"))"),
        format!("type({list}) != list || {list}.exists(it, type(it) == string && it.startsWith(\"a\"))"),
        format!("{list} == null || {list}.map(it, it + \"{word}\") != []"),
        format!("type({list}) != list || {list}.all(it, it.name == \"{word}\")"),
        format!("type({list}) != list || {list}.filter(it, it == \"a\").size() < {count}"),
        format!("{number} == null || {number} > {count}"),
        format!("{number} == null || {number} + 1 > {count}"),
        format!("type({number}) != int || {number} > 1000 || {number} < -1000 || {number} * 2 > {count}"),
        format!("{number} == null || 10 / {number} > {count}"),
        format!("type({number}) != int || {number} == 0 || 10 % {number} > {count}"),
        format!("{number} == null || double({number}) > {count}.5"),
        format!("{map} == null || size({map}) > {count}"),
        format!("{map} == null || {map}.all(key, key in [\"plan\", \"{word}\"])"),
        format!("{map} == null || {map}.all(key, {map}[key] != \"{word}\")"),
        format!("{map} == null || {map}.exists(key, {map}[key].startsWith(\"a\"))"),
        format!("has({map}.plan) && {map}.plan == \"{word}\""),
        "body.skip_password_checks != true".to_owned(),
        format!("body.locale == \"{word}\""),
        format!("request.time.getHours() > {count}"),
        format!("{{\"a\": 1}}[\"{word}\"] == 1"),
        format!("{text} == null || {text} in {{\"a\": 1, \"pro\": 2}}"),
    ];
    forms.choose(random).expect("not empty").clone()
}

/// A policy of one to three clauses, joined, with a match condition or none.
fn policy(random: &mut StdRng) -> String {
    let mut expression = format!("({})", clause(random));
    for _ in 0..random.random_range(0..3) {
        let sign = pick(random, &["&&", "||"]);
        expression = format!("{expression} {sign} ({})", clause(random));
    }
    let condition = if random.random_bool(0.3) { clause(random) } else { "true".to_owned() };
    let quote = |text: &str| format!("'{}'", text.replace('\'', "''"));
    format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: rule }}\nspec:\n  match: {{ operations: [CreateUser] }}\n  \
         matchConditions: [{{ name: condition, expression: {} }}]\n  validations: [{{ expression: {}, message: no }}]\n  actions: [Deny]\n",
        quote(&condition),
        quote(&expression)
    )
}

/// A JSON value of any type.
fn any(random: &mut StdRng, depth: usize) -> Value {
    match random.random_range(0..if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => json!(random.random_bool(0.5)),
        2 => json!(random.random_range(-3..5)),
        3 => [json!(i64::MAX), json!(i64::MIN), json!(u64::MAX), json!(1.5), json!(2.0), json!(1e300)]
            .choose(random)
            .unwrap()
            .clone(),
        4 | 5 => json!(text(random)),
        6 => (0..random.random_range(0..3)).map(|_| any(random, depth - 1)).collect(),
        _ => object(random, depth - 1),
    }
}

fn text(random: &mut StdRng) -> String {
    let length = random.random_range(0..6);
    let known = ["pro", "1", "12345678901234567890", "192.0.2.1", "é", "-5", "a b"];
    if random.random_bool(0.5) {
        return pick(random, &known).to_owned();
    }
    (0..length).map(|_| *[b'a', b'1', b'_', b'A'].choose(random).unwrap() as char).collect()
}

fn object(random: &mut StdRng, depth: usize) -> Value {
    let names = ["plan", "note", "tags", "seats", "items", "age", "name", "other"];
    let count = random.random_range(0..4);
    let members = (0..count).map(|_| (pick(random, &names).to_owned(), any(random, depth)));
    Value::Object(members.collect::<Map<_, _>>())
}

/// A body for `CreateUser`, most of which fit the contract.
fn body(random: &mut StdRng) -> Value {
    let mut members = Map::new();
    for (name, chance) in [("public_metadata", 0.7), ("unsafe_metadata", 0.5)] {
        if random.random_bool(chance) {
            members.insert(name.to_owned(), object(random, 2));
        }
    }
    for name in ["username", "external_id", "locale"] {
        if random.random_bool(0.5) {
            members.insert(name.to_owned(), json!(text(random)));
        }
    }
    for name in ["email_address", "backup_codes"] {
        if random.random_bool(0.4) {
            let texts: Vec<Value> = (0..random.random_range(0..3)).map(|_| json!(text(random))).collect();
            members.insert(name.to_owned(), texts.into());
        }
    }
    if random.random_bool(0.4) {
        let number = if random.random_bool(0.5) { json!(random.random_range(0..5)) } else { json!(2.0) };
        members.insert("create_organizations_limit".to_owned(), number);
    }
    if random.random_bool(0.3) {
        members.insert("skip_password_checks".to_owned(), json!(random.random_bool(0.5)));
    }
    Value::Object(members)
}

/// Whether the judgement of `bundle` ends in `policy_error`.
fn fails(bundle: &Bundle, operation: &Operation, body: &Value, team: Option<&str>) -> bool {
    let mut headers = HeaderMap::new();
    headers.extend(team.and_then(|team| Some((http::HeaderName::from_static("x-team"), team.parse().ok()?))));
    let attributes = Attributes {
        method: "POST",
        path: "/v1/users",
        parameters: &[],
        query: "",
        headers: &headers,
        environment: Environment::Production,
        key_fingerprint: None,
        instance: &Instance::UNNAMED,
        client: &Client::default(),
        time: SystemTime::UNIX_EPOCH,
    };
    let judgement = decide(bundle, operation, &attributes, Bytes::from(body.to_string()), &mut ());
    judgement.verdict.err() == Some(Reason::PolicyError)
}

#[test]
fn what_check_is_content_with_never_fails() {
    let cases = std::env::var("PORTCULLIS_GENERATED_CASES").ok();
    let cases = cases.map_or(DEFAULT_CASES, |text| text.parse().expect("PORTCULLIS_GENERATED_CASES is a number"));
    let bodies = (cases / POLICIES).max(BODIES);
    let contract = Arc::new(Contract::built_in("2026-05-12").unwrap());
    let mut random = StdRng::seed_from_u64(7);
    let (mut judged, mut accepted, mut warned) = (0, 0, 0);
    let mut counterexamples = Vec::new();
    while judged < cases {
        let text = policy(&mut random);
        let texts = [PolicyText { file: "rule.yaml".into(), text: text.clone() }];
        // one that does not compile is not accepted either
        let Ok(bundle) = Bundle::compile(Arc::clone(&contract), &texts, Strictness::default()) else { continue };
        let lints = bundle.lints(SystemTime::UNIX_EPOCH, ProvableIdentity::ALL);
        if lints.iter().any(|lint| lint.message.contains("policy_error")) {
            warned += 1;
            continue;
        }
        accepted += 1;
        let Routed::Operation(operation, _) = bundle.route("POST", "/v1/users", None) else { panic!("no operation") };
        let mut requests =
            (0..bodies).map(|_| (body(&mut random), random.random_bool(0.5).then(|| self::text(&mut random))));
        // for a body that fits the contract: any other is refused for that, too
        let failing = requests.find(|(body, team)| fails(&bundle, &operation, body, team.as_deref()));
        counterexamples.extend(failing.map(|(body, team)| format!("{text}fails for {body} {team:?}")));
        judged += bodies;
    }
    println!("{accepted} policies accepted, {warned} warned of, {judged} judgements");
    assert!(counterexamples.is_empty(), "{}", counterexamples.join("\n\n"));
    assert!(accepted > 0 && warned > accepted / 10, "{accepted} accepted, {warned} warned of");
}
