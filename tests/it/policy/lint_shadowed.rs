//! Validations that a broader one makes useless: what `check` says of them.

use crate::support::gateway::{bundle, text};
use portcullis::policy::ProvableIdentity;
use std::time::SystemTime;

/// A policy: its name, operations, environments, conditions, action, and expressions.
fn policy(name: &str, scope: [&str; 3], action: &str, expressions: &[&str]) -> String {
    let [operations, environments, conditions] = scope;
    let conditions = if conditions.is_empty() {
        String::new()
    } else {
        format!("  matchConditions:\n  - {{ name: it, expression: '{conditions}' }}\n")
    };
    let environments =
        if environments.is_empty() { String::new() } else { format!(", environments: [{environments}]") };
    let validations: String = expressions
        .iter()
        .map(|expression| format!("  - expression: '{expression}'\n    message: it must not be\n"))
        .collect();
    format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: {name} }}\nspec:\n  match: {{ operations: [{operations}]{environments} }}\n  params: {{ most: 3 }}\n{conditions}  validations:\n{validations}  actions: [{action}]\n"
    )
}

const USERS: [&str; 3] = ["CreateUser, UpdateUser", "production", ""];
const FORBIDDEN: &str = "body.skip_password_checks != true";

/// What is said of a narrow policy beside a broad one.
fn said(broad: &str, narrow: &str) -> Vec<String> {
    let texts = [text("broad.yaml", broad), text("narrow.yaml", narrow)];
    let lints = bundle(&texts).lints(SystemTime::UNIX_EPOCH, ProvableIdentity::ALL);
    let shadowed = lints.into_iter().filter(|lint| lint.message.contains("demands all that"));
    shadowed.map(|lint| format!("{}: {}", lint.file.display(), lint.message)).collect()
}

const SAID: &str = "narrow.yaml: `broad` demands all that this does, for every request that `narrow` matches";

#[test]
fn a_rule_that_a_broader_one_makes_useless_is_told() {
    let broad = policy("broad", USERS, "Deny", &["body.first_name != \"x\" && body.skip_password_checks != true"]);
    for (what, scope, action, expression) in [
        ("the same", USERS, "Deny", FORBIDDEN),
        ("written otherwise", USERS, "Deny", "(body.skip_password_checks!=true)"),
        ("of fewer operations", ["CreateUser", "production", ""], "Deny", FORBIDDEN),
        ("of fewer requests", ["CreateUser, UpdateUser", "production", "body.locale == null"], "Deny", FORBIDDEN),
        ("with a weaker action", USERS, "Audit", FORBIDDEN),
    ] {
        assert_eq!(said(&broad, &policy("narrow", scope, action, &[expression])), [SAID], "{what}");
    }
    let everywhere = policy("broad", ["CreateUser, UpdateUser", "", ""], "Deny", &[FORBIDDEN]);
    assert_eq!(said(&everywhere, &policy("narrow", USERS, "Deny", &[FORBIDDEN])), [SAID]);
}

#[test]
fn a_rule_that_decides_something_is_not_told() {
    let narrow = policy("narrow", USERS, "Deny", &[FORBIDDEN]);
    for (what, scope, action, expression) in [
        ("fewer operations", ["UpdateUser", "production", ""], "Deny", FORBIDDEN),
        ("another environment", ["CreateUser, UpdateUser", "development", ""], "Deny", FORBIDDEN),
        ("fewer requests", ["CreateUser, UpdateUser", "production", "body.locale == null"], "Deny", FORBIDDEN),
        ("a weaker action", USERS, "Audit", FORBIDDEN),
        ("another field", USERS, "Deny", "body.skip_legal_checks != true"),
        ("less", USERS, "Deny", "body.skip_password_checks != true || body.locale == null"),
    ] {
        let said = said(&policy("broad", scope, action, &[expression]), &narrow);
        assert!(!said.iter().any(|said| said.starts_with("narrow")), "{what}: {said:?}");
    }
    let own = policy("narrow", USERS, "Deny", &["size(body.username) > params.most"]);
    assert_eq!(said(&own.replace("narrow", "broad").replace("most: 3", "most: 4"), &own), Vec::<String>::new());
}

#[test]
fn a_validation_that_stands_twice_is_told_once() {
    let twice = policy("broad", USERS, "Deny", &[FORBIDDEN, "body.skip_password_checks  !=  true"]);
    let other = policy("narrow", USERS, "Deny", &["body.skip_legal_checks != true"]);
    assert_eq!(said(&twice, &other), ["broad.yaml: validation 1 of `broad` demands all that this one does"]);
}

#[test]
fn what_someone_is_let_off_is_not_what_makes_another_useless() {
    let waiver = "---\napiVersion: portcullis/v1\nkind: Waiver\nmetadata: { name: off }\nspec:\n  policy: broad\n  matchConditions: [{ name: it, expression: 'body.locale == null' }]\n  owner: a\n  ticket: b\n  reason: c\n  expires: 2026-12-01\n";
    let narrow = policy("narrow", USERS, "Deny", &[FORBIDDEN]);
    let broad = policy("broad", USERS, "Deny", &[FORBIDDEN]);
    assert_eq!(said(&broad, &narrow), [SAID]);
    let other_way = "broad.yaml: `narrow` demands all that this does, for every request that `broad` matches";
    assert_eq!(said(&(broad + waiver), &narrow), [other_way]);
}
