//! `portcullis contract list`, as a person or a program runs it.

use serde_json::Value;
use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder with a policy for users and a limit for one operation.
fn configured() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let settings = "apiVersion: portcullis/v1\nkind: Gateway\npolicies: [rules.yaml]\ncontract: { defaultApiVersion: \"2026-05-12\" }\n";
    fs::write(folder.path().join("gateway.yaml"), settings).unwrap();
    let rules = "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: { name: users }\nspec:\n  \
        match: { operations: [UpdateUser, DeleteUser] }\n  validations: [{ expression: \"false\", message: no }]\n  actions: [Audit]\n\
        ---\napiVersion: portcullis/v1\nkind: RequestLimit\nmetadata: { name: often }\nspec:\n  \
        match: { operations: [UpdateUser] }\n  inFlight: 2\n  message: no\n  actions: [Deny]\n";
    fs::write(folder.path().join("rules.yaml"), rules).unwrap();
    folder
}

fn list(arguments: &[&str]) -> Output {
    let folder = configured();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["contract", "list", "--config", "gateway.yaml"]).args(arguments);
    command.current_dir(folder.path()).env_clear().output().unwrap()
}

fn text(arguments: &[&str]) -> String {
    let output = list(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_row_has_what_is_for_its_operation() {
    insta::assert_snapshot!(text(&["*teUser", "GetUser"]), @r"
    operation           method  inspected  policies  limits
      path
    CreateUser          POST    enforce    0         0
      /v1/users
    DeleteUser          DELETE  audit      1         0
      /v1/users/{user_id}
    GetUser             GET     no         0         0
      /v1/users/{user_id}
    PlatformDeleteUser  DELETE  no         0         0
      /v1/platform/applications/{applicationID}/instances/{envOrInsID}/users/{userID}
    UpdateUser          PATCH   enforce    1         1
      /v1/users/{user_id}

    5 operations, 3 inspected
    ");
}

#[test]
fn without_arguments_all_operations_of_all_families_are_listed() {
    let all: Value = serde_json::from_str(&text(&["--json"])).unwrap();
    let operations = all["operations"].as_array().unwrap();
    let of_id = |id: &str| operations.iter().find(|it| it["operation"] == id).unwrap_or_else(|| panic!("{id}"));
    assert!(operations.len() > 300, "{}", operations.len());
    let expected = serde_json::json!({
        "operation": "UpdateUser", "method": "PATCH", "path": "/v1/users/{user_id}", "inspected": "enforce", "policies": 1, "limits": 1,
    });
    assert_eq!(of_id("UpdateUser"), &expected);
    assert_eq!(of_id("GetUser")["inspected"], Value::Null);
    of_id("PlatformBanUser");
    let of_version: Value = serde_json::from_str(&text(&["--json", "--version", "2021-02-05"])).unwrap();
    assert!(of_version["operations"].as_array().unwrap().iter().all(|it| it["operation"] != "PlatformBanUser"));
}

#[test]
fn a_glob_that_matches_nothing_is_an_error() {
    let output = list(&["UpdateUsr", "*User*"]);
    let found = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{found}");
    assert!(found.contains("`UpdateUsr` matches no operation of 2026-05-12; did you mean `UpdateUser`?"), "{found}");
}
