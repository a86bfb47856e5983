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
    insta::assert_snapshot!(refused("  operations:\n  - { match: UpdateUsr, mode: audit }\n  - match: \"*Nothing*\"\n    mode: audit\n  - { match: GetUser, mode: enforce }\n  - { match: CreateUser, mode: audit }\n"), @"");
}

#[test]
fn an_entry_says_its_mode_and_nothing_unknown() {
    insta::assert_snapshot!(refused("  validate: al\n  operations:\n  - { match: UpdateUser }\n  - { match: UpdateUser, mode: warn, unknownField: deny }\n"), @"");
}

#[test]
fn a_default_version_that_is_not_known_is_told_at_its_place() {
    insta::assert_snapshot!(refused("  defaultApiVersion: \"2026-05-13\"\n"), @"");
}

#[test]
fn check_tells_how_many_operations_are_validated() {
    assert_eq!(told("  validate: listed\n"), "4 operations");
    let all = told("  validate: all\n");
    assert!(all.starts_with("4 operations, 1") && all.ends_with(" more are audited"), "{all}");
    assert_eq!(told("  operations: [{ match: UpdateUser, mode: audit }]\n"), "3 operations, 1 more are audited");
    assert_eq!(told("  operations: [{ match: CreateOrganization, mode: enforce }]\n"), "5 operations");
}
