//! What a new user tries with the commands: nothing is passed over in silence, and every mistake is told at once.

use crate::support::gateway::{bundle, text as policy_text};
use crate::support::program::Program;
use portcullis::decision_log::{LogEntry, RecordedRule, RecordedViolation};
use portcullis::policy::Action;
use portcullis::reason::Reason;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const GATEWAY: &str = "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\nupstream: { url: embedded }\npolicies: [policies]\ncontract: { defaultApiVersion: \"2026-05-12\" }\n";
const LOG: &str = include_str!("../../../src/decision_log/sample.jsonl");
const LIMIT: &str = "apiVersion: portcullis/v1\nkind: RequestLimit\nmetadata: { name: few, labels: { owner: ops } }\nspec:\n  match: { operations: [UpdateUser] }\n  key: client.spiffeId\n  events: 3\n  period: 1m\n  message: more than 3 a minute\n  hint: slow down\n  actions: [Audit]\n";

fn policy(name: &str, expression: &str) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: {name} }}\nspec:\n  match: {{ operations: [UpdateUser] }}\n  validations:\n    - expression: {expression}\n      message: no\n  actions: [Deny]\n"
    )
}

fn cases(request: &str, expect: &str) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: PolicyTest\nmetadata: {{ name: t }}\nspec:\n  cases:\n    - name: it\n      request: {request}\n      expect: {expect}\n"
    )
}

/// A folder with a gateway and these files.
fn with(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(folder.path().join("gateway.yaml"), GATEWAY).unwrap();
    for (file, text) in files {
        fs::create_dir_all(folder.path().join(file).parent().unwrap()).unwrap();
        fs::write(folder.path().join(file), text).unwrap();
    }
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).env_clear();
    command
}

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    command(folder.path(), arguments).output().unwrap()
}

