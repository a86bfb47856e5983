//! From shadow to enforce: what `report` and `replay` tell of the decisions of a gateway.

pub(crate) mod log;
mod policies;
mod unchanged_rules;

use crate::support::gateway::{bundle, shipped};
use log::{Sent, lines};
use policies::{RULE, Rule, SHADOW, folder, written};
use portcullis::decision_log::LogEntry;
use portcullis::rollout::{Accumulator, Replay};
use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;
use unchanged_rules::without_hashes;

/// What services sent in two days.
fn sent() -> Vec<Sent> {
    let update = |day, caller, body: &'static str| Sent { body, caller, day, ..Sent::default() };
    let mut sent = vec![
        update(1, "billing", r#"{"skip_password_checks":true}"#),
        update(1, "billing", r#"{"first_name":"Augusta Ada","external_id":"4711"}"#),
        update(2, "support", r#"{"skip_password_checks":true,"external_id":"crm_1"}"#),
        update(2, "support", r#"{"external_id":"123456789"}"#),
        update(2, "support", r#"{"external_id":"1"}"#),
        update(2, "support", r#"{"skip_pasword_checks":true}"#),
        Sent { day: 2, caller: "support", method: "DELETE", ..Sent::default() },
    ];
    sent.extend((0..20).map(|_| update(1, "billing", r#"{"last_name":"Lovelace"}"#)));
    sent
}

/// A folder with a gateway, policies and a log of what they decided.
fn decided() -> TempDir {
    let folder = folder(&SHADOW);
    let text = lines(&bundle(&written(&SHADOW)), &sent());
    fs::write(folder.path().join("decisions.jsonl"), text).unwrap();
    folder
}

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).current_dir(folder.path()).env_clear();
    command.output().unwrap()
}

/// What the command prints; it ends with `code`.
#[track_caller]
fn told(folder: &TempDir, arguments: &[&str], code: i32) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const REPORT: [&str; 3] = ["report", "--log", "decisions.jsonl"];
const REPLAY: [&str; 7] = ["replay", "--log", "decisions.jsonl", "--config", "gateway.yaml", "--policies", "new"];

#[test]
fn the_report_says_first_what_to_do_and_then_why() {
    let folder = decided();
    let configured = [&REPORT[..], &["--config", "gateway.yaml", "--enough", "20"]].concat();
    let text = told(&folder, &configured, 0);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_caller_that_is_expected_does_not_keep_a_policy_back() {
    let folder = decided();
    let expected = [&REPORT[..], &["--enough", "20", "--expect", "spiffe://example.org/billing"]].concat();
    assert!(!told(&folder, &expected, 0).contains("no-skips    audit  expected"));
    let both = [&expected[..], &["--expect", "spiffe://example.org/support"]].concat();
    let text = told(&folder, &both, 0);
    assert!(text.starts_with("safe to promote     crm-ids, legal, no-skips\n"), "{text}");
}

#[test]
fn the_report_for_programs_has_what_the_one_for_people_has() {
    let folder = decided();
    let text = told(&folder, &[&REPORT[..], &["--json"]].concat(), 0);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let skips = report["policies"].as_array().unwrap().iter().find(|policy| policy["name"] == "no-skips").unwrap();
    assert_eq!((&skips["advice"], &skips["applied"], &skips["failed"]), (&"look".into(), &26.into(), &2.into()));
    assert_eq!(skips["callers"]["named"][0]["name"], "spiffe://example.org/billing");
    assert_eq!(skips["fields"]["named"][0]["name"], "skip_password_checks");
    assert_eq!(skips["days"]["named"].as_array().unwrap().len(), 2);
    assert_eq!(report["decisions"], 27);
}

#[test]
fn damaged_lines_and_unknown_forms_are_told_and_the_rest_counted() {
    let folder = decided();
    let file = folder.path().join("decisions.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let later = text.lines().next().unwrap().replace("\"outcome\":\"", "\"outcome\":\"later_");
    let cut = text.split_at(200).0;
    fs::write(&file, format!("{text}{later}\n{cut}")).unwrap();
    for command in [&REPORT[..], &[&REPLAY[..6], &["policies"]].concat()] {
        let text = told(&folder, command, 0);
        assert!(text.contains("1 line is damaged and left out, the first at decisions.jsonl:29"), "{text}");
        assert!(text.contains("of a form that this version does not know and left out, the first at"), "{text}");
        assert!(text.contains("27 decisions"), "{text}");
    }
    assert_eq!(run(&folder, &["report", "--log", "none.jsonl"]).status.code(), Some(1));
    assert_eq!(run(&folder, &["report"]).status.code(), Some(2));
}

/// The policies with `name` changed.
fn changed(folder: &TempDir, name: &str, from: &str, to: &str) {
    fs::create_dir(folder.path().join("new")).unwrap();
    for text in written(&SHADOW) {
        let file = folder.path().join("new").join(text.file.file_name().unwrap());
        let is_it = text.file.file_stem().is_some_and(|stem| stem == name);
        assert!(!is_it || text.text.contains(from), "{}", text.text);
        fs::write(file, if is_it { text.text.replace(from, to) } else { text.text }).unwrap();
    }
}

#[test]
fn to_promote_a_policy_refuses_what_it_would_have() {
    let folder = decided();
    changed(&folder, "crm-ids", "[Audit]", "[Deny]");
    insta::assert_snapshot!(told(&folder, &REPLAY, 0));
    assert_eq!(run(&folder, &[&REPLAY[..], &["--fail-on-change"]].concat()).status.code(), Some(4));
}

#[test]
fn what_needs_a_value_that_was_not_kept_is_undetermined_and_named() {
    let folder = decided();
    changed(&folder, "crm-ids", "startsWith('crm_')", "matches('^(crm|erp)_')");
    let text = told(&folder, &[&REPLAY[..], &["--fail-on-change"]].concat(), 0);
    insta::assert_snapshot!(text);
}

#[test]
fn a_looser_rule_lets_pass_what_was_refused() {
    let folder = decided();
    changed(&folder, "names", "<= 8", "<= 40");
    let text = told(&folder, &[&REPLAY[..], &["--json"]].concat(), 0);
    let outcome: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&outcome["newly_refused"]["count"], &outcome["undetermined"]["count"]), (&0.into(), &0.into()));
    assert_eq!(outcome["newly_allowed"], serde_json::json!({ "count": 1, "decisions": ["0000000000000001"] }));
    let names = outcome["policies"].as_array().unwrap().iter().find(|policy| policy["name"] == "names").unwrap();
    assert_eq!(names["newly_allowed"]["count"], 1);
}

#[test]
fn broken_policies_end_with_3_and_none_with_2() {
    let folder = decided();
    changed(&folder, "names", "first_name", "frist_name");
    assert_eq!(run(&folder, &REPLAY).status.code(), Some(3));
    assert_eq!(run(&folder, &REPLAY[..5]).status.code(), Some(2));
}

#[test]
fn the_policies_that_decided_change_nothing() {
    let policies = shipped();
    let judged = bundle(&policies);
    let bodies = [
        r#"{"skip_password_checks":true}"#,
        r#"{"password":"correct horse battery","sign_out_of_other_sessions":false}"#,
        r#"{"password_digest":"x","password_hasher":"md5"}"#,
        r#"{"password_digest":"x","password_hasher":"bcrypt"}"#,
        r#"{"public_metadata":{"plan":"pro","n":[1,2,"three"]},"bypass_client_trust":true}"#,
        r#"{"skip_legal_checks":true,"first_name":null}"#,
        r#"{"unknown":1,"password":"correct horse battery"}"#,
        r#"{"first_name":5}"#,
        "[]",
        "{",
        "",
    ];
    let sent = bodies.map(|body| Sent { body, ..Sent::default() });
    let log = lines(&judged, &sent);
    let without = without_hashes(&log);
    for (log, in_force, undetermined) in [(&log, None, 0), (&without, None, 1), (&without, Some(&judged), 0)] {
        let mut replay = Replay::new(&judged, in_force);
        log.lines().for_each(|line| replay.take(&LogEntry::read(line).unwrap()));
        let changes = (replay.refused.count, replay.allowed.count, replay.undetermined.count);
        assert_eq!(changes, (0, 0, undetermined), "{replay:#?}");
        assert_eq!((replay.judged, replay.standing), (10, 1), "{replay:#?}");
    }
}

#[test]
fn a_policy_of_another_operation_cannot_be_judged_by_what_was_not_recorded() {
    let judged = bundle(&[]);
    let sent = [Sent { method: "DELETE", ..Sent::default() }];
    let log = lines(&judged, &sent);
    let rule = Rule { name: "deletions", operation: "DeleteUser", action: "Deny", expression: "false", ..RULE };
    let new = bundle(&written(&[rule]));
    let mut replay = Replay::new(&new, Some(&judged));
    log.lines().for_each(|line| replay.take(&LogEntry::read(line).unwrap()));
    assert_eq!(replay.unrecorded.by_count(), [("DeleteUser", 1)]);
    assert_eq!((replay.refused.count, replay.judged), (0, 0));
}
