//! `kind: Params`: values that several policies share.

use crate::support::gateway::text;
use portcullis::contract::Contract;
use portcullis::contract::strictness::Strictness;
use portcullis::diagnostic::Diagnostic;
use portcullis::judge::{Bundle, PolicyText};
use portcullis::policy::ProvableIdentity;
use portcullis::policy_test::{CaseResult, TestText, load};
use std::time::SystemTime;

fn params(name: &str, params: &str) -> PolicyText {
    let document =
        format!("apiVersion: portcullis/v1\nkind: Params\nmetadata: {{ name: {name} }}\nspec:\n  params: {params}\n");
    text(format!("{name}.yaml"), &document)
}

/// A policy with this `paramsFrom` and `params`.
fn policy(from: &str, own: &str, expression: &str) -> PolicyText {
    let document = format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: rule }}\nspec:\n  \
         match: {{ operations: [UpdateUser] }}\n  paramsFrom: {from}\n  params: {own}\n  \
         validations: [{{ expression: '{expression}', message: no }}]\n  actions: [Deny]\n"
    );
    text("rule.yaml", &document)
}

fn compile(texts: &[PolicyText]) -> Result<Bundle, Vec<String>> {
    let contract = Contract::built_in("2026-05-12").unwrap();
    let bundle = Bundle::compile(contract, texts, Strictness::default());
    bundle.map_err(|errors| errors.0.iter().map(describe).collect())
}

/// An error or warning, with its fix.
fn describe(found: &Diagnostic) -> String {
    let help = found.help.as_ref().map(|help| format!(" ({help})"));
    format!("{found}{}", help.unwrap_or_default())
}

const LOCALES: &str = "body.locale == null || body.locale in params.locales";

#[test]
fn a_policy_reads_shared_values_as_its_own() {
    let texts = [params("languages", "{ locales: [de, fr] }"), policy("[languages]", "{}", LOCALES)];
    let test = "apiVersion: portcullis/v1\nkind: PolicyTest\nmetadata: { name: rule }\nspec:\n  policies: [rule]\n  cases:\n    \
        - name: listed\n      request: { operation: UpdateUser, body: { locale: de } }\n      expect: { decision: allow }\n    \
        - name: not listed\n      request: { operation: UpdateUser, body: { locale: en } }\n      expect: { violates: [rule] }\n";
    let bundle = compile(&texts).unwrap();
    let suites = load(&[TestText { file: "rule.test.yaml".into(), text: test.to_owned() }], &bundle).unwrap();
    let results: Vec<_> = suites.iter().flat_map(|suite| suite.run("")).collect();
    assert!(results.len() == 2 && results.iter().all(CaseResult::passes), "{results:?}");
    // whichever file is read first
    let [shared, rule] = texts;
    compile(&[rule, shared]).unwrap();
}

#[test]
fn shared_values_have_types_as_own_ones() {
    let errors = compile(&[params("languages", "{ locales: 3 }"), policy("[languages]", "{}", LOCALES)]).unwrap_err();
    assert!(errors.len() == 1 && errors[0].contains("rule.yaml:8:"), "{errors:?}");
}

#[test]
fn references_that_do_not_fit_are_reported_with_place_and_fix() {
    let languages = || params("languages", "{ locales: [de], most: 3 }");
    let others = || params("others", "{ locales: [fr] }");
    for (texts, expected) in [
        (
            vec![languages(), policy("[language]", "{ locales: [de] }", LOCALES)],
            "rule.yaml:6:16: `language` is not a `kind: Params` that was loaded (did you mean `languages`?)",
        ),
        (
            vec![languages(), policy("[languages, languages]", "{}", LOCALES)],
            "rule.yaml:6:27: `languages` is listed twice",
        ),
        (
            vec![languages(), policy("[languages]", "{ locales: [fr] }", LOCALES)],
            "rule.yaml:6:16: `locales` of `languages` has another value here: `params` of the policy has it, too (rename one of them: \
             neither replaces the other)",
        ),
        (
            vec![languages(), others(), policy("[languages, others]", "{}", LOCALES)],
            "rule.yaml:6:27: `locales` of `others` has another value here: `paramsFrom` has it from `languages`, too (rename one of \
             them: neither replaces the other)",
        ),
        (
            vec![languages(), languages(), policy("[languages]", "{}", LOCALES)],
            "languages.yaml:3:19: `languages` is the name of another `kind: Params`, in languages.yaml",
        ),
        (
            vec![params("Languages", "{ locales: [de] }"), policy("[Languages]", "{}", LOCALES)],
            "Languages.yaml:3:19: `name` must be 1 to 63 lower-case letters, digits and `-`",
        ),
        (
            vec![params("languages", "{}")],
            "languages.yaml:5:11: `spec.params` must not be empty (such as `{\"services\":[\"spiffe://example.org/billing\"]}`)",
        ),
    ] {
        let errors = compile(&texts).unwrap_err();
        assert_eq!(errors, [expected]);
    }
}

#[test]
fn what_is_not_used_is_a_warning() {
    let lints = |texts: &[PolicyText]| -> Vec<String> {
        let found = compile(texts).unwrap().lints(SystemTime::UNIX_EPOCH, ProvableIdentity::ALL);
        found.iter().map(describe).filter(|it| it.contains("uses") || it.contains("paramsFrom")).collect()
    };
    let languages = params("languages", "{ locales: [de], most: 3 }");
    assert_eq!(
        lints(&[languages.clone(), policy("[languages]", "{}", LOCALES)]),
        ["languages.yaml:5:28: no policy that lists `languages` uses `params.most` (use it, or remove it)"]
    );
    let own = policy("[]", "{ locales: [de] }", LOCALES);
    assert_eq!(
        lints(&[languages.clone(), own]),
        ["languages.yaml:3:19: no policy has `languages` in `paramsFrom` (list it in a policy, or remove it)"]
    );
    let other = policy("[languages]", "{ allowed: [de] }", "body.locale in params.allowed");
    let found = lints(&[languages, other]);
    assert!(
        found.iter().any(|it| it.starts_with("rule.yaml:6:16: no expression uses a value of `languages`")),
        "{found:?}"
    );
}

#[test]
fn a_change_of_shared_values_is_a_change_of_the_policy() {
    let hash = |locales: &str| {
        let bundle = compile(&[params("languages", locales), policy("[languages]", "{}", LOCALES)]).unwrap();
        bundle.policies.all()[0].hash
    };
    assert_eq!(hash("{ locales: [de] }"), hash("{ locales: [de] }"));
    assert_ne!(hash("{ locales: [de] }"), hash("{ locales: [fr] }"));
}