/// Standard output, standard error, and how it ends.
fn told(folder: &TempDir, arguments: &[&str]) -> (String, String, i32) {
    let output = run(folder, arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

const CHECK: [&str; 3] = ["check", "--config", "gateway.yaml"];

#[test]
fn every_policy_of_a_folder_is_in_force_or_told_of() {
    let good = "body.locale == null";
    let folder = with(&[
        ("policies/a.yaml", &policy("a", good)),
        ("policies/c.YAML", &policy("c", good)),
        ("policies/team/d.yml", &policy("d", good)),
        ("policies/b.json", "{}"),
        ("policies/README", "read me"),
    ]);
    let (stdout, stderr, code) = told(&folder, &CHECK);
    assert_eq!(code, 0, "{stderr}");
    for name in ["  a  ", "  c  ", "  d  "] {
        assert!(stdout.contains(name), "{name}\n{stdout}");
    }
    assert!(stderr.contains("warning: is not read: policies end in `.yaml` or `.yml`"), "{stderr}");
    assert!(stderr.contains("policies/b.json") && stderr.matches("is not read").count() == 1, "{stderr}");
    assert_eq!(told(&folder, &[&CHECK[..], &["--strict"]].concat()).2, 3);
    let pipe = folder.path().join("policies/p.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (_, stderr, code) = told(&folder, &CHECK);
    assert!(code == 3 && stderr.contains("is neither a file nor a folder"), "{stderr}");
}

#[test]
fn paths_are_tried_without_a_configuration_and_once() {
    let tests = cases("{ operation: UpdateUser }", "{ decision: allow }");
    let folder = with(&[("p/a.yaml", &policy("a", "body.locale == null")), ("p/a.test.yaml", &tests)]);
    let (stdout, stderr, code) = told(&folder, &["test", "p", "p/a.yaml", "p/../p/a.test.yaml"]);
    assert!(code == 0 && stdout.starts_with("1 case: 1 passed, 0 failed\n"), "{stdout}{stderr}");
    let (stdout, stderr, code) = told(&folder, &["check", "p"]);
    assert!(code == 0 && stdout.contains("  a  "), "{stdout}{stderr}");
    fs::write(folder.path().join("log.jsonl"), LOG).unwrap();
    let (stdout, stderr, code) = told(&folder, &["replay", "--log", "log.jsonl", "--policies", "p"]);
    assert!(code == 0 && stdout.contains("judged again"), "{stdout}{stderr}");
    for arguments in [&["test", "nope"][..], &["replay", "--log", "log.jsonl", "--policies", "nope"]] {
        let (_, stderr, code) = told(&folder, arguments);
        assert!(code == 3 && stderr.contains("`nope`: there is no such file or folder"), "{stderr}");
    }
    // without a configuration and without paths, those of the built-in quickstart are tested
    assert_eq!(told(&folder, &["test"]).2, 0);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let folder = with(&[
        ("policies/a.yaml", &policy("a", "body.frist_name == null")),
        ("policies/a.test.yaml", &cases("{ operation: UpdateUser }", "{ decision: alow }")),
    ]);
    fs::write(folder.path().join("policies/b.yaml"), b"apiVersion: portcullis/v1\nkind: J\xfc\n").unwrap();
    fs::write(folder.path().join("gateway.yaml"), format!("{GATEWAY}unknown: 1\n")).unwrap();
    let (_, stderr, code) = told(&folder, &CHECK);
    assert_eq!(code, 3);
    for part in
        ["unknown key `unknown`", "`frist_name` is not a field", "b.yaml:2:8", "save it as UTF-8", "`allow` or `deny`"]
    {
        assert!(stderr.contains(part), "{part}\n{stderr}");
    }
    assert!(stderr.ends_with("4 errors\n"), "{stderr}");
    fs::write(folder.path().join("gateway.yaml"), GATEWAY).unwrap();
    assert!(told(&folder, &CHECK).1.ends_with("3 errors\n"));
}

#[test]
fn a_case_that_tests_nothing_is_an_error() {
    for (request, expect, message) in [
        ("{ operation: GetUser }", "{ decision: allow }", "no policy of this test is for `GetUser`"),
        ("{ method: PATCH, path: /v1/user/x }", "{ decision: allow }", "no policy of this test is for this path"),
        (
            "{ operation: UpdateUser, headers: { Authorization: x } }",
            "{ decision: allow }",
            "`Authorization` is ignored",
        ),
        (
            "{ operation: UpdateUser, headers: { X-A: a, x-a: b } }",
            "{ decision: allow }",
            "this header is listed twice",
        ),
        ("{ operation: UpdateUser }", "{ decision: allow, audits: [nope] }", "`nope` does not judge the cases"),
        ("{ operation: UpdateUser }", "{ decision: allow, warnings: [nope] }", "`nope` does not judge the cases"),
    ] {
        let folder =
            with(&[("p/a.yaml", &policy("a", "body.locale == null")), ("p/a.test.yaml", &cases(request, expect))]);
        let (_, stderr, code) = told(&folder, &["test", "p"]);
        assert!(code == 3 && stderr.contains(message) && stderr.contains("a.test.yaml:"), "{request}: {stderr}");
    }
    let meant = cases("{ operation: GetUser }", "{ decision: allow, policies: [], audits: [] }");
    let folder = with(&[("p/a.yaml", &policy("a", "body.locale == null")), ("p/a.test.yaml", &meant)]);
    assert_eq!(told(&folder, &["test", "p"]).2, 0);
}

#[test]
fn a_limit_that_no_case_counts_by_is_not_covered() {
    let folder = with(&[("p/few.yaml", LIMIT)]);
    let test = ["test", "p", "--coverage-threshold", "100"];
    let (stdout, stderr, code) = told(&folder, &test);
    assert_eq!(code, 4, "{stdout}{stderr}");
    assert!(stdout.contains("coverage: 0 of 1 rules, 0 of 1 branches (0 %)"), "{stdout}");
    assert!(stdout.contains("never true  p/few.yaml:6  client.spiffeId"), "{stdout}");
    fs::write(
        folder.path().join("p/few.test.yaml"),
        cases("{ operation: UpdateUser, client: { spiffeId: s } }", "{ decision: allow, limits: { few: s } }"),
    )
    .unwrap();
    assert_eq!(told(&folder, &test).2, 0);
}

/// A line of a log about a request that `few` found to be too many.
fn limited(id: &str, action: Action, revision: &str) -> String {
    let mut entry = LogEntry::read(LOG.lines().next().unwrap()).unwrap();
    (entry.decision_id, entry.revision) = (id.into(), revision.into());
    entry.policies.clear();
    entry.violations = vec![RecordedViolation {
        rule: RecordedRule::Policy("few".into()),
        action,
        field: None,
        reason: Reason::RateLimited,
        waived_by: None,
    }];
    serde_json::to_string(&entry).unwrap() + "\n"
}

#[test]
fn limits_are_told_in_the_report_and_by_their_message() {
    let folder = with(&[("policies/few.yaml", LIMIT)]);
    let revision = bundle(&[policy_text("few.yaml", LIMIT)]).revision;
    let lines = [limited("a1", Action::Audit, &revision), limited("a2", Action::Audit, &revision)].concat();
    fs::write(folder.path().join("log.jsonl"), lines).unwrap();
    let (stdout, stderr, _) = told(&folder, &["report", "--log", "log.jsonl", "--expect", "nobody"]);
    assert!(stdout.starts_with("limited             few\n"), "{stdout}");
    assert!(stdout.contains("\nfew (limit, audit) would have limited 2 requests\n"), "{stdout}");
    assert!(stdout.contains("callers        spiffe://example.org/billing 2"), "{stdout}");
    assert!(stdout.contains("days           2026-05-12 2"), "{stdout}");
    assert!(stderr.contains("note: `--expect nobody`: no policy failed for a caller of that name"), "{stderr}");
    let (stdout, ..) = told(&folder, &["report", "--log", "log.jsonl", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&report["limits"][0]["name"], &report["limits"][0]["limited"]), (&"few".into(), &2.into()));

    let explain = ["explain", "--config", "gateway.yaml", "--log", "log.jsonl", "--decision", "a1"];
    let (stdout, ..) = told(&folder, &explain);
    assert!(stdout.contains("audit by few: more than 3 a minute\n    hint: slow down\n    owner: ops"), "{stdout}");
    fs::write(folder.path().join("log.jsonl"), "{}\n").unwrap();
    assert_eq!(told(&folder, &["report", "--log", "log.jsonl"]).2, 1);
}

#[test]
fn what_an_audited_finding_means_does_not_say_that_it_refused() {
    let folder = with(&[("policies/a.yaml", &policy("a", "body.locale == null"))]);
    let audited =
        LOG.lines().next().unwrap().replace("\"action\":\"deny\",\"field\"", "\"action\":\"audit\",\"field\"");
    fs::write(folder.path().join("log.jsonl"), &audited).unwrap();
    let explain = ["explain", "--config", "gateway.yaml", "--log", "log.jsonl", "--decision", "0000000000000abc"];
    let found = || told(&folder, &explain).0.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(found().contains(": a policy does not hold; it refuses nothing"), "{}", found());
    fs::write(
        folder.path().join("log.jsonl"),
        audited.replace("\"reason\":\"policy_denied\",\"w", "\"reason\":\"policy_error\",\"w"),
    )
    .unwrap();
    assert!(found().contains(": a policy could not be evaluated; it refuses nothing"), "{}", found());
}

#[test]
fn an_answer_that_cannot_be_written_is_no_success() {
    let folder = with(&[("policies/a.yaml", &policy("a", "body.locale == null"))]);
    fs::write(folder.path().join("log.jsonl"), LOG).unwrap();
    for arguments in [
        &["schema", "policy"][..],
        &["--help"],
        &CHECK,
        &["test", "policies"],
        &["report", "--log", "log.jsonl"],
        &["replay", "--log", "log.jsonl", "--policies", "policies"],
        &["contract", "show", "--config", "gateway.yaml", "UpdateUser"],
        &["explain", "--config", "gateway.yaml", "--path", "/v1/users/u"],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command(folder.path(), arguments).stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains("standard output cannot be written"), "{arguments:?}: {stderr}");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command(folder.path(), &["schema", "policy"]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "whoever stopped reading wants no more");
}

#[test]
fn keys_in_clear_to_another_machine_are_refused_unless_allowed() {
    for (url, is_exposed) in [
        ("http://clerk.internal:8080", true),
        ("http://10.1.2.3", true),
        ("http://127.0.0.2:1", false),
        ("http://[::1]:1", false),
        ("http://localhost:1", false),
        ("https://clerk.internal", false),
    ] {
        let folder = with(&[("policies/a.yaml", &policy("a", "body.locale == null"))]);
        fs::write(folder.path().join("gateway.yaml"), GATEWAY.replace("embedded", &format!("\"{url}\""))).unwrap();
        let (_, stderr, code) = told(&folder, &CHECK);
        let error = "error: `upstream.url` would send credentials in plain text to a host that is not this machine";
        assert_eq!((stderr.contains(error), code), (is_exposed, if is_exposed { 3 } else { 0 }), "{url}: {stderr}");
        let allowed = GATEWAY.replace("embedded", &format!("\"{url}\", plaintext: allowed"));
        fs::write(folder.path().join("gateway.yaml"), allowed).unwrap();
        assert_eq!(told(&folder, &CHECK).2, 0, "{url}");
    }
}

#[tokio::test]
async fn a_gateway_dumps_no_core() {
    let folder = with(&[("policies/a.yaml", &policy("a", "body.locale == null"))]);
    let program = Program::start(&folder.path().join("gateway.yaml"), &[]).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", program.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{line}");
}

#[tokio::test]
async fn the_start_warns_of_what_is_not_in_force() {
    let folder = with(&[("policies/a.yaml", &policy("a", "body.locale == null")), ("policies/b.json", "{}")]);
    let mut program = Program::start(&folder.path().join("gateway.yaml"), &[]).await;
    program.signal("HUP");
    program.stderr.line("\"level\":\"WARN\",\"message\":\"is not read: policies end in").await;
    program.signal("TERM");
    let ended = program.ended().await;
    assert!(ended.stderr.starts_with("warning: is not read: policies end in"), "{}", ended.stderr);
}

#[test]
fn nothing_that_is_printed_controls_the_terminal() {
    let (stdout, stderr, code) = told(&with(&[]), &["check", "no\u{1b}[2J\u{202e}"]);
    assert!(code == 3 && stderr.contains(r"no\u001b[2J\u202e"), "{stderr}");
    assert!(!format!("{stdout}{stderr}").contains(['\u{1b}', '\u{202e}']), "{stderr}");
}

#[test]
fn a_wrong_address_to_ask_is_a_wrong_command_line() {
    let (_, stderr, code) = told(&with(&[]), &["health", "--admin-listen", "foo"]);
    assert_eq!((stderr.as_str(), code), ("error: `--admin-listen` must be an IP address and a port\n", 2));
}

#[test]
fn a_test_that_is_not_called_one_is_told_how() {
    let folder = with(&[("p/a_test.yaml", &cases("{ operation: UpdateUser }", "{ decision: allow }"))]);
    let (_, stderr, code) = told(&folder, &["check", "p"]);
    assert!(code == 3 && stderr.contains("help: tests are in `NAME.test.yaml`"), "{stderr}");
}
