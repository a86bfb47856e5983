//! Tests of policies: those that ship, what `portcullis test` tells of others, and that none is served whose own tests fail.

use crate::support::program::Program;
use portcullis::contract::Contract;
use portcullis::contract::strictness::Strictness;
use portcullis::judge::{Bundle, PolicyText};
use portcullis::policy_test::{CaseResult, PolicyCoverage, TestText, load, mutate};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const POLICY: &str = include_str!("../../../policies/no-skip-password-checks.yaml");
const GATEWAY: &str = "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\nupstream: { url: embedded }\npolicies: [policies]\n";
const HEAD: &str = "apiVersion: portcullis/v1\nkind: PolicyTest\nmetadata: { name: skip }\nspec:\n  cases:\n";
const GOOD: &str = "    - name: a skip is refused
      request: { operation: UpdateUser, body: { skip_password_checks: true } }
      expect: { decision: deny, policies: [no-skip-password-checks], fields: [skip_password_checks] }
";
const BAD: &str = "    - name: a skip passes
      request: { operation: UpdateUser, body: { skip_password_checks: true } }
      expect: { decision: allow }
";

/// The YAML files in policies/; tests or not.
fn shipped(tests: bool) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_wanted = |file: &PathBuf| {
        let is_test = file.to_str().unwrap().ends_with(".test.yaml");
        file.extension().is_some_and(|end| end == "yaml") && is_test == tests
    };
    let mut files: Vec<_> = files.filter(is_wanted).collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), fs::read_to_string(&file).unwrap())).collect()
}

#[test]
fn the_policies_that_ship_decide_as_their_tests_say_in_every_version() {
    let policies: Vec<_> = shipped(false).into_iter().map(|(file, text)| PolicyText { file, text }).collect();
    let tests: Vec<_> = shipped(true).into_iter().map(|(file, text)| TestText { file, text }).collect();
    assert_eq!((policies.len(), tests.len()), (policies.len(), policies.len()), "every policy has its test");
    let newest = Contract::built_in("2026-05-12").unwrap();
    for version in newest.versions() {
        let contract = Contract::built_in(version).unwrap();
        let bundle = Bundle::compile(contract, &policies, Strictness::default()).unwrap();
        let suites = load(&tests, &bundle).unwrap();
        let results: Vec<CaseResult<'_>> = suites.iter().flat_map(|suite| suite.run("")).collect();
        let failures: Vec<_> = results.iter().filter(|result| !result.passes()).collect();
        assert!(
            failures.is_empty(),
            "{version}: {:#?}",
            failures.iter().map(|it| it.failure().to_string()).collect::<Vec<_>>()
        );
        let coverage = PolicyCoverage::of(&results, &bundle);
        let unseen: Vec<_> = coverage.branches.iter().filter(|branch| !branch.seen).collect();
        assert!(unseen.is_empty(), "{version}: {unseen:#?}");
        let (rules, shown) = coverage.rules();
        assert!(rules == shown && rules > policies.len(), "{version}: {shown} of {rules}");
    }
}

