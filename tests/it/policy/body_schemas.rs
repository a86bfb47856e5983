//! `spec.schema` of policies: what loading refuses, what does not fit, and what of it is told.

use crate::support::gateway::{bundle, contract, text};
use http::HeaderMap;
use portcullis::contract::Routed;
use portcullis::contract::credential::Environment;
use portcullis::contract::strictness::Strictness;
use portcullis::judge::violation::{Action, Field, Rule};
use portcullis::judge::{Bundle, Judgement, PolicyText, decide};
use portcullis::peer::Client;
use portcullis::policy::{Attributes, Instance};
use portcullis::reason::Reason;
use std::time::UNIX_EPOCH;

/// A policy with this schema, and more lines of its `spec`.
fn policy(schema: &str, spec: &str) -> PolicyText {
    let file = format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: shape }}\nspec:\n  match: {{ operations: [CreateUser] }}\n  \
         actions: [Deny]\n{spec}  schema:\n    {schema}\n"
    );
    text("shape.yaml", &file)
}

fn judged(policies: &[PolicyText], body: &str) -> Judgement {
    let bundle = bundle(policies);
    let Routed::Operation(operation, parameters) = bundle.route("POST", "/v1/users", None) else {
        panic!("CreateUser is in the contract")
    };
    let attributes = Attributes {
        method: "POST",
        path: "/v1/users",
        parameters: &parameters,
        query: "",
        headers: &HeaderMap::new(),
        environment: Environment::Production,
        key_fingerprint: None,
        instance: &Instance::UNNAMED,
        client: &Client::default(),
        time: UNIX_EPOCH,
    };
    decide(&bundle, &operation, &attributes, body.to_owned().into(), &mut ())
}

/// What is told of `body` under this schema: the field as callers see it, as logs do, and the message.
fn told(schema: &str, body: &str) -> Vec<(String, String, String)> {
    let judgement = judged(&[policy(schema, "")], body);
    let told = judgement.violations.iter().map(|violation| {
        assert_eq!((violation.action, violation.reason), (Action::Deny, Reason::PolicyDenied));
        assert_eq!(violation.rule, Rule::Policy("shape".into()));
        let (caller, log) =
            (violation.field.as_ref().map(Field::for_caller), violation.field.as_ref().map(Field::for_log));
        (caller.unwrap_or_default(), log.unwrap_or_default(), violation.message.to_string())
    });
    told.collect()
}

fn tell(caller: &str, log: &str, message: &str) -> (String, String, String) {
    (caller.to_owned(), log.to_owned(), message.to_owned())
}

const PLANS: &str =
    "{ properties: { public_metadata: { properties: { plan: { enum: [free, pro] } }, additionalProperties: false } } }";

