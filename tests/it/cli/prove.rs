//! `portcullis prove`: what it reports of two versions of policies, and that the cases it prints are right.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const POLICY: &str = "apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: names }
spec:
  match: { operations: [UpdateUser, CreateUser], environments: [production] }
  params: { longest: 64 }
  validations:
    - expression: body.first_name == null || size(body.first_name) <= params.longest
      message: no
  actions: [Deny]
";

const LIMIT: &str = "apiVersion: portcullis/v1
kind: RequestLimit
metadata: { name: bans }
spec:
  match: { operations: [BanUser] }
  key: client.spiffeId
  events: 3
  period: 1m
  message: no
  actions: [Deny]
";

fn portcullis(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis")).current_dir(folder).args(arguments).env_clear().output().unwrap()
}

/// A folder with the policies before and after a change.
fn versions(old: &str, new: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("old", old), ("new", new)] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("rules.yaml"), text).unwrap();
    }
    folder
}

fn prove(folder: &Path, arguments: &[&str]) -> Output {
    portcullis(folder, &[&["prove", "old", "new"], arguments].concat())
}

fn proof(folder: &Path) -> Value {
    let output = prove(folder, &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The exit code of the test of `version` with the cases that a proof printed.
fn tested(folder: &Path, version: &str, cases: &str) -> Option<i32> {
    let indented = cases.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let text = format!(
        "apiVersion: portcullis/v1\nkind: PolicyTest\nmetadata: {{ name: proof }}\nspec:\n  cases:\n{indented}"
    );
    let file = folder.join(version).join("rules.test.yaml");
    fs::write(&file, text).unwrap();
    let output = portcullis(folder, &["test", version]);
    fs::remove_file(file).unwrap();
    output.status.code()
}

#[test]
fn a_printed_case_passes_after_the_change_and_not_before() {
    for (old, new, expected) in [
        (POLICY, POLICY.replace("64", "65"), "looser"),
        (POLICY, POLICY.replace("64", "63"), "stricter"),
        (POLICY, POLICY.replace("Deny", "Audit"), "looser"),
        (POLICY, POLICY.replace("<=", ">="), "both"),
        (LIMIT, LIMIT.replace("events: 3", "events: 4"), "looser"),
        (LIMIT, LIMIT.replace("period: 1m", "period: 2m"), "stricter"),
        (LIMIT, LIMIT.replace("  key: client.spiffeId\n", ""), "stricter"),
    ] {
        let folder = versions(old, &new);
        let proof = proof(folder.path());
        let rule = &proof["rules"][0];
        assert_eq!(rule["verdict"], expected, "{new}");
        assert_eq!(proof["verdict"], expected, "{new}");
        let shown = ["stricter", "looser"].map(|direction| &rule[direction]["cases"]);
        for cases in shown.into_iter().filter_map(Value::as_str) {
            assert_eq!(tested(folder.path(), "new", cases), Some(0), "{cases}");
            assert_eq!(tested(folder.path(), "old", cases), Some(4), "{cases}");
        }
    }
}

#[test]
fn two_spellings_of_one_rule_are_equal() {
    let new = POLICY
        .replace("params: { longest: 64 }", "variables: [{ name: length, expression: size(body.first_name) }]")
        .replace(
            "body.first_name == null || size(body.first_name) <= params.longest",
            "variables.length <= 64 || null == body.first_name",
        )
        .replace("message: no", "message: too long");
    let folder = versions(POLICY, &new);
    let output = prove(folder.path(), &["--fail-on", "stricter,looser,undecided"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "all rules together: equal\nevery rule is equal: 1 compared\n"
    );
}

#[test]
fn the_exit_code_is_4_if_a_verdict_must_not_be() {
    let folder = versions(POLICY, &POLICY.replace("64", "65"));
    for (fail_on, expected) in [("looser", 4), ("stricter", 0), ("both", 0), ("stricter,looser", 4), ("undecided", 0)] {
        assert_eq!(prove(folder.path(), &["--fail-on", fail_on]).status.code(), Some(expected), "{fail_on}");
    }
    assert_eq!(prove(folder.path(), &["--fail-on", "other"]).status.code(), Some(2));
    fs::write(folder.path().join("new/rules.yaml"), POLICY.replace("size", "sizes")).unwrap();
    assert_eq!(prove(folder.path(), &[]).status.code(), Some(3));
}

#[test]
fn a_rule_that_another_covers_is_looser_and_the_whole_is_not() {
    let other = POLICY.replace("name: names", "name: short-names").replace("64", "10");
    let old = format!("{POLICY}---\n{other}");
    let folder = versions(&old, &other);
    let proof = proof(folder.path());
    assert_eq!(proof["rules"][0]["verdict"], "looser");
    assert_eq!(proof["verdict"], "equal", "{proof}");
}
