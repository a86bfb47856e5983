//! Decisions of the judge that a `PolicyTest` cannot express: bodies as bytes, credentials, and how strictly the contract is
//! applied. The others are in `tests/policies`.

use crate::support::gateway::{bundle, contract, shipped};
use bytes::Bytes;
use http::HeaderMap;
use portcullis::contract::credential::{Credential, Environment};
use portcullis::contract::strictness::{Mode, OperationEntry, Strictness, UnknownFields, Validate};
use portcullis::contract::{Parameters, Routed};
use portcullis::judge::violation::{Field, Rule, Violation};
use portcullis::judge::{Bundle, PolicyText, decide};
use portcullis::peer::Client;
use portcullis::policy::{Attributes, Instance, PolicyOutcome};
use portcullis::policy_test::{TestText, load};
use std::collections::BTreeSet;
use std::fs;
use std::time::SystemTime;

/// What a case is about, method and path, the `Authorization` header, the body, and the decision as [`decision`] writes it.
type Case = (&'static str, &'static str, Option<&'static str>, &'static str, &'static str);

const LIVE: Option<&str> = Some("Bearer sk_live_portcullis");
const TEST: Option<&str> = Some("Bearer sk_test_portcullis");
/// Only exactly `Bearer` is a key of development: whatever else an upstream may accept is judged as production.
const OTHER: Option<&str> = Some("bearer sk_test_portcullis");
const NONE: Option<&str> = None;

const DENIED_BY_POLICY: &str = "deny policy_denied by no-skip-password-checks at skip_password_checks";

/// The decision in words: `allow` or `deny REASON`, the policies that found something (`by`), and the fields (`at`).
fn decision(bundle: &Bundle, (name, request, authorization, body, _): &Case) -> String {
    let (method, path) = request.split_once(' ').expect("method and path");
    let Routed::Operation(operation, parameters) = bundle.route(method, path, None) else {
        panic!("{name}: {request} is no operation")
    };
    let headers = HeaderMap::new();
    let attributes = Attributes {
        method,
        path,
        parameters: &parameters,
        query: "",
        headers: &headers,
        environment: authorization.map_or(Environment::Production, |it| Credential::of(it.as_bytes()).environment()),
        key_fingerprint: None,
        instance: &Instance::UNNAMED,
        client: &Client::default(),
        time: SystemTime::UNIX_EPOCH,
    };
    let body = Bytes::from_static(body.as_bytes());
    let judgement = decide(bundle, &operation, &attributes, body.clone(), &mut ());
    let mut words = match judgement.verdict {
        Err(reason) => format!("deny {}", reason.as_str()),
        Ok(permit) => {
            // Only the bytes that were judged may reach the upstream, not a body that was written anew.
            assert_eq!(permit.judged_body(), Some(&body), "{name}");
            "allow".to_owned()
        }
    };
    let policies = policies_of(judgement.violations.iter());
    let fields = judgement.violations.iter().filter_map(|violation| violation.field.as_ref().map(Field::for_caller));
    for (word, names) in [("by", policies), ("at", fields.collect())] {
        if !names.is_empty() {
            words.push_str(&[" ", word, " ", &names.into_iter().collect::<Vec<_>>().join(", ")].concat());
        }
    }
    words
}

fn assert_decisions(bundle: &Bundle, cases: &[Case]) {
    for case in cases {
        assert_eq!(decision(bundle, case), case.4, "{}", case.0);
    }
}

/// The shipped policies, with the contract applied as `strictness` says.
fn strict(strictness: Strictness) -> Bundle {
    Bundle::compile(contract(), &shipped(), strictness).expect("valid policies")
}

fn entries(operations: &[(&str, Mode, Option<UnknownFields>)]) -> Bundle {
    let operations = operations.iter().map(|(matches, mode, unknown_fields)| OperationEntry {
        matches: (*matches).to_owned(),
        mode: *mode,
        unknown_fields: *unknown_fields,
    });
    strict(Strictness { operations: operations.collect(), ..Strictness::default() })
}

#[test]
fn bodies_are_judged_as_bytes() {
    assert_decisions(
        &bundle(&shipped()),
        &[
            (
                "a name twice deep in metadata",
                "PATCH /v1/users/user_1/metadata",
                LIVE,
                r#"{"private_metadata":{"a":{"b":1,"b":2}}}"#,
                "deny ambiguous_json at /private_metadata/a",
            ),
            ("form data", "POST /v1/users", LIVE, "skip_password_checks=true", "deny malformed_json"),
            ("a byte order mark", "PATCH /v1/users/user_1", LIVE, "\u{feff}{}", "deny malformed_json"),
            (
                "an escaped name is the same name",
                "PATCH /v1/users/user_1",
                LIVE,
                r#"{"\u0073kip_password_checks":true}"#,
                DENIED_BY_POLICY,
            ),
            (
                "spaces change nothing",
                "PATCH /v1/users/user_1",
                LIVE,
                " {\t\"skip_password_checks\" :\r\n true } ",
                DENIED_BY_POLICY,
            ),
            (
                "twice, forbidden last",
                "PATCH /v1/users/user_1",
                TEST,
                r#"{"skip_password_checks":false,"skip_password_checks":true}"#,
                "deny ambiguous_json",
            ),
            (
                "twice, forbidden first",
                "PATCH /v1/users/user_1",
                TEST,
                r#"{"skip_password_checks":true,"skip_password_checks":false}"#,
                "deny ambiguous_json",
            ),
            (
                "two documents",
                "PATCH /v1/users/user_1",
                TEST,
                r#"{"first_name":"a"}{"skip_password_checks":true}"#,
                "deny malformed_json",
            ),
        ],
    );
}

#[test]
fn a_credential_that_is_not_of_development_is_production() {
    assert_decisions(
        &bundle(&shipped()),
        &[
            (
                "no credential is production",
                "PATCH /v1/users/user_1",
                NONE,
                r#"{"skip_password_checks":true}"#,
                DENIED_BY_POLICY,
            ),
            (
                "another credential is production",
                "PATCH /v1/users/user_1",
                OTHER,
                r#"{"skip_password_checks":true}"#,
                DENIED_BY_POLICY,
            ),
        ],
    );
}

#[test]
fn validating_all_operations_only_audits_the_unlisted() {
    assert_decisions(
        &strict(Strictness { validate: Validate::All, ..Strictness::default() }),
        &[
            (
                "only audits organizations",
                "POST /v1/organizations",
                LIVE,
                r#"{"name":5,"nme":1}"#,
                "allow at name, nme",
            ),
            (
                "still enforces users",
                "PATCH /v1/users/user_1",
                LIVE,
                r#"{"username":5}"#,
                "deny schema_violation at username",
            ),
            ("may be no JSON", "POST /v1/organizations", LIVE, "name=a", "allow"),
            ("may have a name twice", "POST /v1/organizations", LIVE, r#"{"name":"a","name":"b"}"#, "allow"),
            ("may look like a name", "POST /v1/organizations", LIVE, r#"{"name":"a","Name":"b"}"#, "allow at Name"),
            ("may be a list", "POST /v1/organizations", LIVE, "[]", "allow"),
        ],
    );
}

#[test]
fn an_operation_may_be_enforced_by_a_glob() {
    assert_decisions(
        &entries(&[("*Organization", Mode::Enforce, None)]),
        &[(
            "an operation may be enforced by name",
            "POST /v1/organizations",
            LIVE,
            r#"{"name":5}"#,
            "deny schema_violation at name",
        )],
    );
}

#[test]
fn the_last_matching_entry_decides() {
    assert_decisions(
        &entries(&[("*", Mode::Audit, None), ("UpdateUser", Mode::Enforce, Some(UnknownFields::Allow))]),
        &[(
            "the last entry that matches decides",
            "PATCH /v1/users/user_1",
            LIVE,
            r#"{"brand_new":1,"username":5}"#,
            "deny schema_violation at username",
        )],
    );
}

#[test]
fn unknown_fields_may_be_allowed_for_one_operation() {
    assert_decisions(
        &entries(&[("UpdateUser", Mode::Enforce, Some(UnknownFields::Allow))]),
        &[
            (
                "unknown fields may be allowed for one operation",
                "PATCH /v1/users/user_1",
                LIVE,
                r#"{"brand_new":1}"#,
                "allow",
            ),
            (
                "unknown fields are still refused for the others",
                "POST /v1/users",
                LIVE,
                r#"{"brand_new":1}"#,
                "deny schema_violation at brand_new",
            ),
            (
                "where unknown fields are allowed, what looks like a known one is not",
                "PATCH /v1/users/user_1",
                LIVE,
                r#"{"skipPasswordChecks":true}"#,
                "deny ambiguous_json at skipPasswordChecks",
            ),
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases, one below the other")]
fn auditing_the_contract_keeps_policies_in_force() {
    assert_decisions(
        &entries(&[("UpdateUser", Mode::Audit, None)]),
        &[
            (
                "lets pass what does not fit",
                "PATCH /v1/users/user_1",
                LIVE,
                r#"{"username":5,"brand_new":1}"#,
                "allow at brand_new, username",
            ),
            (
                "auditing does not turn policies off",
                "PATCH /v1/users/user_1",
                LIVE,
                r#"{"username":5,"skip_password_checks":true}"#,
                "deny policy_denied by no-skip-password-checks at skip_password_checks, username",
            ),
            (
                "refuses what is no JSON",
                "PATCH /v1/users/user_1",
                LIVE,
                "skip_password_checks=true",
                "deny malformed_json",
            ),
            (
                "refuses a name twice",
                "PATCH /v1/users/user_1",
                LIVE,
                r#"{"skip_password_checks":true,"skip_password_checks":false}"#,
                "deny ambiguous_json",
            ),
            (
                "refuses what looks like a known name",
                "PATCH /v1/users/user_1",
                LIVE,
                r#"{"Skip_Password_Checks":true}"#,
                "deny ambiguous_json at Skip_Password_Checks",
            ),
            (
                "refuses what looks like a known name to others",
                "PATCH /v1/users/user_1",
                LIVE,
                r#"{"skipPasswordChecks":true}"#,
                "deny ambiguous_json at skipPasswordChecks",
            ),
            (
                "refuses a body in which policies see nothing",
                "PATCH /v1/users/user_1",
                LIVE,
                r#"[{"skip_password_checks":true}]"#,
                "deny schema_violation",
            ),
            (
                "refuses another type where one that denies reads",
                "PATCH /v1/users/user_1",
                LIVE,
                r#"{"skip_password_checks":"true"}"#,
                "deny schema_violation at skip_password_checks",
            ),
            (
                "such a type passes in the environment that the policy is not for",
                "PATCH /v1/users/user_1",
                TEST,
                r#"{"skip_password_checks":"true"}"#,
                "allow at skip_password_checks",
            ),
        ],
    );
}

/// The names of the policies that found something, whatever their action.
fn policies_of<'v>(violations: impl Iterator<Item = &'v Violation>) -> BTreeSet<String> {
    let names = violations.filter_map(|violation| match &violation.rule {
        Rule::Policy(name) => Some(name.to_string()),
        Rule::Keyword(_) | Rule::Gateway => None,
    });
    names.collect()
}

#[test]
fn the_policy_tests_of_this_repository_pass() {
    let files = fs::read_dir("tests/policies").unwrap().map(|entry| entry.unwrap().path());
    let texts = files.map(|file| TestText { text: fs::read_to_string(&file).unwrap(), file });
    let bundle = bundle(&shipped());
    let suites = load(&texts.collect::<Vec<_>>(), &bundle).expect("valid tests");
    let results: Vec<_> = suites.iter().flat_map(|suite| suite.run("")).collect();
    let failures: Vec<_> = results.iter().filter(|it| !it.passes()).map(|it| it.failure().to_string()).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(results.len() >= 92, "{} cases", results.len());

    let fired = policies_of(results.iter().flat_map(|result| &result.actual.violations));
    let all: BTreeSet<_> = bundle.policies.all().iter().map(|policy| policy.name.to_string()).collect();
    assert_eq!(fired, all, "every shipped policy has a case that it objects to");
    let is_silent = |violations: &[Violation]| policies_of(violations.iter()).is_empty();
    let silent = results.iter().filter(|it| it.actual.refused.is_none() && is_silent(&it.actual.violations));
    assert!(silent.count() >= 20);
}

/// The attributes of `PATCH /v1/users/user_1`.
fn of_patch<'a>(
    parameters: &'a Parameters,
    headers: &'a HeaderMap,
    environment: Environment,
    instance: &'a Instance,
) -> Attributes<'a> {
    const NO_CLIENT: &Client = &Client { address: None, certificate: None, unix_uid: None };
    Attributes {
        method: "PATCH",
        path: "/v1/users/user_1",
        parameters,
        query: "",
        headers,
        environment,
        key_fingerprint: None,
        instance,
        client: NO_CLIENT,
        time: SystemTime::UNIX_EPOCH,
    }
}

#[test]
fn policies_for_other_environments_have_an_outcome_and_are_not_visited() {
    let policy = |name: &str, environments: &str| PolicyText {
        file: format!("{name}.yaml").into(),
        text: format!(
            "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: {name} }}\nspec:\n  match: {{ operations: [UpdateUser], \
             environments: [{environments}] }}\n  validations: [{{ expression: 'body.locale == null', message: no }}]\n  actions: [Deny]\n"
        ),
    };
    let texts = [
        policy("a", "production"),
        policy("b", "development"),
        policy("c", "production, development"),
        policy("d", "staging"),
        policy("e", "development"),
    ];
    let bundle =
        Bundle::compile_for(contract(), &texts, Strictness::default(), &["staging".to_owned()].into()).expect("sound");
    let Routed::Operation(operation, parameters) = bundle.route("PATCH", "/v1/users/user_1", None) else { panic!() };
    let staging = Instance { environment: Some("staging".into()), ..Instance::UNNAMED };
    for (environment, instance, visited, violated) in [
        (Environment::Production, &Instance::UNNAMED, "acd", "ac"),
        (Environment::Development, &Instance::UNNAMED, "bcde", "bce"),
        (Environment::Production, &staging, "acd", "acd"),
        (Environment::Development, &staging, "bcde", "bcde"),
    ] {
        let headers = HeaderMap::new();
        let attributes = of_patch(&parameters, &headers, environment, instance);
        let judgement = decide(&bundle, &operation, &attributes, Bytes::from_static(br#"{"locale":"de"}"#), &mut ());
        assert_eq!(judgement.rules.iter().map(|(policy, _)| &*policy.name).collect::<String>(), visited);
        let outcomes: Vec<_> = judgement.outcomes(&bundle, &operation).collect();
        assert_eq!(outcomes.iter().map(|(policy, _)| &*policy.name).collect::<String>(), "abcde");
        for (policy, outcome) in outcomes {
            let is_violated = matches!(outcome, PolicyOutcome::Violated(_));
            assert_eq!(is_violated, violated.contains(&*policy.name), "{} {environment}", policy.name);
            assert_eq!(!is_violated, *outcome == PolicyOutcome::OtherEnvironment, "{} {environment}", policy.name);
        }
        let unread = decide(&bundle, &operation, &attributes, Bytes::from_static(b"{"), &mut ());
        assert_eq!(unread.outcomes(&bundle, &operation).count(), 0);
    }
}

/// What a policy with this condition and validation reports for a body, without its name.
fn messages(condition: &str, expression: &str, body: &'static str) -> String {
    let text = format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: rule }}\nspec:\n  match: {{ operations: [UpdateUser] }}\n  \
         variables: [{{ name: number, expression: int(body.first_name) }}]\n  \
         matchConditions: [{{ name: when, expression: '{condition}' }}]\n  \
         validations: [{{ expression: '{expression}', message: no }}]\n  actions: [Deny]\n"
    );
    let texts = [PolicyText { file: "rule.yaml".into(), text }];
    let bundle = Bundle::compile(contract(), &texts, Strictness::default()).expect("sound");
    let Routed::Operation(operation, parameters) = bundle.route("PATCH", "/v1/users/user_1", None) else { panic!() };
    let headers = HeaderMap::new();
    let instance = Instance::UNNAMED;
    let attributes = of_patch(&parameters, &headers, Environment::Production, &instance);
    let judgement = decide(&bundle, &operation, &attributes, Bytes::from_static(body.as_bytes()), &mut ());
    let messages: Vec<_> = judgement.violations.iter().map(|violation| violation.message.to_string()).collect();
    messages.join("; ").replace("policy `rule` could not be evaluated: ", "")
}

#[test]
fn a_failure_names_the_smallest_part_that_fails() {
    let number = "text does not convert to that type";
    for (condition, expression, body, expected) in [
        (
            "true",
            "int(body.first_name) > 3",
            r#"{"first_name":"a"}"#,
            format!("validation 1: `int(body.first_name)`: {number}"),
        ),
        // what another part makes up for is not the failure
        (
            "true",
            "(int(body.first_name) > 3 || body.last_name == null) && int(body.locale) > 3",
            r#"{"first_name":"a","locale":"b"}"#,
            format!("validation 1: `int(body.locale)`: {number}"),
        ),
        (
            "true",
            "variables.number > 3",
            r#"{"first_name":"a"}"#,
            format!("validation 1: `int(body.first_name)`: {number}"),
        ),
        (
            "int(body.locale) > 3",
            "body.locale == null",
            r#"{"locale":"b"}"#,
            format!("match condition `when`: `int(body.locale)`: {number}"),
        ),
        (
            "true",
            "body.backup_codes == null || body.backup_codes.all(it, int(it) > 3)",
            r#"{"backup_codes":["1234567890","abcdefghij"]}"#,
            format!("validation 1: `int(it)`: {number}"),
        ),
        ("true", "body.first_name == null", r#"{"first_name":"a"}"#, "no".to_owned()),
    ] {
        let found = messages(condition, expression, body);
        assert_eq!(found, expected, "{expression}");
    }
}
