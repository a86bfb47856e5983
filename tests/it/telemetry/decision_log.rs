//! The decision log of the real program: what is in it, how it lives with rotation, restarts and signals, and whether
//! `verify-log` finds every hand that was laid on it.

use crate::support::client::Client;
use crate::support::program::Program;
use portcullis::contract::credential::{Environment, KeyClass};
use portcullis::decision_log::{LogEntry, RecordedOutcome, RedactedShape, RedactedValue, VersionSource};
use portcullis::outcome::Outcome;
use portcullis::reason::Reason;
use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A policy that reads a header and a parameter of the query.
const READER: &str = "apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: reads-the-head }
spec:
  match: { operations: [UpdateUser] }
  matchConditions:
    - name: from-a-team
      expression: request.headers['x-team'] != null
  validations:
    - expression: request.headers['x-tenant'] != 'none' && request.query.dry_run == null
      message: never told
  actions: [Audit]
";

/// A folder with a configuration, whose decision log says `more` besides its file.
fn folder(more: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("reads.yaml"), READER).unwrap();
    fs::write(folder.path().join("fingerprint.key"), "0123456789abcdef0123456789abcdef\n").unwrap();
    let shipped = std::path::absolute("policies").unwrap();
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\nworkers: 1\n\
         upstream: {{ url: embedded }}\npolicies: [{shipped:?}, reads.yaml]\nlimits: {{ bodyBytes: 8192 }}\n{more}"
    );
    fs::write(folder.path().join("gateway.yaml"), text).unwrap();
    folder
}

async fn start(folder: &TempDir) -> Program {
    Program::start(&folder.path().join("gateway.yaml"), &[]).await
}

async fn stop(program: Program) {
    program.signal("TERM");
    let ended = program.ended().await;
    assert!(ended.status.success(), "{}", ended.stderr);
}

/// Sends a request with `body` as JSON; the status.
async fn ask(program: &Program, line: &str, headers: &str, body: &str) -> u16 {
    let mut client = Client::connect(program.listen).await;
    let length = match body {
        "" => String::new(),
        _ => format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()),
    };
    client
        .send(format!("{line} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer sk_live_a\r\n{length}{headers}\r\n{body}"))
        .await;
    client.answer().await.expect("an answer").status()
}

async fn metrics(program: &Program) -> String {
    let mut client = Client::connect(program.admin).await;
    client.send("GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").await;
    String::from_utf8_lossy(&client.answer().await.expect("an answer").body).into_owned()
}

const PATCH: &str = "PATCH /v1/users/user_portcullis_ada";
const OLD: &str = "clerk-api-version: 2025-11-10\r\n";

