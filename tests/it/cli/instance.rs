//! The name and labels of a gateway: what policies read of them, in each command.

use crate::support::client::Client;
use crate::support::program::Program;
use serde_json::Value;
use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;

const POLICY: &str = "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: { name: only-billing }\nspec:\n  \
    match: { operations: [UpdateUser] }\n  matchConditions: [{ name: eu, expression: 'instance.labels.region == \"eu\"' }]\n  \
    validations:\n    - expression: instance.name == \"billing\"\n      message: not here\n  actions: [Deny]\n";
const NAMED: &str = "instance: { name: users, labels: { region: eu } }\n";

/// A folder with a gateway that has the policy, and `more` in its configuration.
fn folder(more: &str, policy: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
         upstream: {{ url: embedded }}\npolicies: [policies]\n{more}"
    );
    fs::write(folder.path().join("gateway.yaml"), settings).unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(folder.path().join("policies/policy.yaml"), policy).unwrap();
    folder
}

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).args(["--config", "gateway.yaml"]).current_dir(folder.path()).env_clear().output().unwrap()
}

fn stderr(folder: &TempDir, arguments: &[&str]) -> String {
    String::from_utf8(run(folder, arguments).stderr).unwrap()
}

fn stdout(folder: &TempDir, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn check_warns_of_what_the_configuration_does_not_set() {
    let found = stderr(&folder("", POLICY), &["check"]);
    assert!(found.contains("no `instance.name`") && found.contains("policy.yaml:8:19"), "{found}");
    assert!(found.contains("no `instance.labels`") && found.contains("policy.yaml:6:45"), "{found}");
    let only_name = stderr(&folder("instance: { name: users }\n", POLICY), &["check"]);
    assert!(!only_name.contains("no `instance.name`") && only_name.contains("no `instance.labels`"), "{only_name}");
    let silent = stderr(&folder(NAMED, POLICY), &["check", "--strict"]);
    assert_eq!(silent, "");
    // which gateway the files are for is not known
    let of_files = stderr(&folder("", POLICY), &["check", "policies"]);
    assert!(!of_files.contains("instance"), "{of_files}");
    assert_eq!(run(&folder("", POLICY), &["check", "--strict"]).status.code(), Some(3));
}

#[test]
fn a_label_or_name_that_may_be_absent_needs_a_guard() {
    let unguarded = POLICY.replace("instance.name == \"billing\"", "instance.labels.team.startsWith(\"b\")");
    let found = stderr(&folder(NAMED, &unguarded), &["check"]);
    assert!(found.contains("`instance.labels.team` reads as null where it is absent"), "{found}");
    let unguarded = POLICY.replace("instance.name == \"billing\"", "instance.name.startsWith(\"b\")");
    let found = stderr(&folder(NAMED, &unguarded), &["check"]);
    assert!(found.contains("`instance.name` reads as null where it is absent"), "{found}");
}

#[test]
fn a_name_that_is_not_plain_is_refused_with_its_place() {
    for (written, place) in [
        ("instance: { name: \"a b\" }\n", "gateway.yaml:7:19"),
        ("instance: { labels: { team: \"\" } }\n", "gateway.yaml:7:29"),
        ("instance: { labels: { \"te am\": billing } }\n", "gateway.yaml:7:32"),
        ("instance: { nmae: billing }\n", "gateway.yaml:7:13"),
    ] {
        let found = stderr(&folder(written, POLICY), &["check"]);
        assert!(found.contains(place), "{written}: {found}");
    }
}

#[test]
fn a_test_case_sets_the_gateway_that_judges_it() {
    let folder = folder("", POLICY);
    let case = |name: &str, instance: &str, decision: &str| {
        format!(
            "    - name: {name}\n      request: {{ operation: UpdateUser, body: {{}}{instance} }}\n      \
             expect: {{ decision: {decision} }}\n"
        )
    };
    let cases = [
        case("elsewhere", ", instance: { name: users, labels: { region: eu } }", "deny"),
        case("in billing", ", instance: { name: billing, labels: { region: eu } }", "allow"),
        case("in the us", ", instance: { name: users, labels: { region: us } }", "allow"),
        case("in none", "", "allow"),
    ];
    let head = "apiVersion: portcullis/v1\nkind: PolicyTest\nmetadata: { name: only-billing }\nspec:\n  cases:\n";
    fs::write(folder.path().join("policies/policy.test.yaml"), format!("{head}{}", cases.concat())).unwrap();
    let output = run(&folder, &["test"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn explain_judges_as_the_gateway_of_the_configuration() {
    let request = ["explain", "--path", "/v1/users/user_1", "--body", "{}"];
    let explained = stdout(&folder(NAMED, POLICY), &request);
    assert!(explained.contains("only-billing") && explained.contains("422"), "{explained}");
    let passes = stdout(&folder("instance: { name: billing, labels: { region: eu } }\n", POLICY), &request);
    assert!(!passes.contains("422"), "{passes}");
}

#[tokio::test]
async fn a_decision_records_the_gateway_so_that_replay_decides_alike() {
    let more = format!("{NAMED}decisionLog: {{ file: decisions.jsonl }}\n");
    let folder = folder(&more, POLICY);
    let program = Program::start(&folder.path().join("gateway.yaml"), &[]).await;
    let mut client = Client::connect(program.listen).await;
    client
        .send("PATCH /v1/users/user_1 HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
        .await;
    assert_eq!(client.answer().await.expect("a response").status(), 422);
    let mut admin = Client::connect(program.admin).await;
    admin.send("GET /config HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let config: Value = serde_json::from_slice(&admin.answer().await.expect("a response").body).unwrap();
    assert_eq!(config["instance"], serde_json::json!({ "name": "users", "labels": { "region": "eu" } }));
    program.signal("TERM");
    program.ended().await;
    let log = fs::read_to_string(folder.path().join("decisions.jsonl")).unwrap();
    let line: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(line["request"]["instance"], config["instance"]);

    let replay = ["replay", "--log", "decisions.jsonl", "--policies", "new"];
    fs::create_dir(folder.path().join("new")).unwrap();
    let changed = |from: &str, to: &str| {
        fs::write(folder.path().join("new/policy.yaml"), POLICY.replace(from, to)).unwrap();
        stdout(&folder, &replay)
    };
    let other_name = changed("\"billing\"", "\"users\"");
    assert!(other_name.contains("newly allowed 1,"), "{other_name}");
    let other_region = changed("\"eu\"", "\"us\"");
    assert!(other_region.contains("newly allowed 1,"), "{other_region}");
    // a log that does not name the gateway decides nothing about one
    let unnamed = log.replace(r#","instance":{"name":"users","labels":{"region":"eu"}}"#, "");
    assert_ne!(unnamed, log);
    fs::write(folder.path().join("decisions.jsonl"), unnamed).unwrap();
    let undetermined = changed("\"billing\"", "\"users\"");
    assert!(undetermined.contains("newly allowed 0, undetermined 1"), "{undetermined}");
}
