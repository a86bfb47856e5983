//! `portcullis contract show`, `diff` and `coverage`, as a person or a program runs them.

use crate::support::gateway::COUNTED_ON;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder with a configuration that has shipped policies.
fn configured() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nupstream: {{ url: embedded }}\npolicies: [{}]\n",
        COUNTED_ON.map(|name| root.join(format!("policies/{name}.yaml")).display().to_string()).join(", ")
    );
    fs::write(folder.path().join("gateway.yaml"), text).unwrap();
    folder
}

fn contract(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("contract").args(arguments).args(["--config", "gateway.yaml"]);
    command.current_dir(folder).env_clear().output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn said(arguments: &[&str], code: i32) -> String {
    let output = contract(configured().path(), arguments);
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    text(if output.stdout.is_empty() { &output.stderr } else { &output.stdout }).to_owned()
}

fn json(arguments: &[&str], code: i32) -> Value {
    serde_json::from_str(&said(arguments, code)).expect("JSON")
}

#[test]
fn the_last_two_versions_differ_by_metadata_which_a_policy_reads() {
    let told = json(&["diff", "2025-11-10", "2026-05-12", "--json"], 4);
    assert_eq!(told["affected_policies"], serde_json::json!(["metadata-size"]));
    let operations = told["operations"].as_array().unwrap();
    let user = operations.iter().find(|operation| operation["operation"] == "UpdateUser").unwrap();
    let fields = user["fields"].as_array().unwrap();
    let removed: Vec<_> = fields.iter().map(|field| (field["field"].as_str(), field["change"].as_str())).collect();
    let expected = ["/private_metadata", "/public_metadata", "/unsafe_metadata"];
    assert_eq!(removed, expected.map(|field| (Some(field), Some("removed"))));
    assert!(fields.iter().all(|field| field["policies"] == serde_json::json!(["metadata-size"])));
    assert!(fields[0]["overlays"].as_array().is_some_and(|lines| lines.len() == 1), "{user}");
}

#[test]
fn what_no_policy_reads_ends_with_0() {
    let said = said(&["diff", "2026-05-12", "2026-05-12"], 0);
    insta::assert_snapshot!(said, @r"
    2026-05-12 -> 2026-05-12: operations: 0 added, 0 removed, 0 changed

    no policy is affected
    ");
}

#[test]
fn a_file_is_compared_under_the_overlays_in_force() {
    let folder = configured();
    let shipped = include_str!("../../../policies/contract/clerk/2026-05-12.json");
    let changed = shipped.replace("\"2026-05-12\"", "\"2026-09-01\"").replace(
        "\"external_id\":{\"type\":[\"string\",\"null\"]}",
        "\"external_id\":{\"maxLength\":64,\"type\":\"string\"}",
    );
    assert_ne!(shipped.len(), changed.len(), "the shipped file has another form");
    fs::write(folder.path().join("new.json"), changed).unwrap();
    let output = contract(folder.path(), &["diff", "2026-05-12", "new.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    insta::assert_snapshot!(text(&output.stdout), @r"
    2026-05-12 -> 2026-09-01: operations: 0 added, 0 removed, 3 changed

    CreateUser  POST /v1/users
      ~ external_id  string or null -> string, now maxLength 64

    UpdateSignUp  PATCH /v1/sign_ups/{id}
      ~ external_id  string or null -> string, now maxLength 64

    UpdateUser  PATCH /v1/users/{user_id}
      ~ external_id  string or null -> string, now maxLength 64

    no policy is affected
    ");
    fs::write(folder.path().join("new.json"), "{}").unwrap();
    let output = contract(folder.path(), &["diff", "2026-05-12", "new.json"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("error: not a contract file: missing field"), "{}", text(&output.stderr));
}

#[test]
fn names_that_are_not_known_end_with_2_and_what_was_meant() {
    insta::assert_snapshot!(said(&["show", "UpdateUsr"], 2), @"error: `UpdateUsr` is not an operation of 2026-05-12; did you mean `UpdateUser`?");
    insta::assert_snapshot!(said(&["show", "UpdateUser", "--version", "2026"], 2), @"error: `2026` is not a version of the contract; known are 2021-02-05, 2024-10-01, 2025-03-12, 2025-04-10, 2025-11-10, 2026-05-12, platform-beta");
    insta::assert_snapshot!(said(&["diff", "2026-05-12", "2026-05-13"], 2), @"error: `2026-05-13` is not a version of the contract and not a file; known are 2021-02-05, 2024-10-01, 2025-03-12, 2025-04-10, 2025-11-10, 2026-05-12, platform-beta");
    assert!(said(&["coverage", "--version", "x"], 2).contains("known are 2021-02-05,"));
}

#[test]
fn an_operation_is_shown_with_what_is_laid_over_it() {
    insta::assert_snapshot!(said(&["show", "ReplaceUserMetadata"], 0), @r"
    ReplaceUserMetadata  PUT /v1/users/{user_id}/metadata  (2026-05-12)
      validated    enforce, unknown fields: deny
      policies     metadata-size

      field             type            bounds  marks
      private_metadata  object or null  -       secret, overlay line 33, overlay line 53
      public_metadata   object or null  -       overlay line 33
      unsafe_metadata   object or null  -       overlay line 33

    overlay line 33: public_metadata, private_metadata, unsafe_metadata: may be null
      The documentation of @clerk/backend lets callers pass null for metadata, and the SDK sends it as
      it is; in PATCH /v1/users/{user_id} of earlier versions the specs take null themselves.

    overlay line 53: private_metadata: marked secret
      Clerk's reference says that only backends may read it; organisations keep tokens and internal ids
      in it.
    ");
}

#[test]
fn an_operation_without_a_body_is_shown_without_one() {
    insta::assert_snapshot!(said(&["show", "GetUser", "--version", "2021-02-05"], 0), @r"
    GetUser  GET /v1/users/{user_id}  (2021-02-05)
      validated    no: bodies are not validated
      policies     none
      body         none in JSON
    ");
    assert_eq!(said(&["show", "GetUser", "--json"], 0), "null\n");
}

#[test]
fn the_schema_in_force_is_printed_for_programs() {
    let schema = json(&["show", "UpdateUser", "--json"], 0);
    assert_eq!(schema["properties"]["password"]["x-secret"], true);
    assert_eq!(schema["properties"]["timezone"]["type"], serde_json::json!(["string", "null"]));
}

#[test]
fn coverage_tells_what_is_not_governed() {
    let told = json(&["coverage", "--json"], 0);
    let policies = |operation: &str, field: &str| {
        let mut fields = told["fields"].as_array().unwrap().iter();
        let found = fields.find(|entry| entry["operation"] == operation && entry["field"] == field).unwrap();
        found["policies"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(policies("CreateUser", "/skip_password_checks"), ["no-skip-password-checks"]);
    assert_eq!(policies("CreateUser", "/skip_password_requirement"), [""; 0]);
    let said = said(&["coverage"], 0);
    let of = |field: &str| said.lines().find(|line| line.contains(field)).unwrap_or_default().to_owned();
    assert!(of(" skip_password_requirement ").ends_with("CreateUser, UpdateUser"), "{said}");
    assert_eq!(of(" skip_password_checks "), "", "a policy reads it");
    assert!(of("  sign_in_tokens").contains("CreateSignInToken"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
}

#[test]
fn each_risky_operation_has_a_shipped_policy_or_limit() {
    let folder = tempfile::tempdir().unwrap();
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let config = format!("apiVersion: portcullis/v1\nkind: Gateway\npolicies: [{policies:?}]\n");
    fs::write(folder.path().join("gateway.yaml"), config).unwrap();
    let mut listed = Vec::new();
    for version in ["2026-05-12", "platform-beta"] {
        let output = contract(folder.path(), &["coverage", "--json", "--version", version]);
        let coverage: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        for risky in coverage["risky"].as_array().unwrap() {
            let rules = [&risky["policies"], &risky["limits"]].map(|names| names.as_array().unwrap().len());
            assert!(rules.iter().sum::<usize>() > 0, "{risky}");
            listed.push(risky["operation"].as_str().unwrap().to_owned());
        }
    }
    for operation in ["createSession", "GetMachineSecretKey", "UsersBan", "UpdateJWTTemplate", "PlatformPutConfig"] {
        assert!(listed.iter().any(|it| it == operation), "{operation}");
    }
    let text = said(&["coverage"], 0);
    assert!(text.contains("risky operations that no policy and no limit is for\n"), "a part of the library: {text}");
}
