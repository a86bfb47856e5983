//! `contract.validate` and `contract.operations`: mistakes at their places, and what `check` tells of them.

use std::fs;
use std::process::{Command, Output};

fn check(contract: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nupstream: {{ url: embedded }}\npolicies: []\ncontract:\n{contract}"
    );
    fs::write(folder.path().join("gateway.yaml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["check", "--config", "gateway.yaml"]).current_dir(folder.path()).env_clear().output().unwrap()
}

fn refused(contract: &str) -> String {
    let output = check(contract);
    assert_eq!(output.status.code(), Some(3));
    String::from_utf8(output.stderr).unwrap()
}

fn told(contract: &str) -> String {
    let output = check(contract);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("  validated    ")).unwrap().to_owned()
}

#[test]
fn entries_that_match_nothing_are_told_at_their_places() {
    insta::assert_snapshot!(refused("  operations:\n  - { match: UpdateUsr, mode: audit }\n  - match: \"*Nothing*\"\n    mode: audit\n  - { match: GetUser, mode: enforce }\n  - { match: CreateUser, mode: audit }\n"), @r#"
    error: `UpdateUsr` matches no operation of the contract
     --> gateway.yaml:8:14
      |
    8 |   - { match: UpdateUsr, mode: audit }
      |              ^^^^^^^^^
      |
      = help: did you mean `UpdateUser`?

    error: `*Nothing*` matches no operation of the contract
     --> gateway.yaml:9:12
      |
    9 |   - match: "*Nothing*"
      |            ^^^^^^^^^^^

    error: `GetUser` matches no operation with a JSON body, so there is nothing to validate
      --> gateway.yaml:11:14
       |
    11 |   - { match: GetUser, mode: enforce }
       |              ^^^^^^^

    3 errors
    "#);
}

#[test]
fn an_entry_says_its_mode_and_nothing_unknown() {
    insta::assert_snapshot!(refused("  validate: al\n  operations:\n  - { match: UpdateUser }\n  - { match: UpdateUser, mode: warn, unknownField: deny }\n"), @r"
    error: `contract.validate` must be one of `listed` or `all`
     --> gateway.yaml:7:13
      |
    7 |   validate: al
      |             ^^
      |
      = help: did you mean `all`?

    error: missing key `contract.operations[0].mode`
     --> gateway.yaml:9:5
      |
    9 |   - { match: UpdateUser }
      |     ^^^^^^^^^^^^^^^^^^^^^

    error: `contract.operations[1].mode` must be one of `enforce` or `audit`
      --> gateway.yaml:10:32
       |
    10 |   - { match: UpdateUser, mode: warn, unknownField: deny }
       |                                ^^^^

    error: unknown key `unknownField` in `contract.operations[1]`
      --> gateway.yaml:10:38
       |
    10 |   - { match: UpdateUser, mode: warn, unknownField: deny }
       |                                      ^^^^^^^^^^^^
       |
       = help: did you mean `unknownFields`?

    4 errors
    ");
}

#[test]
fn a_default_version_that_is_not_known_is_told_at_its_place() {
    insta::assert_snapshot!(refused("  defaultApiVersion: \"2026-05-13\"\n"), @r#"
    error: `contract.defaultApiVersion` is not a known version; known are 2021-02-05, 2024-10-01, 2025-03-12, 2025-04-10, 2025-11-10, 2026-05-12, and `any`
     --> gateway.yaml:7:22
      |
    7 |   defaultApiVersion: "2026-05-13"
      |                      ^^^^^^^^^^^^

    1 error
    "#);
}

#[test]
fn check_tells_how_many_operations_are_validated() {
    assert_eq!(told("  validate: listed\n"), "4 operations");
    let all = told("  validate: all\n");
    assert!(all.starts_with("4 operations, 1") && all.ends_with(" more are audited"), "{all}");
    assert_eq!(told("  operations: [{ match: UpdateUser, mode: audit }]\n"), "3 operations, 1 more are audited");
    assert_eq!(told("  operations: [{ match: CreateOrganization, mode: enforce }]\n"), "5 operations");
}
