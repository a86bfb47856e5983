//! `check` reports everything in one round: errors, and the warnings of what is valid.

use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;

fn policy(name: &str, expression: &str) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: {name} }}\nspec:\n  match: {{ operations: [BanUser] }}\n  \
         params: {{ unused: 1 }}\n  validations: [{{ expression: '{expression}', message: no }}]\n  actions: [Deny]\n"
    )
}

/// A policy with an error, one with a warning, and a listener whose certificate is missing.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let settings = "apiVersion: portcullis/v1\nkind: Gateway\nlisten: [{ address: 127.0.0.1:0, tls: { certificateFile: missing.crt, \
        privateKeyFile: missing.key } }]\nupstream: { url: embedded }\nadmin: { listen: \"off\" }\npolicies: [policies]\n";
    fs::write(folder.path().join("gateway.yaml"), settings).unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(folder.path().join("policies/bad.yaml"), policy("bad", "instance.environmnt == null")).unwrap();
    fs::write(folder.path().join("policies/good.yaml"), policy("good", "request.bodyItems == 0")).unwrap();
    folder
}

fn check(folder: &TempDir, flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args(["check", "--config", "gateway.yaml"])
        .args(flags)
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap()
}

#[test]
fn errors_warnings_and_missing_files_come_together() {
    let folder = folder();
    let output = check(&folder, &[]);
    let found = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{found}");
    assert!(found.contains("error: `environmnt` is not a member of `instance`"), "{found}");
    assert!(found.contains("missing.crt"), "{found}");
    assert!(found.contains("warning: no expression uses `params.unused`") && found.contains("good.yaml:6:"), "{found}");
    // of a policy that has an error, only that is reported
    assert!(!found.contains("bad.yaml:6:"), "{found}");
    let without_files = String::from_utf8(check(&folder, &["--no-files"]).stderr).unwrap();
    assert!(!without_files.contains("missing.crt"), "{without_files}");
}

#[test]
fn with_strict_the_warnings_are_errors_too() {
    let output = check(&folder(), &["--strict"]);
    let found = String::from_utf8(output.stderr).unwrap();
    assert!(found.contains("error: no expression uses `params.unused`"), "{found}");
    assert!(found.contains("error: `environmnt` is not a member of `instance`"), "{found}");
}
