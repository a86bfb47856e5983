//! What is accepted and has no value for something that the contract permits.

use super::{contract, load, text};
use crate::manifest;
use crate::policy::limit::RequestLimit;
use crate::policy::{RequestPolicy, compile_limit, lint::value_guard};
use std::path::Path;

/// What the lint finds in a policy, each as `line: what`.
fn lints(text: &str) -> Vec<String> {
    let policy = load(text).unwrap_or_else(|errors| panic!("{errors:?}"));
    let manifests = manifest::read::<RequestPolicy>(Path::new("rule.yaml"), text).expect("sound");
    let lints = value_guard::lint_policy(&manifests[0], &policy, contract());
    lints.iter().map(ToString::to_string).collect()
}

/// The lint of one validation.
fn of(expression: &str) -> String {
    lints(&text("", expression)).join("\n")
}

#[test]
fn an_expression_without_a_value_is_reported_with_a_body() {
    for (expression, body, error) in [
        (
            "body.public_metadata == null || body.public_metadata.plan == null || body.public_metadata.plan.startsWith(\"x\")",
            r#"{"public_metadata":{"plan":true}}"#,
            "operator or function",
        ),
        (
            "body.create_organizations_limit == null || body.create_organizations_limit + 1 > 3",
            r#"{"create_organizations_limit":1.0}"#,
            "operator or function",
        ),
        ("body.username == null || int(body.username) > 3", r#"{"username":""}"#, "does not convert"),
        ("body.external_id == null || body.external_id.charAt(5) == \"x\"", r#"{"external_id":"x"}"#, "outside"),
        ("body.backup_codes == null || body.backup_codes[0] != \"x\"", r#"{"backup_codes":[]}"#, "no such key"),
        (
            "body.public_metadata == null || body.public_metadata.all(key, body.public_metadata[key].startsWith(\"x\"))",
            r#"{"public_metadata":{"other":1}}"#,
            "operator or function",
        ),
        // a size that lets in only larger objects and lists
        (
            "body.public_metadata == null || size(body.public_metadata) < 3 || body.public_metadata.exists(key, body.public_metadata[key].startsWith(\"x\"))",
            r#"{"key":true,"other0":true,"x":true}"#,
            "operator or function",
        ),
        (
            "body.public_metadata == null || type(body.public_metadata.tags) != list || size(body.public_metadata.tags) < 3 || body.public_metadata.tags[0] + 1 > 3",
            r#"{"public_metadata":{"tags":["#,
            "operator or function",
        ),
        // a guard that only an object with two members gets past
        (
            "body.public_metadata == null || body.public_metadata.all(key, body.public_metadata[key] != \"pro\") || body.public_metadata.note == null || body.public_metadata.note.startsWith(\"x\")",
            r#""other":"pro""#,
            "operator or function",
        ),
        // texts that begin with one that the rule compares with
        (
            "body.external_id == null || body.external_id.split(\"b\")[0] != \"1\" || int(body.external_id) > 3",
            r#""external_id":"1b"#,
            "does not convert",
        ),
        // a part that is a guard only together with another one
        (
            "body.backup_codes == null || body.backup_codes[0] != \"1\" || (body.public_metadata == null || body.public_metadata.all(key, key in [\"plan\", \"ada\"])) && body.backup_codes.all(it, it != \"a\")",
            r#""backup_codes":[]"#,
            "no such key",
        ),
        // a guard of another part does not help
        (
            "body.locale == \"a\" || body.username == null || int(body.username) > 3",
            r#"{"username":"a"}"#,
            "does not convert",
        ),
    ] {
        let found = of(expression);
        assert!(found.contains(body) && found.contains(error), "{expression}: {found}");
        assert!(found.contains("such a request would be refused as policy_error"), "{found}");
    }
}

#[test]
fn what_is_tested_first_is_no_matter() {
    for expression in [
        "body.public_metadata == null || type(body.public_metadata.plan) != string || body.public_metadata.plan.startsWith(\"x\")",
        "body.create_organizations_limit == null || double(body.create_organizations_limit) + 1.0 > 3.0",
        "body.username == null || !body.username.matches(\"^[0-9]{1,9}$\") || int(body.username) > 3",
        "body.external_id == null || size(body.external_id) < 6 || body.external_id.charAt(5) == \"x\"",
        "body.backup_codes == null || size(body.backup_codes) == 0 || body.backup_codes[0] != \"x\"",
        "body.username == null || !isIP(body.username) || ip(body.username).family() == 4",
        "body.public_metadata == null || body.public_metadata.all(key, key in [\"plan\", \"seats\"])",
    ] {
        assert_eq!(of(expression), "", "{expression}");
    }
    let condition = "  matchConditions: [{ name: number, expression: 'body.username != null && body.username.matches(\"^[0-9]{1,9}$\")' }]\n";
    assert_eq!(lints(&text(condition, "int(body.username) > 3")), Vec::<String>::new());
}

#[test]
fn the_schema_of_the_policy_is_a_guard() {
    let schema = "  schema: { properties: { username: { pattern: '^[0-9]{1,9}$' } } }\n";
    assert_eq!(lints(&text(schema, "body.username == null || int(body.username) > 3")), Vec::<String>::new());
}

#[test]
fn conditions_keys_and_costs_are_tried_too() {
    let condition =
        "  matchConditions: [{ name: number, expression: 'body.username != null && int(body.username) > 3' }]\n";
    let found = lints(&text(condition, "body.locale == null"));
    assert!(found.len() == 1 && found[0].starts_with("rule.yaml:6:"), "{found:?}");
    let limit = "apiVersion: portcullis/v1\nkind: RequestLimit\nmetadata: { name: rule }\nspec:\n  match: { operations: [UpdateUser] }\n  \
                 key: 'body.username == null ? 0 : int(body.username)'\n  cost: 'body.public_metadata == null ? 1 : 10 / size(body.public_metadata)'\n  \
                 events: 20\n  period: 1m\n  message: no\n  actions: [Deny]\n";
    let manifests = manifest::read::<RequestLimit>(Path::new("rule.yaml"), limit).expect("sound");
    let compiled = compile_limit(&manifests[0], contract()).expect("sound");
    let lints = value_guard::lint_limit(&manifests[0], &compiled, contract());
    let places: Vec<_> = lints.iter().map(|lint| lint.place().unwrap().0).collect();
    assert_eq!(places, [7, 6], "{lints:?}");
}
