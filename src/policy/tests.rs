//! What expressions mean, and what loading a policy refuses.

mod errors;
mod help;
mod identity;
mod limits;
mod null_guard;
mod operation_types;
mod rule_hash;
mod value_guard;

use super::{Action, Attributes, Instance, Policy, PolicyOutcome, RequestPolicy, compile_policy};
use crate::cel::EvaluationError;
use crate::contract::credential::Environment;
use crate::contract::{Contract, Operation};
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::manifest;
use crate::peer::{Client, ClientCertificate};
use http::HeaderMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, UNIX_EPOCH};

fn contract() -> &'static Contract {
    static CONTRACT: LazyLock<Contract> =
        LazyLock::new(|| Contract::built_in("2026-05-12").expect("the built-in contract is valid"));
    &CONTRACT
}

fn load(text: &str) -> Result<Policy, Vec<Diagnostic>> {
    let manifests = manifest::read::<RequestPolicy>(Path::new("rule.yaml"), text)?;
    compile_policy(&manifests[0], contract())
}

/// An expression with which nothing is wrong.
const SOUND: &str = "body.locale == null";

/// A policy of one validation, with more lines of its `spec` before it.
fn text(spec: &str, expression: &str) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: rule }}\nspec:\n  \
         match: {{ operations: [CreateUser, UpdateUser] }}\n{spec}  validations:\n    - expression: >-\n        {expression}\n      \
         message: no\n  actions: [Deny]\n"
    )
}

fn operation() -> Arc<Operation> {
    let operations = contract().operations();
    let mut newest = operations.into_iter().filter(|operation| operation.api_version.as_ref() == "2026-05-12");
    newest.find(|operation| operation.id.as_ref() == "CreateUser").expect("in the contract")
}

fn client() -> Client {
    Client {
        address: Some(([127, 0, 0, 1], 50_000).into()),
        unix_uid: None,
        certificate: Some(ClientCertificate {
            spiffe_id: Some("spiffe://example.org/billing".to_owned()),
            dns_names: vec!["billing.internal".to_owned()],
            sha256: "00ff".to_owned(),
        }),
    }
}

fn evaluate(policy: &Policy, body: &str) -> PolicyOutcome {
    let mut headers = HeaderMap::new();
    headers.insert("x-migration-ticket", "MIG-1".parse().expect("a value"));
    headers.insert("authorization", "Bearer sk_test_portcullis".parse().expect("a value"));
    let attributes = Attributes {
        method: "POST",
        path: "/v1/users",
        parameters: &[("user_id".into(), "user_1".into())],
        query: "a=1&b=%20x",
        headers: &headers,
        environment: Environment::Production,
        key_fingerprint: None,
        instance: &Instance::UNNAMED,
        client: &client(),
        time: UNIX_EPOCH + Duration::from_secs(1_000_000_000),
    };
    let document = (!body.is_empty())
        .then(|| Arc::new(Document::parse(bytes::Bytes::copy_from_slice(body.as_bytes())).expect(body)));
    policy.evaluate(&operation(), document.as_ref(), &attributes)
}

/// Whether `expression` is true of `body`, or why it has no value.
fn is_true(expression: &str, body: &str) -> Result<bool, EvaluationError> {
    let policy = load(&text("", expression)).unwrap_or_else(|mistakes| panic!("{expression}: {mistakes:?}"));
    match evaluate(&policy, body) {
        PolicyOutcome::Holds => Ok(true),
        PolicyOutcome::Violated(positions) => positions[0].1.map_or(Ok(false), Err),
        other => panic!("{expression}: {other:?}"),
    }
}

#[track_caller]
fn holds(expression: &str, body: &str) {
    assert_eq!(is_true(expression, body), Ok(true), "{expression} of {body}");
}

#[track_caller]
fn fails(expression: &str, body: &str) {
    assert_eq!(is_true(expression, body), Ok(false), "{expression} of {body}");
}

