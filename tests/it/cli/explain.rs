//! `portcullis explain` as a person runs it: every way to give a request, every level, and no secret in any.

mod canaries;
mod changes;
mod inputs;
mod levels;
mod refusals;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const GATEWAY: &str = "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:8787\npolicies: [policies.yaml]\n";

/// Policies that test secrets, go through lists, name conditions and variables, and are for other operations.
const POLICIES: &str = r#"apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: no-skip, labels: { owner: identity } }
spec:
  match: { operations: [UpdateUser], environments: [production] }
  validations:
    - expression: body.skip_password_checks != true
      field: skip_password_checks
      message: skip_password_checks is not allowed in production
      hint: use a compliant password
  actions: [Deny]
---
apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: ids-of-the-crm }
spec:
  match: { operations: [UpdateUser] }
  params: { prefix: crm_ }
  variables:
    - { name: id, expression: body.external_id }
  matchConditions:
    - { name: no-ticket, expression: '!("x-ticket" in request.headers)' }
  validations:
    - expression: variables.id == null || variables.id.startsWith(params.prefix)
      field: external_id
      message: external_id must come from the CRM
  actions: [Deny]
---
apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: strong-secrets }
spec:
  match: { operations: [UpdateUser] }
  matchConditions:
    - { name: has-codes, expression: body.backup_codes != null || body.password != null }
  validations:
    - expression: body.backup_codes == null || body.backup_codes.all(code, size(code) > 30)
      message: backup codes are too short
    - expression: body.password == null || size(body.password) > 30 && !body.password.contains("qwerty")
      message: the password is too short
  actions: [Warn]
---
apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: only-for-metadata }
spec:
  match: { operations: [UpdateUserMetadata] }
  validations:
    - { expression: json.size(body.public_metadata) < 100, message: too much }
  actions: [Deny]
"#;

/// A folder with that configuration.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gateway.yaml"), GATEWAY).unwrap();
    fs::write(folder.path().join("policies.yaml"), POLICIES).unwrap();
    folder
}

/// What `explain` with these arguments prints on standard output and error, and how it ends.
fn explain(folder: &Path, arguments: &[&str], input: &str) -> (String, String, i32) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .current_dir(folder)
        .args(["explain", "--config", "gateway.yaml"])
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // who does not read it closes it
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// What is printed of a request that can be explained; the revision is a hash of the whole contract.
fn explained(folder: &Path, arguments: &[&str], input: &str) -> String {
    let (stdout, stderr, code) = explain(folder, arguments, input);
    assert!(stderr.is_empty() && [0, 4].contains(&code), "{arguments:?} ends with {code}: {stderr}");
    assert_eq!(code == 0, stdout.starts_with("passes") || stdout.contains("\"decision\": \"allow\""), "{stdout}");
    assert!(stdout.lines().all(|line| line.chars().count() <= 100 || line.contains('"')), "too wide:\n{stdout}");
    assert!(!stdout.contains('\u{1b}'), "colour that is not on a terminal");
    let line = |line: &str| match line.trim_start() {
        start if start.starts_with("revision ") => "revision     (a hash)".to_owned(),
        start if start.starts_with("\"revision\"") => "  \"revision\": \"(a hash)\",".to_owned(),
        _ => line.to_owned(),
    };
    stdout.lines().map(line).collect::<Vec<_>>().join("\n")
}
