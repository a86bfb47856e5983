//! The shadow bundle of the running program: loaded, checked and reloaded by the rules of the bundle in force.

use crate::support::client::Client;
use crate::support::gateway::patch;
use crate::support::program::Program;
use portcullis::decision_log::LogEntry;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const GUARD: &str = include_str!("../../../policies/no-skip-password-checks.yaml");
const GUARD_TEST: &str = include_str!("../../../policies/no-skip-password-checks.test.yaml");
const LEGAL: &str = include_str!("../../../policies/no-skip-legal-checks.yaml");

/// A folder with a gateway of two policies, the second of which the candidate promotes.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let promoted = LEGAL.replace("[Audit]", "[Deny]");
    for (name, legal) in [("policies", LEGAL), ("candidate", &promoted)] {
        fs::create_dir(folder.path().join(name)).unwrap();
        for (file, text) in [("guard.yaml", GUARD), ("guard.test.yaml", GUARD_TEST), ("legal.yaml", legal)] {
            fs::write(folder.path().join(name).join(file), text).unwrap();
        }
    }
    let gateway = "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\n\
                   upstream: { url: embedded }\npolicies: [policies]\nshadow: { policies: [candidate] }\nworkers: 1\n\
                   decisionLog: { file: decisions.jsonl }\nreload: { watch: false }\n";
    fs::write(folder.path().join("gateway.yaml"), gateway).unwrap();
    folder
}

fn write(folder: &TempDir, file: &str, text: &str) {
    fs::write(folder.path().join(file), text).unwrap();
}

async fn ask(program: &Program, body: &str) -> u16 {
    let mut client = Client::connect(program.listen).await;
    client.send(patch(body).as_slice()).await;
    client.answer().await.expect("a response").status()
}

async fn get(program: &Program, path: &str) -> String {
    let mut client = Client::connect(program.admin).await;
    client.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    client.answer().await.expect("a response").text().to_owned()
}

async fn shadow(program: &Program) -> serde_json::Value {
    let all: serde_json::Value = serde_json::from_str(&get(program, "/policies").await).unwrap();
    all["shadow"].clone()
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).current_dir(folder).env_clear().output().unwrap()
}

fn check(folder: &TempDir) -> Output {
    run(folder.path(), &["check", "--config", "gateway.yaml"])
}

const SKIP: &str = r#"{"skip_legal_checks":true}"#;

#[tokio::test]
async fn what_would_change_is_in_the_decision_log_and_the_report() {
    let folder = folder();
    let program = Program::start(&folder.path().join("gateway.yaml"), &[]).await;
    for body in [SKIP, r#"{"last_name":"Lovelace"}"#, SKIP] {
        assert!(ask(&program, body).await < 422, "{body}");
    }
    program.signal("TERM");
    assert!(program.ended().await.status.success());
    let log = fs::read_to_string(folder.path().join("decisions.jsonl")).unwrap();
    let entries: Vec<_> = log.lines().filter_map(|line| LogEntry::read(line).ok()).collect();
    let differing: Vec<_> = entries.iter().filter(|entry| entry.shadow.is_some()).collect();
    assert_eq!((entries.len(), differing.len()), (3, 2), "{log}");
    let report = run(folder.path(), &["report", "--log", "decisions.jsonl", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    let ids: Vec<&str> = differing.iter().map(|entry| &*entry.decision_id).collect();
    assert_eq!(report["shadow"]["would_refuse"], 2);
    let refused = serde_json::json!({ "count": 2, "decisions": ids });
    let rules = report["shadow"]["rules"].as_array().unwrap();
    assert_eq!((rules.len(), &rules[0]["name"]), (1, &"no-skip-legal-checks".into()));
    assert_eq!(rules[0]["would_refuse"], refused);
    let text = run(folder.path(), &["report", "--log", "decisions.jsonl"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("the shadow bundle would refuse 2 requests that passed"), "{text}");
    assert!(text.contains(&ids.join(", ")), "{text}");
}

#[tokio::test]
async fn a_reload_replaces_it_and_keeps_it_if_the_files_are_invalid() {
    let folder = folder();
    let mut program = Program::start(&folder.path().join("gateway.yaml"), &[]).await;
    let before = shadow(&program).await;
    assert_eq!(before["changes"], serde_json::json!({ "no-skip-legal-checks": "changed" }));
    let info = format!("portcullis_shadow_bundle_info{{revision={}}} 1\n", before["revision"]);
    assert!(get(&program, "/metrics").await.contains(&info));

    // a rule that only the candidate loses is no rule that is lost
    for file in ["candidate/guard.yaml", "candidate/guard.test.yaml"] {
        fs::remove_file(folder.path().join(file)).unwrap();
    }
    program.signal("HUP");
    program.stderr.line("policies reloaded").await;
    let after = shadow(&program).await;
    let changes = serde_json::json!({ "no-skip-legal-checks": "changed", "no-skip-password-checks": "removed" });
    assert_eq!(after["changes"], changes);
    assert_eq!(ask(&program, r#"{"skip_password_checks":true}"#).await, 422);
    let metrics = get(&program, "/metrics").await;
    assert!(metrics.contains("portcullis_shadow_decisions_total{decision=\"would_allow\"} 1\n"), "{metrics}");
    assert!(!metrics.contains(&info), "{metrics}");

    write(&folder, "candidate/legal.yaml", &LEGAL.replace("skip_legal_checks != true", "skip_legal_cheks != true"));
    program.signal("HUP");
    program.stderr.line("could not be reloaded").await;
    let event = program.stderr.line("skip_legal_cheks").await;
    assert!(event.contains("candidate/legal.yaml"), "{event}");
    assert_eq!(shadow(&program).await, after);
    assert!(get(&program, "/metrics").await.contains("portcullis_reloads_total{outcome=\"rejected\"} 1\n"));
}

#[test]
fn check_names_what_it_changes_and_every_error_in_it() {
    let folder = folder();
    let valid = check(&folder);
    let text = String::from_utf8(valid.stdout).unwrap();
    assert_eq!(valid.status.code(), Some(0), "{}", String::from_utf8_lossy(&valid.stderr));
    assert!(text.contains("\n  shadow       ") && text.contains("changed  no-skip-legal-checks\n"), "{text}");

    let invalid = |file: &str, text: &str, expected: &str| {
        let path = folder.path().join(file);
        let before = fs::read_to_string(&path).ok();
        write(&folder, file, text);
        let output = check(&folder);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        match before {
            Some(before) => write(&folder, file, &before),
            None => fs::remove_file(path).unwrap(),
        }
    };
    invalid("candidate/legal.yaml", &LEGAL.replace("UpdateUser", "UpdateUsr"), "`UpdateUsr` is not an operation");
    invalid("candidate/guard.test.yaml", &GUARD_TEST.replace("allow", "deny"), "guard.test.yaml");
    let limit = "apiVersion: portcullis/v1\nkind: RequestLimit\nmetadata: { name: updates }\nspec:\n  \
                 match: { operations: [UpdateUser] }\n  events: 3\n  period: 1m\n  message: no\n  actions: [Deny]\n";
    invalid("candidate/limit.yaml", limit, "`updates` is not the limit in force: `shadow` counts no requests");
    let gateway = fs::read_to_string(folder.path().join("gateway.yaml")).unwrap();
    invalid("gateway.yaml", &gateway.replace("[candidate]", "[]"), "`shadow.policies` must not be empty");
    invalid("gateway.yaml", &gateway.replace("[candidate]", "[candidates]"), "`shadow.policies[0]` cannot be read");
}