#[test]
fn an_absent_field_is_null_and_yet_not_there() {
    for body in ["{}", "", r#"{"first_name":null}"#] {
        holds("body.first_name == null", body);
        holds("body.skip_password_checks != true", body);
    }
    fails("has(body.first_name)", "{}");
    fails("has(body.first_name)", "");
    holds("has(body.first_name)", r#"{"first_name":null}"#);
    holds("'first_name' in body && !('last_name' in body)", r#"{"first_name":"a"}"#);
}

#[test]
fn values_are_those_of_the_body() {
    let body = r#"{"first_name":"Ad\u0061","create_organizations_limit":3,"delete_self_enabled":true,
        "email_address":["a@b.c","d@e.f"],"public_metadata":{"plan":{"seats":[1,2.5,-3,18446744073709551615]},"on":false}}"#;
    holds("body.first_name == 'Ada' && size(body.first_name) == 3 && body.first_name.startsWith('A')", body);
    holds("body.create_organizations_limit == 3 && body.create_organizations_limit > 2.5", body);
    holds("body.delete_self_enabled != null && body.delete_self_enabled", body);
    holds("body.email_address[1] == 'd@e.f' && size(body.email_address) == 2", body);
    holds("body.email_address.all(e, e.matches('^[a-z]@[a-z][.][a-z]$'))", body);
    holds("'a@b.c' in body.email_address && !('x' in body.email_address)", body);
    holds(
        "body.public_metadata.plan.seats[1] == 2.5 && body.public_metadata.plan.seats[3] == 18446744073709551615u",
        body,
    );
    holds("body.public_metadata['on'] == false && body.public_metadata.exists(k, k == 'plan')", body);
    holds("body['first_name'] == 'Ada'", body);
}

#[test]
fn lists_and_maps_are_equal_from_either_side() {
    let body = r#"{"email_address":["a",{"b":[1]}],"public_metadata":{"x":1,"y":[true]}}"#;
    for expression in [
        "body.email_address == ['a', {'b': [1]}]",
        "['a', {'b': [1]}] == body.email_address",
        "body.public_metadata == {'y': [true], 'x': 1}",
        "{'x': 1.0, 'y': [true]} == body.public_metadata",
        "body.public_metadata == dyn(body.public_metadata)",
        "body.email_address == params.both",
        "params.both == body.email_address",
    ] {
        let policy = load(&text("  params: { both: [a, { b: [1] }] }\n", expression)).expect(expression);
        assert_eq!(evaluate(&policy, body), PolicyOutcome::Holds, "{expression}");
    }
    fails("['a'] == body.email_address", body);
    holds("['a'] != body.email_address && {'x': 2} != body.public_metadata", body);
}

#[test]
fn what_is_not_the_body_is_known_too() {
    holds("request.method == 'POST' && request.path == '/v1/users' && request.operation == 'CreateUser'", "{}");
    holds(
        "request.apiVersion == '2026-05-12' && instance.environment == 'production' && client.ip == '127.0.0.1'",
        "{}",
    );
    holds("request.headers['X-Migration-Ticket'] == 'MIG-1' && request.headers['x-none'] == null", "{}");
    holds("request.query.b == ' x' && request.params.user_id == 'user_1' && request.query.none == null", "{}");
    holds("request.time < timestamp('2026-01-01T00:00:00Z') && request.time - duration('1h') < request.time", "{}");
}

#[test]
fn credentials_are_not_shown_to_rules() {
    for name in ["authorization", "Cookie"] {
        let asked = format!("['{name}'].all(name, request.headers[name] == null && !(name in request.headers))");
        holds(&asked, "{}");
        assert!(load(&text("", &format!("request.headers['{name}'] == null"))).is_err(), "{name}");
    }
}

#[test]
fn json_size_counts_compact_bytes() {
    let body = "{\"public_metadata\": { \"a\" : [ 1, \"\\u00e9\\n\" ], \"b\":null }}";
    let compact = serde_json::from_str::<serde_json::Value>(body).expect("json")["public_metadata"].to_string();
    holds(&format!("json.size(body.public_metadata) == {}", compact.len()), body);
    holds("json.size(body.private_metadata) == 0", body);
}

#[test]
fn variables_are_the_expressions_they_stand_for_and_lazy() {
    let spec = "  variables:\n    - { name: broken, expression: 1 / (size(body.first_name) - 7) == 1 }\n    - { name: long, expression: size(body.first_name) > 3 }\n    \
                - { name: both, expression: variables.long && body.last_name == null }\n";
    let policy = load(&text(spec, "variables.both || variables.long && variables.broken")).expect("sound");
    assert_eq!(evaluate(&policy, r#"{"first_name":"Augusta"}"#), PolicyOutcome::Holds);
    assert!(matches!(evaluate(&policy, r#"{"first_name":"Ada"}"#), PolicyOutcome::Violated(_)));
    assert_eq!(
        evaluate(&policy, r#"{"first_name":"Augusta","last_name":"L"}"#),
        PolicyOutcome::Violated(vec![(0, Some(EvaluationError::Arithmetic))])
    );
}

#[test]
fn conditions_and_environments_decide_whether_a_policy_applies() {
    let spec = "  matchConditions:\n    - { name: changes, expression: body.password != null }\n";
    let policy = load(&text(spec, "false")).expect("sound");
    assert_eq!(evaluate(&policy, "{}"), PolicyOutcome::NoMatch(0));
    assert_eq!(evaluate(&policy, r#"{"password":"x"}"#), PolicyOutcome::Violated(vec![(0, None)]));
    let elsewhere = text("", "false")
        .replace("[CreateUser, UpdateUser] }", "[CreateUser, UpdateUser], environments: [development] }");
    assert_eq!(evaluate(&load(&elsewhere).expect("sound"), "{}"), PolicyOutcome::OtherEnvironment);
    let broken = "  matchConditions:\n    - { name: changes, expression: size(body.password) > 3 }\n";
    let outcome = evaluate(&load(&text(broken, SOUND)).expect("sound"), "{}");
    assert!(matches!(outcome, PolicyOutcome::Failed(0, _)), "{outcome:?}");
}

#[test]
fn what_cannot_be_evaluated_does_not_hold() {
    assert_eq!(is_true("body.email_address[1] == 'a'", r#"{"email_address":["a"]}"#), Err(EvaluationError::NoSuchKey));
    assert_eq!(
        is_true("body.public_metadata.on", r#"{"public_metadata":{"on":"a"}}"#),
        Err(EvaluationError::WrongType)
    );
    assert!(is_true("body.skip_legal_checks && true", "{}").is_err());
    assert!(is_true("size(body.first_name) > 3", "{}").is_err());
    assert!(is_true("body.public_metadata.n > 3", r#"{"public_metadata":{"n":"a"}}"#).is_err());
    assert!(is_true("1 / size(body.first_name) == 1", r#"{"first_name":""}"#).is_err());
}

#[test]
fn there_is_one_action() {
    let loaded = |actions: &str| load(&text("", SOUND).replace("[Deny]", actions));
    for (actions, action) in [
        ("[Audit]", Action::Audit),
        ("[Warn]", Action::Warn),
        ("[Deny]", Action::Deny),
        ("[Audit, Warn]", Action::Warn),
        ("[Deny, Audit]", Action::Deny),
    ] {
        assert_eq!(loaded(actions).expect("sound").action, action);
    }
    for (actions, kept) in [("[Warn, Deny]", "[Deny]"), ("[Deny, Deny]", "[Deny]"), ("[Warn, Deny, Audit]", "[Deny]")] {
        let mistakes = loaded(actions).expect_err(actions);
        let [mistake] = mistakes.as_slice() else { panic!("{mistakes:?}") };
        assert_eq!(mistake.message, "`actions` holds one action");
        assert_eq!(mistake.help, Some(format!("write `{kept}`, which includes the others")));
    }
}

/// The first thing that loading finds wrong.
fn mistake(text: &str) -> String {
    let mistakes = load(text).expect_err(text);
    format!("{} | {}", mistakes[0], mistakes[0].help.clone().unwrap_or_default())
}

#[test]
fn loading_refuses_what_names_nothing_and_says_what_was_meant() {
    for (expression, expected) in [
        ("body.skip_pasword_checks != true", "`skip_pasword_checks` is not a field of any operation"),
        ("bdy.password == null", "`bdy` is not a name that policies know"),
        ("request.header['x'] == null", "`header` is not a member of `request`"),
        ("client.spiffe == null", "`spiffe` is not a member of `client`"),
        ("params.none == 1", "`none` is not one of the policy's `params`"),
        ("variables.none", "`none` is not one of the `variables`"),
        ("has(body.pasword)", "`pasword` is not a field"),
        ("[1].exists(x, y == 1)", "`y` is not a name"),
        ("body['nme'] == null", "`nme` is not a field"),
    ] {
        let found = mistake(&text("", expression));
        assert!(found.contains(expected), "{expression}: {found}");
    }
    assert!(mistake(&text("", "body.skip_pasword_checks != true")).contains("did you mean `skip_password_checks`?"));
    let operation = text("", SOUND).replace("UpdateUser", "UpdateUsr");
    assert!(mistake(&operation).contains("did you mean `UpdateUser`?"), "{}", mistake(&operation));
}

#[test]
fn loading_refuses_what_could_never_decide() {
    let sound = text("", SOUND);
    for (broken, expected) in [
        (sound.replace("[CreateUser, UpdateUser]", "[]"), "`operations` is empty"),
        (sound.replace("[Deny]", "[]"), "`actions` is empty"),
        (sound.replace("name: rule", "name: No Rule"), "`name` must be"),
        (sound.replace("message: no", "message: ''"), "`message` is empty"),
        (sound.replace("message: no", "message: no\n      field: frist_name"), "`frist_name` is not a field"),
        (text("  variables: [{ name: a, expression: '1' }, { name: a, expression: '2' }]\n", SOUND), "declared twice"),
    ] {
        let found = mistake(&broken);
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn no_depth_of_parameters_takes_the_process_down() {
    for depth in [20, 40, 2_000, 100_000] {
        let deep = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let loaded =
            load(&text(&format!("  params: {{ deep: {deep} }}\n"), "body.locale != null || params.deep == []"));
        assert_eq!(loaded.is_ok(), depth == 20, "{depth}");
    }
}

#[test]
fn no_text_of_an_expression_takes_the_process_down() {
    let chain = format!("1{} == 1", "+1".repeat(2_000));
    let parens = format!("{}1{} == 1", "(".repeat(2_000), ")".repeat(2_000));
    let nots = format!("{}true", "!".repeat(4_000));
    let lists = format!("{}{} == []", "[".repeat(2_000), "]".repeat(2_000));
    let selects = format!("body{} == null", ".a".repeat(2_000));
    let ternaries = format!("{}true", "true ? true : ".repeat(250));
    for expression in [&chain, &parens, &nots, &lists, &selects, &ternaries] {
        load(&text("", expression)).expect_err("past the bounds");
    }
    assert!(mistake(&text("", &format!("'{}' == ''", "a".repeat(5_000)))).contains("longer than 4096 bytes"));
    let nested = "[1].all(a, [1].all(b, [1].all(c, true)))";
    assert!(mistake(&text("", nested)).contains("more than 2"));
    assert!(mistake(&text("", "[1].all(body, true)")).contains("name of something else"));
    let doubled: String = (1..20)
        .map(|n| format!("    - {{ name: v{n}, expression: 'variables.v{0} && variables.v{0}' }}\n", n - 1))
        .collect();
    let spec = format!("  variables:\n    - {{ name: v0, expression: body.locale == null }}\n{doubled}");
    let policy = load(&text(&spec, "variables.v19")).expect("each variable is evaluated once");
    assert_eq!(evaluate(&policy, "{}"), PolicyOutcome::Holds);
    let chained: String =
        (1..70).map(|n| format!("    - {{ name: v{n}, expression: '!variables.v{0}' }}\n", n - 1)).collect();
    let spec = format!("  variables:\n    - {{ name: v0, expression: body.locale == null }}\n{chained}");
    let found = mistake(&text(&spec, "variables.v69"));
    assert!(found.contains("nests deeper than 64 levels, those of its variables included"), "{found}");
}

#[test]
fn the_client_s_certificate_is_read() {
    for expression in [
        "client.spiffeId == 'spiffe://example.org/billing' && client.certSha256 == '00ff' && client.unixUid == null",
        "'billing.internal' in client.dnsNames && !('other' in client.dnsNames) && client.dnsNames.size() == 1",
        "client.dnsNames.exists(name, name.endsWith('.internal')) && client.dnsNames == ['billing.internal']",
    ] {
        holds(expression, "{}");
    }
}

/// In the gateway's configuration it is replaced, so that its literal text is hardly what the author wants.
#[test]
fn a_variable_of_the_environment_is_an_error() {
    let errors = |message: &str| {
        let text = text("", SOUND).replace("message: no", &format!("message: {message}"));
        let found = crate::policy::PolicyDocuments::default().read(Path::new("rule.yaml"), &text);
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let not_replaced = "is not replaced in this file, only in the gateway's configuration";
    assert_eq!(errors("no ${TENANT:-a}"), [format!("rule.yaml:9:19: `${{TENANT}}` {not_replaced}")]);
    for literal in ["no ${1}", "no ${", "no $TENANT", "no ${a b}"] {
        assert_eq!(errors(&format!("'{literal}'")), Vec::<String>::new(), "{literal}");
    }
}