#[test]
fn promoting_a_policy_that_ships_breaks_no_test() {
    let policies = shipped(false).into_iter().map(|(file, text)| PolicyText {
        file,
        text: text.replace("actions: [Audit]", "actions: [Deny]").replace("actions: [Warn]", "actions: [Deny]"),
    });
    let policies: Vec<_> = policies.collect();
    let tests: Vec<_> = shipped(true).into_iter().map(|(file, text)| TestText { file, text }).collect();
    let bundle = Bundle::compile(Contract::built_in("2026-05-12").unwrap(), &policies, Strictness::default()).unwrap();
    let suites = load(&tests, &bundle).unwrap();
    let results = suites.iter().flat_map(|suite| suite.run("")).filter(|result| !result.passes());
    let failures: Vec<_> = results.map(|result| result.failure().to_string()).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn each_test_that_ships_names_its_schema_and_fits_it() {
    let schema = include_str!("../../../policies/policy-test.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    for (file, text) in shipped(true) {
        assert!(text.starts_with("# yaml-language-server: $schema=./policy-test.schema.json\n"), "{}", file.display());
        let value = portcullis::manifest::read::<serde_json::Value>(&file, &text).unwrap().remove(0).value;
        assert!(schema.is_valid(&value), "{}", file.display());
    }
}

/// A folder with a gateway, one policy and its test.
fn folder(cases: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(folder.path().join("gateway.yaml"), GATEWAY).unwrap();
    fs::write(folder.path().join("policies/skip.yaml"), POLICY).unwrap();
    fs::write(folder.path().join("policies/skip.test.yaml"), format!("{HEAD}{cases}")).unwrap();
    folder
}

fn portcullis(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).current_dir(folder.path()).env_clear().env("PORTCULLIS_CONFIG", "gateway.yaml");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_failure_tells_what_was_decided_instead_and_why() {
    let folder = folder(&format!("{GOOD}{BAD}"));
    let output = portcullis(&folder, &["test", "policies"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    insta::assert_snapshot!(text(&output.stdout), @r"
    FAIL skip: a skip passes
      policies/skip.test.yaml:9
      decision  expected  allow  got  deny (policy_denied)
      why:
        no-skip-password-checks  deny  not true: body.skip_password_checks != true
        deny by no-skip-password-checks: skip_password_checks is not allowed in production

    2 cases: 1 passed, 1 failed
    coverage: 0 of 1 rules, 1 of 2 branches (50 %)
      never true  policies/skip.yaml:16  body.skip_password_checks != true
    ");
    let output = portcullis(&folder, &["test", "policies/skip.test.yaml", "--filter", "is refused"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn what_a_case_leaves_out_is_not_let_pass() {
    for (case, mismatch) in [
        (
            "request: { operation: UpdateUser, body: { skip_password_checks: 1 } }\n      expect: { decision: deny }",
            "expected  deny (policy_denied)  got  deny (schema_violation)",
        ),
        (
            "request: { operation: UpdateUser, body: { skip_password_checks: true } }\n      expect: { decision: deny, fields: [] }",
            "expected  none  got  skip_password_checks",
        ),
        (
            "request: { operation: UpdateUser, body: { skip_password_checks: true } }\n      expect: { decision: deny, audits: [no-skip-password-checks] }",
            "expected  no-skip-password-checks  got  none",
        ),
        (
            "request: { operation: UpdateUser, environment: development, body: { skip_password_checks: true } }\n      expect: { decision: deny }",
            "got  allow",
        ),
        (
            "request: { method: PATCH, path: /v1/users/user_1/ }\n      expect: { decision: allow }",
            "got  deny (ambiguous_path)",
        ),
        (
            "request: { method: PATCH, path: /v1/users/user_1, body: null }\n      expect: { decision: allow }",
            "got  deny (schema_violation)",
        ),
    ] {
        let folder = folder(&format!("    - name: a\n      {case}\n"));
        let output = portcullis(&folder, &["test"]);
        assert_eq!(output.status.code(), Some(4), "{case}");
        assert!(text(&output.stdout).contains(mismatch), "{}", text(&output.stdout));
    }
    let audited = POLICY.replace("[Deny]", "[Audit]");
    let folder = folder(BAD);
    fs::write(folder.path().join("policies/skip.yaml"), audited).unwrap();
    let output = portcullis(&folder, &["test"]);
    assert_eq!(output.status.code(), Some(4), "an audit that no one expects");
}

/// A policy that fails to be evaluated where the header is no number.
const FAILS: &str = "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: { name: seats }\nspec:\n  match: { operations: [UpdateUser] }\n  validations: [{ expression: 'int(request.headers[\"x-seats\"]) > 0', message: no seat }]\n  actions: [ACTION]\n";

#[test]
fn a_rule_that_cannot_be_evaluated_is_not_one_that_is_false() {
    for (action, expected, error, violation) in [
        ("Audit", "decision: allow, audits: [seats]", 4, 0),
        ("Warn", "decision: allow, warnings: [seats]", 4, 0),
        ("Deny", "decision: deny, policies: [seats]", 4, 0),
        ("Audit", "decision: allow, reason: policy_error, audits: [seats]", 0, 4),
        ("Deny", "decision: deny, reason: policy_error, policies: [seats]", 0, 4),
    ] {
        for (header, exit) in [("many", error), ("0", violation)] {
            let request = format!("request: {{ operation: UpdateUser, headers: {{ x-seats: '{header}' }} }}");
            let folder = folder(&format!("    - name: a\n      {request}\n      expect: {{ {expected} }}\n"));
            fs::write(folder.path().join("policies/skip.yaml"), FAILS.replace("ACTION", action)).unwrap();
            let output = portcullis(&folder, &["test"]);
            let report = text(&output.stdout);
            assert_eq!(output.status.code(), Some(exit), "{action} {expected} {header}: {report}");
            let names_it =
                report.lines().any(|line| line.contains("errors") && line.contains("none") && line.contains("seats"));
            assert!(header == "0" || exit == 0 || names_it, "{report}");
        }
    }
}

/// The report of `test` with `arguments`, after one case with `expected` for a request that violates a policy with `action`.
fn report_of(action: &str, expected: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let request = "request: { operation: UpdateUser, body: { skip_password_checks: true } }";
    let folder = folder(&format!("    - name: a\n      {request}\n      expect: {{ {expected} }}\n"));
    fs::write(folder.path().join("policies/skip.yaml"), POLICY.replace("[Deny]", action)).unwrap();
    let output = portcullis(&folder, &[&["test", "policies"], arguments].concat());
    (output.status.code(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

#[test]
fn what_a_case_violates_does_not_depend_on_the_action() {
    for action in ["[Audit]", "[Warn]", "[Deny]"] {
        let of = |expected: &str| report_of(action, expected, &[]);
        let (code, report) = of("violates: [no-skip-password-checks], fields: [skip_password_checks]");
        assert_eq!(code, Some(0), "{action}: {report}");
        let (code, report) = of("violates: []");
        assert_eq!(code, Some(4), "{action}: {report}");
        assert!(report.contains("violates  expected  none  got  no-skip-password-checks"), "{report}");
        assert_eq!(of("limited: []").0, Some(4), "{action}: without `violates` none is expected");
        assert_eq!(of("violates: [no-skip-password-checks], limited: []").0, Some(0), "{action}");
        let denies = of("decision: deny, violates: [no-skip-password-checks]").0;
        assert_eq!(denies, Some(if action == "[Deny]" { 0 } else { 4 }), "{action}");
        assert_eq!(of("fields: [skip_password_checks]").0, Some(3), "neither a decision nor what decides it");
    }
}

#[test]
fn a_promotion_is_seen_before_it_is_done() {
    let audited = "decision: allow, audits: [no-skip-password-checks]";
    assert_eq!(report_of("[Audit]", audited, &[]).0, Some(0));
    let (code, report) = report_of("[Audit]", audited, &["--as", "deny"]);
    assert_eq!(code, Some(4), "{report}");
    assert!(report.contains("expected  allow                    got  deny (policy_denied)"), "{report}");
    assert_eq!(report_of("[Warn]", "violates: [no-skip-password-checks]", &["--as", "deny"]).0, Some(0));
    assert_eq!(report_of("[Warn]", audited, &["--as", "audit"]).0, Some(2));
}

const LIMIT: &str = "apiVersion: portcullis/v1\nkind: RequestLimit\nmetadata: { name: pages }\nspec:\n  match: { operations: [GetUserList] }\n  key: request.query[\"page token\"]\n  events: 2\n  period: 20s\n  message: too many pages\n  actions: [ACTION]\n";
const PAGES: &str = "    - name: the second passes
      request: { operation: GetUserList, query: { 'page token': 'a&b=c' } }
      repeat: 2
      expect: { decision: allow, limits: { pages: 'a&b=c' } }
    - name: the third waits
      request: { operation: GetUserList, query: { 'page token': 'a&b=c' } }
      repeat: 3
      expect: { limited: [pages], retryAfter: 21 }
    - name: it waits for less later
      after: 5s
      request: { operation: GetUserList, query: { 'page token': 'a&b=c' } }
      expect: { limited: [pages], retryAfter: 16 }
    - name: another key does not wait
      after: 1s
      request: { operation: GetUserList, query: { 'page token': d } }
      expect: { violates: [], limited: [] }
    - name: it passes in the end
      after: 15s
      request: { operation: GetUserList, query: { 'page token': 'a&b=c' } }
      expect: { decision: allow }
    - name: a case begins with nothing counted
      request: { operation: GetUserList, query: { 'page token': 'a&b=c' } }
      repeat: 2
      expect: { decision: allow }
    - name: a parameter that is given twice is ambiguous
      request: { operation: GetUserList, query: { 'page token': [a, 1, true] } }
      expect: { decision: deny, reason: ambiguous_request }
";

#[test]
fn limits_count_repetitions_until_time_passes() {
    for action in ["Audit", "Deny"] {
        let folder = folder(PAGES);
        let limit = LIMIT.replace("ACTION", action);
        fs::write(folder.path().join("policies/skip.yaml"), limit).unwrap();
        // an operation that is only audited may have an ambiguous query
        let arguments: &[&str] = if action == "Deny" { &["test"] } else { &["test", "--filter", "s"] };
        let output = portcullis(&folder, arguments);
        let report = text(&output.stdout);
        if action == "Deny" {
            assert_eq!(output.status.code(), Some(0), "{report}");
            // a case that is run alone still follows those above it
            let alone = portcullis(&folder, &["test", "--filter", "waits for less"]);
            assert_eq!(alone.status.code(), Some(0), "{}", text(&alone.stdout));
        } else {
            assert!(report.contains("7 cases: 6 passed, 1 failed"), "{report}");
        }
    }
}

#[test]
fn a_limit_that_is_not_met_is_reported_with_its_time() {
    let cases =
        PAGES.replace("retryAfter: 21", "retryAfter: 20").replace("    - name: the second passes", "    - name: first");
    let folder = folder(&cases.replacen("repeat: 2\n", "after: 1s\n", 1));
    fs::write(folder.path().join("policies/skip.yaml"), LIMIT.replace("ACTION", "Deny")).unwrap();
    let output = portcullis(&folder, &["test"]);
    assert_eq!(output.status.code(), Some(3), "the first case has none above it");
    assert!(text(&output.stderr).contains("`after` is a time after the case above, and this is the first"));
    fs::write(folder.path().join("policies/skip.test.yaml"), format!("{HEAD}{cases}")).unwrap();
    let output = portcullis(&folder, &["test"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stdout).contains("retryAfter  expected  20 s  got  21 s"), "{}", text(&output.stdout));
}

#[test]
fn everything_wrong_with_a_test_file_is_told_at_its_place() {
    let folder = folder(
        "    - name: a
      request: { operation: UpdatUser }
      expect: { decision: deny, policies: [no-skip-pasword-checks] }
    - name: a
      request: { method: PATCH, time: yesterday, headers: { 'a b': c } }
      expect: { decision: allow, reason: policy_denied }
",
    );
    let output = portcullis(&folder, &["test", "policies"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty());
    insta::assert_snapshot!(text(&output.stderr), @r"
    error: `UpdatUser` is not an operation of the contract
     --> policies/skip.test.yaml:7:29
      |
    7 |       request: { operation: UpdatUser }
      |                             ^^^^^^^^^
      |
      = help: did you mean `UpdateUser`?

    error: `no-skip-pasword-checks` does not judge the cases of this file
     --> policies/skip.test.yaml:8:43
      |
    8 |       expect: { decision: deny, policies: [no-skip-pasword-checks] }
      |                                           ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `no-skip-password-checks`?

    error: `name` is that of an earlier case
     --> policies/skip.test.yaml:9:13
      |
    9 |     - name: a
      |             ^

    error: `request` needs `operation`, or `method` and `path`
      --> policies/skip.test.yaml:10:7
       |
    10 |       request: { method: PATCH, time: yesterday, headers: { 'a b': c } }
       |       ^^^^^^^

    error: `time` is not a time since 1970, such as 2026-01-01T00:00:00Z
      --> policies/skip.test.yaml:10:39
       |
    10 |       request: { method: PATCH, time: yesterday, headers: { 'a b': c } }
       |                                       ^^^^^^^^^

    error: the name is not valid for a header
      --> policies/skip.test.yaml:10:61
       |
    10 |       request: { method: PATCH, time: yesterday, headers: { 'a b': c } }
       |                                                             ^^^^^

    error: `reason` is about a refusal, and `decision` is `allow`
      --> policies/skip.test.yaml:11:34
       |
    11 |       expect: { decision: allow, reason: policy_denied }
       |                                  ^^^^^^

    7 errors
    ");
}

#[test]
fn coverage_falls_short_and_nothing_to_run_is_no_success_where_asked() {
    let folder = folder(GOOD);
    for (arguments, exit) in [
        (&["test"][..], 0),
        (&["test", "--coverage-threshold", "50"], 0),
        (&["test", "--coverage-threshold", "51"], 4),
        (&["test", "--filter", "no such case"], 0),
        (&["test", "--filter", "no such case", "--fail-on-empty"], 4),
        (&["test", "--coverage-threshold", "101"], 2),
    ] {
        let output = portcullis(&folder, arguments);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {}", text(&output.stderr));
    }
    let output = portcullis(&folder, &["test", "policies"]);
    assert!(text(&output.stdout).contains("never true  policies/skip.yaml:16  body.skip_password_checks != true"));
}

#[test]
fn programs_get_the_same_report() {
    let folder = folder(&format!("{GOOD}{BAD}"));
    let output = portcullis(&folder, &["test", "policies", "--json"]);
    assert_eq!(output.status.code(), Some(4));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["passed"], &report["failed"]), (&1.into(), &1.into()));
    assert_eq!(report["cases"][1]["line"], 9);
    assert_eq!(report["cases"][1]["mismatches"][0]["got"], "deny (policy_denied)");
    assert_eq!(report["coverage"]["percent"], 50);
    let output = portcullis(&folder, &["test", "policies", "--junit"]);
    assert_eq!(output.status.code(), Some(4));
    insta::assert_snapshot!(text(&output.stdout), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites tests="2" failures="1">
      <testsuite name="skip" tests="2" failures="1">
        <testcase classname="skip" name="a skip is refused" file="policies/skip.test.yaml" line="6"/>
        <testcase classname="skip" name="a skip passes" file="policies/skip.test.yaml" line="9">
          <failure message="case `a skip passes` fails: `decision` must be allow and is deny (policy_denied)"/>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
}

#[test]
fn check_and_run_refuse_policies_whose_own_tests_fail() {
    let folder = folder(BAD);
    for command in ["check", "run"] {
        let output = portcullis(&folder, &[command]);
        assert_eq!(output.status.code(), Some(3), "{command}");
        let told = text(&output.stderr);
        assert!(told.contains("case `a skip passes` fails: `decision` must be allow and is deny"), "{told}");
        assert!(told.contains("skip.test.yaml:6:"), "{told}");
    }
}

#[tokio::test]
async fn a_reload_keeps_the_policies_before_where_the_new_ones_fail_their_tests() {
    let folder = folder(GOOD);
    let mut program = Program::start(&folder.path().join("gateway.yaml"), &[]).await;
    fs::write(folder.path().join("policies/skip.yaml"), POLICY.replace("[Deny]", "[Audit]")).unwrap();
    program.signal("HUP");
    program.stderr.line("case `a skip is refused` fails").await;
    let client = std::net::TcpStream::connect(program.listen).unwrap();
    assert!(answer(client).starts_with("HTTP/1.1 422 "), "the policy before still refuses");
}

#[test]
fn at_least_95_percent_of_the_mutants_that_ship_are_killed() {
    let policies: Vec<_> = shipped(false).into_iter().map(|(file, text)| PolicyText { file, text }).collect();
    let tests: Vec<_> = shipped(true).into_iter().map(|(file, text)| TestText { file, text }).collect();
    let bundle = Bundle::compile(Contract::built_in("2026-05-12").unwrap(), &policies, Strictness::default()).unwrap();
    let suites = load(&tests, &bundle).unwrap();
    let report = mutate(&bundle, &suites);
    let survivors: Vec<_> = report.survivors.iter().map(|it| (&it.rule, it.what, &it.lines.after)).collect();
    assert!(report.count_judged() > 500, "{}", report.count_judged());
    assert!(report.percent() >= 95, "{survivors:#?}");
}

/// A policy of which every part is tested by [`ORGS_TESTED`].
const ORGS: &str = "apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: orgs }
spec:
  match:
    operations: [CreateUser, UpdateUser]
    environments: [production]
  validations:
    - expression: body.create_organizations_limit == null || body.create_organizations_limit <= 10
      message: too many
  actions: [Deny]
";
const ORGS_TESTED: &str = "    - name: ten pass
      request: { operation: CreateUser, body: { create_organizations_limit: 10 } }
      expect: { violates: [] }
    - name: no limit passes
      request: { operation: UpdateUser, body: {} }
      expect: { violates: [] }
    - name: eleven are refused
      request: { operation: UpdateUser, body: { create_organizations_limit: 11 } }
      expect: { decision: deny, policies: [orgs] }
    - name: and for a new user
      request: { operation: CreateUser, body: { create_organizations_limit: 11 } }
      expect: { violates: [orgs] }
    - name: but not in development
      request: { operation: CreateUser, environment: development, body: { create_organizations_limit: 11 } }
      expect: { decision: allow }
";

#[test]
fn a_change_that_no_case_notices_is_shown_with_a_request() {
    let folder = folder(ORGS_TESTED);
    fs::write(folder.path().join("policies/skip.yaml"), ORGS).unwrap();
    let arguments = ["test", "policies", "--mutate", "--min-killed", "100"];
    let output = portcullis(&folder, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    // without the case that allows ten, and the one in development
    let fewer = ORGS_TESTED.replace("create_organizations_limit: 10 }", "create_organizations_limit: 9 }");
    let fewer = fewer.split("    - name: but not").next().unwrap();
    fs::write(folder.path().join("policies/skip.test.yaml"), format!("{HEAD}{fewer}")).unwrap();
    let output = portcullis(&folder, &arguments);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stdout));
    insta::assert_snapshot!(text(&output.stdout), @r#"
    4 cases: 4 passed, 0 failed
    coverage: 1 of 1 rules, 2 of 2 branches (100 %)
    mutants: 9 of 12 killed (75 %), 1 skipped

    SURVIVED orgs: other environments
      policies/skip.yaml:7
      - environments: [production]
      + environments: [production, development]
      differs for { body: {"create_organizations_limit":11}, environment: "development", method:
        "PATCH", path: "/v1/users/user_1" }

    SURVIVED orgs: another operator
      policies/skip.yaml:9
      - expression: body.create_organizations_limit == null || body.create_organizations_limit <= 10
      + expression: body.create_organizations_limit == null || body.create_organizations_limit < 10
      differs for { body: {"create_organizations_limit":10}, method: "POST", path: "/v1/users" }

    SURVIVED orgs: another constant
      policies/skip.yaml:9
      - expression: body.create_organizations_limit == null || body.create_organizations_limit <= 10
      + expression: body.create_organizations_limit == null || body.create_organizations_limit <= 9
      differs for { body: {"create_organizations_limit":10}, method: "POST", path: "/v1/users" }
    "#);
    assert!(text(&output.stderr).contains("% of the changes, less than 100 %"), "{}", text(&output.stderr));
    let output = portcullis(&folder, &["test", "policies", "--mutate", "--json"]);
    assert_eq!(output.status.code(), Some(0), "without a threshold survivors are no failure");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["mutation"]["survivors"][0]["line"], 7, "{report:#}");
    let output = portcullis(&folder, &["test", "policies", "--mutate", "--junit"]);
    assert!(text(&output.stdout).contains("<testsuite name=\"mutants\" tests="), "{}", text(&output.stdout));
    assert_eq!(portcullis(&folder, &["test", "policies", "--min-killed", "50"]).status.code(), Some(2));
}

/// The answer to a request that the policy refuses.
fn answer(mut client: std::net::TcpStream) -> String {
    use std::io::{Read as _, Write as _};
    let body = r#"{"skip_password_checks":true}"#;
    let length = body.len();
    let head = "PATCH /v1/users/user_1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json";
    write!(client, "{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}