fn lines(folder: &TempDir, name: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.path().join(name)).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// What is written of requests of every kind, in their order.
async fn written(more: &str) -> Vec<String> {
    let folder = folder(more);
    let program = start(&folder).await;
    let body = r#"{"skip_password_checks":true,"password":"correct horse","external_id":"ext_1","public_metadata":{"ssn":"7"}}"#;
    let team = format!("{OLD}x-team: one\r\nx-tenant: acme\r\n");
    assert_eq!(ask(&program, PATCH, &team, body).await, 422);
    assert_eq!(ask(&program, PATCH, "", r#"{"first_name":"Ada","external_id":"ext_1"}"#).await, 200);
    assert_eq!(ask(&program, "GET /v1/users/user_portcullis_ada", "", "").await, 200, "exempt");
    assert_eq!(ask(&program, PATCH, "", r#"{"password":"#).await, 400);
    assert_eq!(ask(&program, PATCH, "", &format!(r#"{{"password":"{}"}}"#, "x".repeat(9_000))).await, 413);
    assert_eq!(ask(&program, "TRACE /v1/users", "", "").await, 405);
    assert_eq!(ask(&program, PATCH, "", r#"{"hunter2":"hunter2"}"#).await, 422);
    stop(program).await;
    let mut lines = lines(&folder, "decisions.jsonl");
    assert!(lines.pop().is_some_and(|line| line.contains("\"event\":\"shutdown\"")), "{lines:?}");
    lines.retain(|line| !line.contains("\"event\":\"heartbeat\""));
    lines
}

const FULL: &str = "decisionLog:
  file: decisions.jsonl
  fingerprints:
    key: { file: fingerprint.key }
    body: [/external_id]
    params: [user_id]
    headers: [x-tenant]
masks: { names: [ssn], headers: [x-team] }
";

#[tokio::test]
async fn every_decision_is_told_with_what_led_to_it_and_nothing_that_was_exempt() {
    let lines = written(FULL).await;
    let entries: Vec<LogEntry<'_>> = lines.iter().map(|line| LogEntry::read(line).expect(line)).collect();
    let told: Vec<_> = entries.iter().map(|entry| (entry.outcome, entry.reason, entry.status)).collect();
    assert_eq!(
        told,
        [
            (Outcome::Denied, Some(Reason::PolicyDenied), 422),
            (Outcome::Allowed, None, 200),
            (Outcome::Denied, Some(Reason::MalformedJson), 400),
            (Outcome::Denied, Some(Reason::BodyTooLarge), 413),
            (Outcome::Denied, Some(Reason::MethodNotAllowed), 405),
            (Outcome::Denied, Some(Reason::SchemaViolation), 422),
        ]
    );
    let text = lines.join("\n");
    for value in ["correct horse", "ext_1", "acme", "Ada", "user_portcullis", "sk_live_a", "hunter2", "\"one\"", "ssn"]
    {
        assert!(!text.contains(value), "{value} is in\n{text}");
    }
}

#[tokio::test]
async fn what_policies_said_and_what_they_saw_is_kept() {
    let lines = written(FULL).await;
    let (denied, allowed) = (LogEntry::read(&lines[0]).unwrap(), LogEntry::read(&lines[1]).unwrap());
    assert_eq!(
        (denied.operation.as_deref(), denied.route.as_deref()),
        (Some("UpdateUser"), Some("/v1/users/{user_id}"))
    );
    assert_eq!((denied.environment, denied.key_class), (Environment::Production, KeyClass::Live));
    assert_eq!(
        (denied.api_version.as_deref(), denied.api_version_source),
        (Some("2025-11-10"), Some(VersionSource::Request))
    );
    assert_eq!(allowed.api_version_source, Some(VersionSource::Default));
    assert_eq!(denied.client.ip.as_deref(), Some("127.0.0.1"));
    let said = |entry: &LogEntry<'_>, name: &str| {
        entry.policies.iter().find(|policy| policy.name == *name).map(|policy| format!("{:?}", policy.outcome))
    };
    let violated = |entry: &LogEntry<'_>| {
        entry
            .policies
            .iter()
            .any(|policy| matches!(&policy.outcome, RecordedOutcome::Violated(parts) if parts[0].validation == 0))
    };
    assert!(violated(&denied));
    assert_eq!(said(&allowed, "no-skip-password-checks").as_deref(), Some("Holds"));
    assert_eq!(said(&denied, "reads-the-head").as_deref(), Some("Holds"));
    assert_eq!(said(&allowed, "reads-the-head").as_deref(), Some("NoMatch(\"from-a-team\")"));
    let facts = denied.request.as_ref().expect("facts");
    let size = |name: &str| facts.headers.get(name).map(|held| held.as_ref().and_then(|held| held.size));
    assert_eq!((size("x-tenant"), size("x-team"), size("accept")), (Some(Some(4)), Some(None), None));
    assert!(facts.headers.get("x-team").is_some_and(Option::is_some), "a mask leaves that it is there");
    assert_eq!((facts.query.get("dry_run"), facts.query_size), (Some(&None), 0));
    assert_eq!(allowed.request.expect("facts").headers.get("x-tenant"), Some(&None));
}

#[tokio::test]
async fn the_skeleton_is_kept_where_a_body_could_be_read_with_equal_values_known_as_equal() {
    let lines = written(FULL).await;
    let entries: Vec<LogEntry<'_>> = lines.iter().map(|line| LogEntry::read(line).expect(line)).collect();
    let member = |position: usize, name: &str| match &entries[position].body.as_ref()?.value {
        Some(RedactedValue::Shape(RedactedShape::Object { members, .. })) => members.get(name).cloned(),
        _ => None,
    };
    assert_eq!(member(0, "skip_password_checks"), Some(RedactedValue::Bool(true)));
    assert_eq!(member(0, "password"), Some(RedactedValue::Shape(RedactedShape::Secret("string".into()))));
    assert_eq!(entries[0].masked, ["/password", "/public_metadata/*"]);
    let external = member(0, "external_id");
    assert!(
        matches!(&external, Some(RedactedValue::Shape(RedactedShape::String { size: 5, fingerprint: Some(_) }))),
        "{external:?}"
    );
    assert_eq!(external, member(1, "external_id"));
    let user = |position: usize| entries[position].request.as_ref()?.params.get("user_id")?.fingerprint.clone();
    assert!(user(0).is_some() && user(0) == user(1) && user(0) == user(3));
    let skeletons: Vec<_> = entries.iter().map(|entry| entry.body.as_ref().map(|body| body.value.is_some())).collect();
    assert_eq!(skeletons, [Some(true), Some(true), Some(false), Some(false), None, Some(true)]);
}

fn verify(folder: &TempDir, files: &[&str], json: bool) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("verify-log").args(json.then_some("--json")).args(files).current_dir(folder.path());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

/// A log of some files, the last of which is the oldest, made by two runs.
async fn chained() -> TempDir {
    let folder = folder("decisionLog: { file: decisions.jsonl, maxBytes: 65536, chain: true }\n");
    // lines of a length that does not change with the policies that ship
    let file = folder.path().join("gateway.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let lines = text.lines().map(|line| if line.starts_with("policies:") { "policies: [reads.yaml]" } else { line });
    fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let body = format!(r#"{{"first_name":"{}"}}"#, "x".repeat(300));
    for _ in 0..2 {
        let program = start(&folder).await;
        for _ in 0..60 {
            ask(&program, PATCH, "", &body).await;
        }
        stop(program).await;
    }
    folder
}

/// Has `change` done to the lines of the file, and puts them back afterwards; what is said of the log then.
fn changed(folder: &TempDir, name: &str, change: impl FnOnce(&mut Vec<String>)) -> String {
    let path = folder.path().join(name);
    let before = fs::read(&path).unwrap();
    let mut lines = lines(folder, name);
    change(&mut lines);
    fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let (code, said) = verify(folder, &["decisions.jsonl", "decisions.jsonl.1"], false);
    fs::write(&path, before).unwrap();
    assert_eq!(code, Some(4), "{said}");
    said.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn an_unchanged_log_is_valid_and_every_change_is_found() {
    let folder = chained().await;
    let both = ["decisions.jsonl", "decisions.jsonl.1"];
    assert!(folder.path().join("decisions.jsonl.1").exists(), "the file was rotated");
    let (code, said) = verify(&folder, &both, false);
    assert!(code == Some(0) && said.starts_with("valid: 122 entries, 1 ("), "{said}");
    assert!(said.contains("a chain cannot prove"), "{said}");

    let old = lines(&folder, "decisions.jsonl.1").len();
    let line = |name: &str, number: usize, what: &str| format!("broken: {name}:{number}: {what}");
    let first = "decisions.jsonl.1";
    assert_eq!(
        changed(&folder, first, |lines| lines[4] = lines[4].replace("\"status\":200", "\"status\":422")),
        line(first, 5, "the line was changed: its hash does not match its content")
    );
    assert_eq!(changed(&folder, first, |lines| drop(lines.remove(4))), line(first, 5, "a line is missing before it"));
    assert_eq!(changed(&folder, first, |lines| lines.swap(4, 5)), line(first, 5, "a line is missing before it"));
    assert_eq!(
        changed(&folder, first, |lines| lines.insert(7, lines[2].clone())),
        line(first, 8, "the line is out of order: it is number 3, and number 7 is before it")
    );
    assert_eq!(
        changed(&folder, first, |lines| lines.insert(7, "{}".to_owned())),
        line(first, 8, "the line has no hash: it was inserted, or written without `decisionLog.chain`")
    );
    // the tail of a file that another one follows
    assert_eq!(
        changed(&folder, first, |lines| lines.truncate(old - 2)),
        line("decisions.jsonl", 1, "2 lines are missing before it")
    );
    let (code, said) = verify(&folder, &["decisions.jsonl"], true);
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["sound"], &report["first"]["sequence"]), (Some(0), &true.into(), &(old + 1).into()));
}

#[tokio::test]
async fn verify_log_reports_as_json_where_a_log_is_broken() {
    let folder = chained().await;
    let path = folder.path().join("decisions.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.trim_end()).unwrap();
    let (code, said) = verify(&folder, &["decisions.jsonl.1", "decisions.jsonl"], true);
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["sound"]), (Some(4), &false.into()));
    assert_eq!(
        (&report["broken"]["file"], &report["broken"]["line"]),
        (&"decisions.jsonl".into(), &text.lines().count().into())
    );
    assert_eq!(report["broken"]["why"], "the file ends within the line");
    assert_eq!(verify(&folder, &["nowhere.jsonl"], false).0, Some(1));
    assert_eq!(verify(&folder, &[], false).0, Some(2));
}

#[tokio::test]
async fn decisions_that_the_disk_did_not_take_are_reported() {
    let folder = folder("decisionLog: { file: decisions.jsonl, chain: true }\n");
    let (file, moved) = (folder.path().join("decisions.jsonl"), folder.path().join("decisions.jsonl.1"));
    let mut program = start(&folder).await;
    ask(&program, PATCH, "", "{}").await;
    while fs::metadata(&file).unwrap().len() == 0 {
        tokio::task::yield_now().await;
    }
    // a folder in its place: the file cannot be opened
    fs::rename(&file, &moved).unwrap();
    fs::create_dir(&file).unwrap();
    program.signal("HUP");
    program.stderr.line("policies reloaded").await;
    for _ in 0..3 {
        assert_eq!(ask(&program, PATCH, "", "{\"skip_password_checks\":true}").await, 422);
    }
    program.stderr.line("the decision log's file is not a file").await;
    while !metrics(&program).await.contains("portcullis_decision_log_dropped_total{reason=\"write_failed\"} 3") {
        tokio::task::yield_now().await;
    }
    fs::remove_dir(&file).unwrap();
    ask(&program, PATCH, "", "{}").await;
    stop(program).await;
    let (code, said) = verify(&folder, &["decisions.jsonl", "decisions.jsonl.1"], false);
    assert_eq!(code, Some(4), "{said}");
    let mut report = said.lines();
    assert_eq!(report.next(), Some("incomplete: 3 decisions are missing"));
    assert!(report.next().is_some_and(|line| line.ends_with(": the file could not be written")), "{said}");
    assert!(report.next().is_some_and(|line| line.starts_with("the entries that there are: 4 entries")), "{said}");
    let (code, said) = verify(&folder, &["decisions.jsonl", "decisions.jsonl.1"], true);
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["sound"], &report["missing_decisions"]), (Some(4), &false.into(), &3.into()));
    assert_eq!(report["gaps"][0]["lost"]["write_failed"], 3);
}

#[tokio::test]
async fn a_log_whose_end_is_missing_is_reported() {
    let folder = folder("decisionLog: { file: decisions.jsonl, chain: true }\n");
    let program = start(&folder).await;
    ask(&program, PATCH, "", "{}").await;
    stop(program).await;
    let path = folder.path().join("decisions.jsonl");
    let whole = lines(&folder, "decisions.jsonl");
    fs::write(&path, format!("{}\n", whole[0])).unwrap();
    let (code, said) = verify(&folder, &["decisions.jsonl"], true);
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(code == Some(0) && report["open_end"].is_string() && report["warnings"] == serde_json::json!([]), "{said}");
    let (_, said) = verify(&folder, &["decisions.jsonl"], false);
    assert!(said.contains("\nnote: the log ends without a `shutdown` entry, and its last entry is "), "{said}");
    // as old as no log that is written: the chain is made anew for another time
    let (content, _) = whole[0].split_once(",\"sequence\"").unwrap();
    let mut old = String::new();
    let line = format!("{}}}", content.replacen("\"20", "\"19", 1));
    let _ = portcullis::decision_log::chain::ChainEnd::default().append(&line, &mut old);
    fs::write(&path, old + "\n").unwrap();
    let (code, said) = verify(&folder, &["decisions.jsonl"], false);
    assert!(code == Some(0) && said.contains("warning: the log ends without a `shutdown` entry"), "{said}");
}

#[tokio::test]
async fn lines_without_an_end_are_read_in_bounded_memory() {
    let folder = folder("");
    let mut long = fs::File::create(folder.path().join("long.jsonl")).unwrap();
    // a hole, which takes no room on the disk
    long.set_len(1 << 30).unwrap();
    long.seek(SeekFrom::End(0)).unwrap();
    long.write_all(b"\n{\"time\":\"t\",\"decision_id\":\"abc\"}\n").unwrap();
    let limited = |command: &str| {
        // the address space: a line that is read whole does not fit
        let script = format!("ulimit -v 1000000; exec {} {command}", env!("CARGO_BIN_EXE_portcullis"));
        let output = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (code, said) = limited("verify-log long.jsonl");
    assert!(code == Some(4) && said.starts_with("broken: long.jsonl:1: the line is longer than any"), "{said}");
    let (_, said) = limited("explain --config gateway.yaml --decision abc --log long.jsonl");
    assert!(said.contains("the decision's line is no entry of a decision log"), "{said}");
}

/// Waits until the file is there.
async fn appears(file: &Path) {
    while !file.exists() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_log_that_was_moved_is_begun_anew_on_sighup_and_its_chain_goes_on() {
    let folder = folder("decisionLog: { file: decisions.jsonl, chain: true }\n");
    let mut program = start(&folder).await;
    ask(&program, PATCH, "", "{}").await;
    let (file, moved) = (folder.path().join("decisions.jsonl"), folder.path().join("moved.jsonl"));
    while fs::metadata(&file).unwrap().len() == 0 {
        tokio::task::yield_now().await;
    }
    fs::rename(&file, &moved).unwrap();
    program.signal("HUP");
    program.stderr.line("policies reloaded").await;
    ask(&program, PATCH, "", "{}").await;
    appears(&file).await;
    stop(program).await;
    let after = lines(&folder, "decisions.jsonl");
    assert_eq!((lines(&folder, "moved.jsonl").len(), after.len()), (1, 2));
    assert!(after[0].contains("\"number\":2,") && after[1].contains("\"event\":\"shutdown\""), "{after:?}");
    assert_eq!(verify(&folder, &["decisions.jsonl", "moved.jsonl"], false).0, Some(0));
}

/// What `portcullis check` says of a configuration whose decision log and masks are these.
fn said(more: &str) -> String {
    let folder = folder(more);
    fs::write(folder.path().join("short.key"), "short\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.args(["check", "--config", "gateway.yaml"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn keys_and_secrets_that_cannot_be_are_told_before_anything_is_served() {
    insta::assert_snapshot!(said(
        "decisionLog:\n  file: decisions.jsonl\n  fingerprints:\n    key: { file: short.key }\n    body: [/external_ids, /password, /private_metadata/a]\n"
    ));
}

#[test]
fn a_signing_key_that_cannot_be_is_reported() {
    let signing = |more: &str| said(&format!("decisionLog: {{ file: decisions.jsonl, {more} }}\n"));
    let wrong = signing("chain: true, signing: { key: { file: fingerprint.key } }");
    assert!(wrong.contains("`decisionLog.signing.key.file` has no private key of Ed25519 in PEM (PKCS #8)"), "{wrong}");
    assert!(wrong.contains("gateway.yaml:") && wrong.contains("openssl genpkey -algorithm ed25519"), "{wrong}");
    let missing = signing("chain: true, signing: { key: { file: nowhere.key } }");
    assert!(missing.contains("`decisionLog.signing.key.file` cannot be read: there is no such file"), "{missing}");
    let unchained = signing("signing: { key: { file: fingerprint.key } }");
    assert!(unchained.contains("`decisionLog.signing` has no effect without `chain`"), "{unchained}");
    // at the start as in `check`
    let folder = folder("decisionLog: { file: a.jsonl, chain: true, signing: { key: { file: fingerprint.key } } }\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.args(["run", "--config", "gateway.yaml"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_signed_log_is_verified_by_the_public_key() {
    let folder =
        folder("decisionLog: { file: decisions.jsonl, chain: true, signing: { key: { file: signing.key } } }\n");
    let (key, other) =
        (rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519), rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519));
    let (key, other) = (key.unwrap(), other.unwrap());
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("signing.key", key.serialize_pem());
    write("signing.pub", key.public_key_pem());
    write("other.pub", other.public_key_pem());
    let program = start(&folder).await;
    ask(&program, PATCH, "", "{}").await;
    stop(program).await;
    let by = |keys: &[&str]| {
        let keys: Vec<&str> = keys.iter().flat_map(|key| ["--public-key", *key]).collect();
        verify(&folder, &[&keys[..], &["decisions.jsonl"]].concat(), false)
    };
    let (code, said) = by(&["signing.pub"]);
    assert!(code == Some(0) && said.contains("\nsigned: all entries\n"), "{said}");
    assert_eq!(by(&["other.pub", "signing.pub"]).0, Some(0));
    let (code, said) = by(&["other.pub"]);
    assert!(
        code == Some(4) && said.contains(":2: the checkpoint is not signed by the key of `--public-key`"),
        "{said}"
    );
    let (code, said) = by(&["signing.key"]);
    assert!(code == Some(1) && said.contains("`--public-key`: signing.key has no public key of Ed25519"), "{said}");
    // the log without its checkpoints, made again with every hash
    let (mut end, mut text) = (portcullis::decision_log::chain::ChainEnd::default(), String::new());
    for line in lines(&folder, "decisions.jsonl").iter().filter(|line| !line.contains("checkpoint")) {
        let (content, _) = line.split_once(",\"sequence\"").unwrap();
        end = end.append(&format!("{content}}}"), &mut text);
        text.push('\n');
    }
    fs::write(folder.path().join("decisions.jsonl"), text).unwrap();
    assert_eq!(verify(&folder, &["decisions.jsonl"], false).0, Some(0));
    let (code, said) = by(&["signing.pub"]);
    assert!(code == Some(4) && said.starts_with("unsigned: the last 2 lines are not signed"), "{said}");
}

#[test]
fn two_processes_do_not_write_one_log() {
    let folder = folder("decisionLog: { file: decisions.jsonl }\n");
    let file: PathBuf = folder.path().join("decisions.jsonl");
    let taken = fs::File::create(&file).unwrap();
    taken.lock().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.args(["run", "--config", "gateway.yaml"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("`decisionLog.file` is written by another process"), "{said}");
}

#[tokio::test]
async fn a_share_of_the_allowed_decisions_is_logged_and_all_others() {
    let folder = folder("decisionLog: { file: decisions.jsonl, chain: true, sampleAllowed: 0.5 }\n");
    let program = start(&folder).await;
    for _ in 0..60 {
        assert_eq!(ask(&program, "PATCH /v1/users/user_portcullis_ada", "", r#"{"first_name":"Ada"}"#).await, 200);
    }
    for _ in 0..5 {
        assert_eq!(ask(&program, "PATCH /v1/users/u", "", r#"{"skip_password_checks":true}"#).await, 422);
        let line = "PATCH /v1/users/user_portcullis_ada";
        assert_eq!(ask(&program, line, "x-team: a\r\nx-tenant: none\r\n", r#"{"first_name":"Ada"}"#).await, 200);
    }
    stop(program).await;
    let text = fs::read_to_string(folder.path().join("decisions.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("\"event\"")).collect();
    let entries: Vec<_> = lines.iter().map(|line| LogEntry::read(line).unwrap()).collect();
    let (sampled, others): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.sample_rate.is_some());
    assert!((1..60).contains(&sampled.len()) && others.len() == 10, "{} and {}", sampled.len(), others.len());
    // by our id: a caller chooses its trace id, and must not choose whether it is logged
    assert!(sampled.iter().all(|entry| entry.sample_rate == Some(0.5) && *entry.decision_id < *"8000000000000000"));
    assert!(others.iter().all(|entry| !entry.violations.is_empty()));

    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        let output = command.args(arguments).current_dir(folder.path()).env_clear().output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    let (verified, code) = run(&["verify-log", "decisions.jsonl"]);
    assert_eq!(code, Some(0), "{verified}");
    let (report, _) = run(&["report", "--json", "--config", "gateway.yaml", "--log", "decisions.jsonl"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["sampled_decisions"], sampled.len());
    assert_eq!(report["sampled_represent"].as_f64(), Some(2.0 * f64::from(u32::try_from(sampled.len()).unwrap())));
    let (report, _) = run(&["report", "--config", "gateway.yaml", "--log", "decisions.jsonl"]);
    assert!(report.contains("are a sample of the allowed requests"), "{report}");
    // what docs/decision-log.md has of the size, without the links of the chain
    let average = lines.iter().map(|line| line.len()).sum::<usize>() / lines.len() - 200;
    assert!((1_500..3_000).contains(&average), "{average} bytes a line");
}