#[test]
fn what_does_not_fit_is_told_by_place_and_rule_and_never_by_value() {
    assert_eq!(told(PLANS, r#"{"public_metadata":{"plan":"pro"}}"#), []);
    assert_eq!(
        told(PLANS, r#"{"public_metadata":{"plan":"hunter2"}}"#),
        [tell(
            "/public_metadata/plan",
            "/public_metadata/plan",
            r#"`/public_metadata/plan` must be one of ["free","pro"]"#
        )]
    );
    assert_eq!(
        told(PLANS, r#"{"public_metadata":{"Plan":1}}"#),
        [tell("/public_metadata/Plan", "/public_metadata/*", "`/public_metadata/Plan` is not allowed here")]
    );
    assert_eq!(
        told(
            "{ required: [first_name], properties: { last_name: { format: uuid, maxLength: 3 }, username: false } }",
            r#"{"last_name":"hunter2","username":"hunter2"}"#
        ),
        [
            tell("first_name", "first_name", "`first_name` is required"),
            tell("last_name", "last_name", "`last_name` must be at most 3 characters long"),
            tell("last_name", "last_name", "`last_name` must be a valid uuid"),
            tell("username", "username", "`username` is not allowed"),
        ]
    );
}

#[test]
fn an_absent_body_is_one_without_fields() {
    assert_eq!(told("{ required: [first_name] }", "").len(), 1);
    assert_eq!(told("{ properties: { first_name: { minLength: 3 } } }", ""), []);
    assert_eq!(told("{ properties: { first_name: { minLength: 3 } } }", "{}"), []);
}

#[test]
fn below_a_secret_nothing_is_told_that_could_be_one() {
    let schema = "{ properties: { password: { pattern: '^hunter', minLength: 12 }, private_metadata: { propertyNames: { maxLength: 3 }, additionalProperties: { type: integer } } } }";
    let found = told(schema, r#"{"password":"swordfish","private_metadata":{"hunter2":"hunter3"}}"#);
    let shown = format!("{found:?}");
    assert!(!shown.contains("hunter") && !shown.contains("swordfish"), "{shown}");
    assert!(found.contains(&tell("password", "password", "`password` must be at least 12 characters long")), "{shown}");
    assert!(found.contains(&tell("password", "password", "`password` does not fit the schema (`pattern`)")), "{shown}");
    assert!(
        found.contains(&tell("private_metadata", "private_metadata", "`private_metadata` must be an integer")),
        "{shown}"
    );
}

#[test]
fn schema_and_validations_are_both_asked_and_both_stand_beside_the_contract() {
    let validation = "  validations: [{ expression: body.username == null, message: no }]\n";
    let both = policy("{ properties: { first_name: { maxLength: 2 } } }", validation);
    let judgement = judged(std::slice::from_ref(&both), r#"{"username":"abcd","first_name":"abc"}"#);
    assert_eq!(judgement.violations.len(), 2, "{:?}", judgement.violations);
    assert_eq!(judgement.verdict.err(), Some(Reason::PolicyDenied));
    // a validation that could not be evaluated stays, whatever the schema says
    let failing = "  validations: [{ expression: int(body.username) > 0, message: no }]\n";
    let failing = policy("{ properties: { first_name: { maxLength: 2 } } }", failing);
    let written = "apiVersion: portcullis/v1\nkind: Waiver\nmetadata: { name: all }\nspec:\n  policy: shape\n  matchConditions: [{ name: all, expression: 'true' }]\n  \
                  owner: us\n  ticket: T-1\n  reason: test\n  expires: 2026-03-01\n";
    let waiver = text("waiver.yaml", written);
    let judgement = judged(&[failing.clone(), waiver.clone()], r#"{"username":"abcd","first_name":"abc"}"#);
    assert_eq!(judgement.verdict.err(), Some(Reason::PolicyError));
    // unless the schema refuses the body: then the validation has nothing to add, and a waiver that failed has
    let broken = text("waiver.yaml", &written.replace("'true'", "int(body.username) > 0"));
    let judgement = judged(&[failing, broken], r#"{"username":"abcd","first_name":"abc"}"#);
    assert_eq!(judgement.verdict.err(), Some(Reason::PolicyDenied));
    let messages: Vec<_> = judgement.violations.iter().map(|violation| violation.message.as_ref()).collect();
    assert!(messages.len() == 2 && messages[1].starts_with("waiver `all` could not be evaluated"), "{messages:?}");
    let judgement = judged(&[both, waiver], r#"{"username":"abcd","first_name":"abc"}"#);
    assert!(judgement.verdict.is_ok(), "what does not fit a policy's schema is waived with the policy");
    let narrower = policy("{ properties: { first_name: { type: string } } }", "");
    assert_eq!(judged(&[narrower], r#"{"first_name":1}"#).verdict.err(), Some(Reason::SchemaViolation));
}

/// Everything that is wrong with a policy that has this schema, without the file.
fn mistakes(schema: &str) -> Vec<String> {
    let loaded = Bundle::compile(contract(), &[policy(schema, "")], Strictness::default());
    let told = loaded.err().map(|error| error.0).unwrap_or_default().into_iter();
    told.map(|it| {
        let help = it.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{it}{help}").replace("shape.yaml:", "")
    })
    .collect()
}

#[test]
fn each_mistake_is_told_with_place_and_cure() {
    let no_field = "is not a field of any operation that this policy matches";
    for (schema, told) in [
        ("{ properties: { usernam: { type: string } } }", format!("8:21: `usernam` {no_field} (did you mean `username`?)")),
        ("{ required: [usernam] }", format!("8:18: `usernam` {no_field} (did you mean `username`?)")),
        ("{ not: { required: [usernam] } }", format!("8:25: `usernam` {no_field} (did you mean `username`?)")),
        ("{ properties: { username: { maxLenght: 3 } } }", "8:33: `maxLenght` is not a keyword of JSON Schema, and would check nothing (did you mean `maxLength`?)".to_owned()),
        ("{ properties: { username: { format: e-mail } } }", "8:41: `e-mail` is not a format that is checked (did you mean `email`?)".to_owned()),
        ("{ properties: { username: { pattern: '(?=a)' } } }", "8:42: the pattern is not a regular expression, or has look-around or back-references in it".to_owned()),
        ("{ properties: { username: { type: integer } } }", "8:39: the contract has null or string here, so that nothing would match".to_owned()),
        ("{ $ref: '#/$defs/a' }", "8:13: `$ref` leads nowhere in this schema, and may not lead out of it (put the schema under `$defs`, and refer to it as `#/$defs/NAME`)".to_owned()),
        ("{ $ref: 'https://example.org/schema.json' }", "8:13: `$ref` leads nowhere in this schema, and may not lead out of it (put the schema under `$defs`, and refer to it as `#/$defs/NAME`)".to_owned()),
        ("{ $ref: '#' }", "8:13: `$ref` leads back to itself, or through too many others".to_owned()),
        ("{ $schema: 'http://json-schema.org/draft-07/schema#' }", "8:16: `$schema` is another language than JSON Schema 2020-12; leave it out".to_owned()),
        ("{ properties: { username: { maxLength: many } } }", "8:44: `properties.username.maxLength` must be a whole number, found text".to_owned()),
    ] {
        assert_eq!(mistakes(schema), [told], "{schema}");
    }
    let all =
        mistakes("{ properties: { usernam: { type: string }, username: { maxLenght: 3 } }, required: [first_nam] }");
    assert_eq!(all.len(), 3, "{all:?}");
    let types = mistakes("{ properties: { username: { type: strin } } }");
    assert!(types.len() == 1 && types[0].starts_with("8:39: `properties.username.type` must be one of "), "{types:?}");
}

#[test]
fn what_other_versions_of_json_schema_have_is_told_once_with_its_cure() {
    for (schema, part, cure) in [
        (
            "{ properties: { username: { type: [string, null] } } }",
            "`properties.username.type`",
            "`\"null\"` in quotes",
        ),
        ("{ properties: { username: { type: null } } }", "`properties.username.type`", "`\"null\"` in quotes"),
        ("{ properties: { username: { type: string, nullable: true } } }", "`nullable`", "add `\"null\"`"),
        ("{ definitions: { a: { type: string } } }", "`definitions`", "`$defs`"),
        (
            "{ properties: { email_address: { items: [{ type: string }, { type: number }] } } }",
            "items`",
            "`prefixItems`",
        ),
        ("{ properties: { username: { exclusiveMinimum: true } } }", "exclusiveMinimum`", "as a number"),
        ("{ dependencies: { username: [locale] } }", "`dependencies`", "`dependentRequired`"),
        ("{ properties: { username: { type: string, required: true } } }", "required`", "a list of names"),
    ] {
        let told = mistakes(schema);
        assert!(told.len() == 1 && told[0].contains(part) && told[0].contains(cure), "{schema}: {told:#?}");
        assert!(told[0].matches("`string`").count() <= 1, "{told:#?}");
    }
}

#[test]
fn no_schema_costs_without_bound() {
    let circle = "{ $defs: { a: { allOf: [{ $ref: '#/$defs/b' }] }, b: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' }";
    assert!(mistakes(circle)[0].contains("leads back to itself"), "{:?}", mistakes(circle));
    let doubling: String = (0..20)
        .map(|level| {
            format!("l{level}: {{ allOf: [{{ $ref: '#/$defs/l{0}' }}, {{ $ref: '#/$defs/l{0}' }}] }}, ", level + 1)
        })
        .collect();
    let doubling =
        format!("{{ $defs: {{ {doubling} l20: true }}, allOf: [{{ $ref: '#/$defs/l8' }}, {{ $ref: '#/$defs/l8' }}] }}");
    assert!(
        mistakes(&doubling).iter().any(|told| told.contains("more than 2000 schemas")),
        "{:?}",
        mistakes(&doubling)
    );
}

#[test]
fn whoever_has_a_schema_reads_the_fields_it_names() {
    let reads = |schema: &str, field: &str| {
        !bundle(&[policy(schema, "")]).policies.readers("CreateUser", Some(field)).is_empty()
    };
    assert!(reads("{ properties: { username: { maxLength: 3 } } }", "/username"));
    assert!(!reads("{ properties: { username: { maxLength: 3 } } }", "/first_name"));
    assert!(reads("{ maxProperties: 3 }", "/first_name"));
}
