//! The hash of a rule: what changes it and what does not.

use super::{contract, text};
use crate::contract::{Contract, ContractText, ContractTexts};
use crate::manifest;
use crate::policy::{PolicyDocuments, RequestPolicy, RuleHash, compile_policy, compile_waiver};
use std::path::Path;

fn hash_by(contract: &Contract, text: &str) -> RuleHash {
    let manifests = manifest::read::<RequestPolicy>(Path::new("rule.yaml"), text).expect("a valid policy");
    compile_policy(&manifests[0], contract).unwrap_or_else(|errors| panic!("{text}: {errors:?}")).hash
}

fn hash(text: &str) -> RuleHash {
    hash_by(contract(), text)
}

const SPEC: &str = "  matchConditions: [{ name: renames, expression: variables.name != null }]\n  \
                    variables: [{ name: name, expression: body.username }]\n  params: { least: 3, words: { a: 1, b: 2 } }\n  \
                    schema: { properties: { username: { maxLength: 9 } } }\n";

fn rule() -> String {
    text(SPEC, "body.locale == null || size(body.username) > params.least")
}

#[test]
fn form_texts_and_the_action_do_not_change_the_hash() {
    let rule = rule();
    let same = |from: &str, to: &str| {
        assert!(rule.contains(from), "{from}");
        assert_eq!(hash(&rule.replacen(from, to, 1)), hash(&rule), "{to}");
    };
    same("body.locale == null ||", "body.locale==null   ||");
    same("body.locale == null || size(", "body.locale == null ||\n\n        size( ");
    same(">-\n        body.locale == null ||", "|\n        body.locale == null || // why\n        ");
    same("metadata:", "# a comment\nmetadata:");
    same("[CreateUser, UpdateUser]", "[UpdateUser, CreateUser]");
    same("UpdateUser] }", "UpdateUser], environments: [production, development] }");
    same("UpdateUser] }", "UpdateUser], except: [{ operations: [VerifyPassword], reason: no }] }");
    same("{ a: 1, b: 2 }", "{ b: 2, a: 1 }");
    same("name: renames", "name: changes_names");
    same("message: no", "message: another\n      hint: ask\n      field: username");
    same("[Deny]", "[Audit]");
    same("{ name: rule }", "{ name: rule, labels: { owner: identity } }");
}

#[test]
fn what_decides_the_outcome_changes_the_hash() {
    let rule = rule();
    let mut seen = vec![hash(&rule)];
    for (from, to) in [
        ("[CreateUser, UpdateUser]", "[UpdateUser]"),
        ("UpdateUser] }", "UpdateUser], environments: [production] }"),
        ("variables.name != null", "variables.name == null"),
        ("expression: body.username }", "expression: body.external_id }"),
        ("least: 3", "least: 4"),
        ("maxLength: 9", "maxLength: 8"),
        ("> params.least", ">= params.least"),
        ("message: no\n", "message: no\n    - { expression: body.first_name == null, message: no }\n"),
    ] {
        assert!(rule.contains(from), "{from}");
        let changed = hash(&rule.replacen(from, to, 1));
        assert!(!seen.contains(&changed), "{to}");
        seen.push(changed);
    }
}

#[test]
fn a_type_of_the_contract_counts_only_for_those_who_read_the_field() {
    let changed = |from: &str, to: &str| {
        let texts = ContractTexts::built_in();
        assert!(texts.versions.iter().any(|text| text.text.contains(from)), "{from}");
        let versions =
            texts.versions.iter().map(|text| ContractText { text: text.text.replace(from, to).into(), ..text.clone() });
        let texts = ContractTexts { versions: versions.collect(), overlay: None };
        Contract::load(&texts, "2026-05-12").unwrap_or_else(|error| panic!("{error}"))
    };
    let contract =
        changed(r#""locale":{"type":["string","null"]}"#, r#""locale":{"type":["string","integer","null"]}"#);
    let (reader, other) = (text("", "body.locale == null"), text("", "body.username == null"));
    assert_ne!(hash_by(&contract, &reader), hash(&reader));
    assert_eq!(hash_by(&contract, &other), hash(&other));
}

#[test]
fn a_waiver_is_hashed_by_its_conditions_and_its_expiry() {
    let waiver = |name: &str, expression: &str, expires: &str| {
        let waiver = format!(
            "apiVersion: portcullis/v1\nkind: Waiver\nmetadata: {{ name: {name} }}\nspec:\n  policy: rule\n  \
             matchConditions: [{{ name: a, expression: '{expression}' }}]\n  owner: a\n  ticket: b\n  reason: c\n  \
             expires: {expires}\n"
        );
        let mut documents = PolicyDocuments::default();
        assert_eq!(documents.read(Path::new("rule.yaml"), &format!("{}---\n{waiver}", rule())), []);
        compile_waiver(&documents.waivers[0], &documents, contract()).unwrap_or_else(|errors| panic!("{errors:?}"))
    };
    let one = || waiver("one", "client.ip == null", "2027-06-30").into();
    let hash = |waivers: Vec<_>| RuleHash::of_waivers(&waivers);
    assert_eq!(hash(vec![]), None);
    let alone = hash(vec![one()]);
    assert_eq!(alone, hash(vec![waiver("two", "client.ip==null", "2027-06-30T02:00:00+02:00").into()]));
    let expired = hash(vec![waiver("one", "client.ip == null", "2026-06-30").into()]);
    let other = || waiver("two", "client.ip != null", "2027-06-30").into();
    let all = [None, alone, expired, hash(vec![other()]), hash(vec![one(), other()])];
    assert!((0..all.len()).all(|at| !all[..at].contains(&all[at])), "{all:?}");
    assert_eq!(hash(vec![other(), one()]), all[4]);
}
