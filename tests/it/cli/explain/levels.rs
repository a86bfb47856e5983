//! Every level, as text and as JSON, of a request that is judged and of one in a log.

use super::{explain, explained, folder};
use std::fs;

const BODY: &str =
    r#"{"external_id":"4711","skip_password_checks":true,"password":"hunter2hunter2","first_name":"Ada"}"#;
const KEY: &str = "Authorization: Bearer sk_live_portcullis";
const SAMPLE: &str = include_str!("../../../../src/decision_log/sample.jsonl");

#[test]
fn a_request_at_every_level() {
    let folder = folder();
    for level in ["decision", "rules", "full"] {
        let arguments = ["--path", "/v1/users/user_1", "-H", KEY, "--body", BODY, "--level", level];
        insta::assert_snapshot!(format!("request_{level}"), explained(folder.path(), &arguments, ""));
    }
    let arguments = ["--path", "/v1/users/user_1", "-H", KEY, "--body", BODY, "--level", "full", "--json"];
    insta::assert_snapshot!("request_json", explained(folder.path(), &arguments, ""));
}

#[test]
fn a_request_that_passes() {
    let folder = folder();
    let told = explained(folder.path(), &["--path", "/v1/users/user_1", "--body", r#"{"first_name":"Ada"}"#], "");
    insta::assert_snapshot!("request_passes", told);
    let told = explained(folder.path(), &["--method", "GET", "--path", "/v1/jwks"], "");
    insta::assert_snapshot!("request_not_judged", told);
}

#[test]
fn each_level_has_all_that_is_in_those_before_it() {
    let folder = folder();
    let at = |level: &str| {
        let arguments = ["--path", "/v1/users/user_1", "--body", BODY, "--level", level];
        explained(folder.path(), &arguments, "")
    };
    let (decision, rules, full) = (at("decision"), at("rules"), at("full"));
    assert!(rules.starts_with(&decision) && rules.len() > decision.len());
    let missing: Vec<_> = rules.lines().filter(|line| !full.contains(*line)).collect();
    assert!(missing.is_empty() && full.len() > rules.len(), "{missing:?}");
}

#[test]
fn a_decision_of_a_log_at_every_level() {
    let folder = folder();
    fs::write(folder.path().join("log.jsonl"), SAMPLE).unwrap();
    for level in ["decision", "rules", "full"] {
        let arguments = ["--decision", "0000000000000abc", "--log", "log.jsonl", "--level", level];
        insta::assert_snapshot!(format!("decision_{level}"), explained(folder.path(), &arguments, ""));
    }
    let arguments = ["--decision", "0000000000000abd", "--log", "log.jsonl", "--json"];
    insta::assert_snapshot!("decision_json", explained(folder.path(), &arguments, ""));
}

#[test]
fn policies_that_are_the_same_as_then_give_their_texts() {
    let folder = folder();
    let (json, ..) = explain(folder.path(), &["--path", "/v1/users/u", "--json"], "");
    let revision = serde_json::from_str::<serde_json::Value>(&json).unwrap()["revision"].as_str().unwrap().to_owned();
    let line = SAMPLE.lines().next().unwrap();
    let line = line.replace("0123abcd4567", &revision).replace("no-skip-password-checks", "no-skip");
    fs::write(folder.path().join("log.jsonl"), line).unwrap();
    let told = explained(folder.path(), &["--decision", "0000000000000abc", "--log", "log.jsonl"], "");
    assert!(told.contains("(waived by import-2026): skip_password_checks is not allowed in production"), "{told}");
    assert!(told.contains("hint: use a compliant password\n    owner: identity"), "{told}");
    assert!(told.contains("not true: body.skip_password_checks != true"), "{told}");
    assert!(!told.contains("have changed since"), "{told}");
}

#[test]
fn a_decision_that_is_not_there_or_cannot_be_read_is_told() {
    let folder = folder();
    fs::write(folder.path().join("log.jsonl"), "{\"decision_id\":\"abc\",\"time\":\"canary\"}\n").unwrap();
    let ended = |id: &str, log: &str| {
        let (stdout, stderr, code) = explain(folder.path(), &["--decision", id, "--log", log], "");
        assert!(stdout.is_empty(), "{stdout}");
        (stderr, code)
    };
    assert_eq!(ended("abd", "log.jsonl"), ("error: the log has no decision of that id\n".to_owned(), 2));
    assert_eq!(ended("a\"", "log.jsonl"), ("error: `--decision` is not the id of a decision\n".to_owned(), 2));
    let (told, code) = ended("abc", "log.jsonl");
    assert!(code == 1 && told.contains("no entry of a decision log") && !told.contains("canary"), "{told}");
    let unread = "error: `--log`: `none.jsonl` cannot be read: there is no such file\n";
    assert_eq!(ended("abc", "none.jsonl"), (unread.to_owned(), 2));
    fs::write(folder.path().join("log.jsonl.1"), SAMPLE).unwrap();
    let (told, _) = ended("0000000000000abc", "log.jsonl");
    assert!(told.ends_with("; files that were rotated may have it: `--log log.jsonl.1`\n"), "{told}");
    explained(folder.path(), &["--decision", "0000000000000abc", "--log", "log.jsonl", "log.jsonl.1"], "");
}
