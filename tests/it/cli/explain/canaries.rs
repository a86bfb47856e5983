//! No secret is in any explanation, at any level, however the request is given.

use super::{explain, folder};
use std::fs;

/// In every value that must not be shown.
const SECRET: &str = "canary7f3a";

/// Bodies with secrets where the contract says, where it does not, and where nothing can be read.
fn bodies() -> [String; 5] {
    [
        format!(
            r#"{{"password":"{SECRET}","password_digest":"{SECRET}","password_hasher":"bcrypt","totp_secret":"{SECRET}","backup_codes":["{SECRET}","{SECRET}2"],"skip_password_checks":true,"external_id":"4711"}}"#
        ),
        format!(r#"{{"private_metadata":{{"a":"{SECRET}"}},"public_metadata":"{SECRET}","pasword":"{SECRET}"}}"#),
        format!(r#"{{"password":{{"a":"{SECRET}"}},"backup_codes":"{SECRET}","first_name":["{SECRET}"]}}"#),
        format!(r#"{{"password":{SECRET}}}"#),
        format!(r#"{{"password":"{SECRET}","password":"{SECRET}2"}}"#),
    ]
}

#[test]
fn no_secret_is_in_an_explanation() {
    let folder = folder();
    let path = format!("/v1/users/{SECRET}?token={SECRET}");
    let plain = format!("/v1/users/{SECRET}");
    let headers = format!("Authorization: Bearer sk_live_{SECRET}\nCookie: session={SECRET}\nX-Ticket: {SECRET}");
    for (position, body) in bodies().iter().enumerate() {
        fs::write(folder.path().join("body"), body).unwrap();
        let target = if position == 1 { &path } else { &plain };
        let raw = format!(
            "PATCH {target} HTTP/1.1\nHost: localhost\n{headers}\nContent-Type: application/json\nContent-Length: {}\n\n{body}",
            body.len()
        );
        let mut flags = vec!["--path", target, "--body-file", "body"];
        flags.extend(
            headers.lines().filter(|line| position > 0 || !line.starts_with("X-")).flat_map(|line| ["-H", line]),
        );
        let options: Vec<String> = headers.lines().map(|line| format!("-H '{line}'")).collect();
        let curl = format!("curl -XPATCH 'http://localhost{target}' {} --json @body", options.join(" "));
        for level in ["decision", "rules", "full"] {
            for (input, arguments) in [("", flags.clone()), (&raw, vec!["--http", "-"]), (&curl, vec!["--curl", "-"])] {
                let arguments = [&arguments[..], &["--level", level]].concat();
                shows_nothing(folder.path(), &arguments, input);
            }
        }
        shows_nothing(folder.path(), &[&flags[..], &["--level", "full", "--json"]].concat(), "");
    }
}

fn shows_nothing(folder: &std::path::Path, arguments: &[&str], input: &str) {
    let (stdout, stderr, code) = explain(folder, arguments, input);
    assert!(code == 4 || code == 0, "{arguments:?}: {stderr}");
    assert!(!stdout.contains("canary") && !stderr.contains("canary"), "{arguments:?}:\n{stdout}{stderr}");
}

#[test]
fn what_comes_from_a_secret_is_marked_and_its_size_is_not_told() {
    let folder = folder();
    let body = format!(r#"{{"password":"{SECRET}","backup_codes":["{SECRET}"],"external_id":"4711"}}"#);
    let arguments = ["--path", "/v1/users/user_1", "-H", "x-tenant: canary", "--body", &body, "--level", "full"];
    let (told, ..) = explain(folder.path(), &arguments, "");
    for line in [
        "body.password  =>  string, not shown (from a secret)",
        "size(body.password)  =>  int, not shown (from a secret)",
        "body.password == null  =>  false (from a secret)",
        "body.backup_codes  =>  list, not shown (from a secret)",
        "code  =>  string, not shown (from a secret)",
        "size(code) > 30  =>  bool, not shown (from a secret)",
        "variables.id  =>  \"4711\"",
        "params.prefix  =>  \"crm_\"",
    ] {
        assert!(told.lines().any(|told| told.trim() == line), "{line} is not in\n{told}");
    }
    assert!(told.contains("validation body.password == null || size(body.password) > 30"), "{told}");
}

/// A secret under another name, taken apart or put into a list is a secret still.
#[test]
fn a_secret_that_is_bound_or_changed_is_not_told() {
    let folder = folder();
    let policy = r#"apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: bound }
spec:
  match: { operations: [UpdateUser] }
  validations:
    - expression: >-
        cel.bind(it, body.password.orValue(""), it.lowerAscii().find("[a-z]+") == "b"
        || [it].all(at, code, at == 0 && code.charAt(0) == "x") || it.split("").transformMap(at, letter, letter).size() == 1)
      message: no
    - expression: body.?password.optMap(it, it.substring(1).reverse()).orValue(body.external_id) == body.external_id
      message: no
  actions: [Deny]
"#;
    fs::write(folder.path().join("policies.yaml"), policy).unwrap();
    let body = format!(r#"{{"password":"{SECRET}","external_id":"4711"}}"#);
    let arguments = ["--path", "/v1/users/user_1", "--body", &body, "--level", "full"];
    let (told, error, _) = explain(folder.path(), &arguments, "");
    assert!(!told.contains("canary") && !told.contains("yranac") && !told.contains("7f3a"), "{told}");
    for line in [
        "it.lowerAscii().find(\"[a-z]+\")  =>  string, not shown (from a secret)",
        "code.charAt(0) == \"x\"  =>  bool, not shown (from a secret)",
        "at == 0  =>  bool, not shown (from a secret)",
        "it.substring(1).reverse()  =>  string, not shown (from a secret)",
        "body.external_id  =>  \"4711\"",
    ] {
        assert!(told.lines().any(|told| told.trim() == line), "{line} is not in\n{told}{error}");
    }
}
