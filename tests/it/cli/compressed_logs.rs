//! Every command that reads a decision log reads rotated files that are compressed, and names the place of damage.

use flate2::Compression;
use flate2::write::GzEncoder;
use portcullis::decision_log::chain::ChainEnd;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const SAMPLE: &str = include_str!("../../../src/decision_log/sample.jsonl");

const POLICY: &str = "apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: no-skip-password-checks }
spec:
  match: { operations: [UpdateUser] }
  validations:
    - { expression: body.skip_password_checks != true, message: no }
  actions: [Deny]
";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Decisions of the sample with other ids, chained: an older file and the current one.
fn chained() -> [String; 2] {
    let line = SAMPLE.lines().next().unwrap();
    let mut end = ChainEnd::default();
    let mut text = |numbers: std::ops::Range<u64>| {
        let mut text = String::new();
        for number in numbers {
            let body = line.replace("0000000000000abc", &format!("{number:016x}"));
            end = end.append(&body, &mut text);
            text.push('\n');
        }
        text
    };
    [text(0..2_000), text(2_000..2_003)]
}

/// A folder with `log.jsonl.1.gz` and `log.jsonl`.
fn folder() -> (TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let [older, current] = chained();
    let compressed = gzip(&older);
    fs::write(folder.path().join("log.jsonl.1.gz"), &compressed).unwrap();
    fs::write(folder.path().join("log.jsonl"), current).unwrap();
    fs::write(folder.path().join("new.yaml"), POLICY).unwrap();
    (folder, compressed)
}

fn run(folder: &Path, arguments: &[&str]) -> (String, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.current_dir(folder).args(arguments).env_clear().stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"))
}

const BOTH: [&str; 2] = ["log.jsonl", "log.jsonl.1.gz"];

#[test]
fn each_command_reads_compressed_files() {
    let (folder, compressed) = folder();
    let with = |command: &[&'static str]| run(folder.path(), &[command, &BOTH].concat());
    let (text, error, _) = with(&["report", "--json", "--log"]);
    let report = json(&text);
    assert_eq!((&report["decisions"], &report["damaged_lines"]), (&2_003.into(), &0.into()), "{error}");
    let (text, error, _) = with(&["replay", "--json", "--policies", "new.yaml", "--log"]);
    assert_eq!(json(&text)["decisions"], 2_003, "{error}");
    let (text, error, code) = with(&["verify-log", "--json"]);
    assert_eq!((&json(&text)["entries"], code), (&2_003.into(), 0), "{text}{error}");
    assert_eq!(with(&["contract", "suggest", "--log"]).2, 0);
    let (text, error, _) = with(&["explain", "--decision", "00000000000005dc", "--log"]);
    assert!(text.contains("from the decision log"), "{error}");
    let (_, error, _) = run(folder.path(), &["explain", "--decision", "00000000000005dc", "--log", "log.jsonl"]);
    assert!(error.contains("`--log log.jsonl.1.gz`"), "{error}");
    // by what is in it and not by its name; and next to the file that it was made of
    fs::write(folder.path().join("renamed"), &compressed).unwrap();
    let (text, ..) = run(folder.path(), &["report", "--json", "--log", "renamed"]);
    assert_eq!(json(&text)["decisions"], 2_000);
    fs::write(folder.path().join("log.jsonl.1"), &chained()[0]).unwrap();
    let (text, ..) = run(folder.path(), &["verify-log", "--json", "log.jsonl", "log.jsonl.1", "log.jsonl.1.gz"]);
    assert_eq!(json(&text)["entries"], 2_003, "{text}");
}

#[test]
fn a_file_that_is_cut_off_is_read_up_to_there_and_named() {
    let (folder, compressed) = folder();
    fs::write(folder.path().join("log.jsonl.1.gz"), &compressed[..compressed.len() / 2]).unwrap();
    let with = |command: &[&'static str]| run(folder.path(), &[command, &BOTH].concat());
    let report = json(&with(&["report", "--json", "--log"]).0);
    let decisions = report["decisions"].as_u64().unwrap();
    assert!((500..2_000).contains(&decisions), "{report}");
    let broken = report["broken_files"][0].as_str().unwrap();
    assert!(broken.starts_with("`log.jsonl.1.gz` cannot be read beyond its line "), "{broken}");
    assert!(broken.ends_with(": its compressed data is cut off"), "{broken}");
    let (text, ..) = with(&["report", "--log"]);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("its compressed data is cut off"), "{text}");
    let (text, _, code) = with(&["verify-log", "--json"]);
    let verified = json(&text);
    assert_eq!((&verified["broken"]["why"], code), (&"its compressed data is cut off".into(), 4), "{text}");
    assert!(verified["entries"].as_u64().unwrap() >= decisions - 3, "{text}");
    let (text, ..) = with(&["explain", "--decision", "0000000000000010", "--log"]);
    assert!(text.contains("from the decision log"), "{text}");
    let (_, error, code) = with(&["explain", "--decision", "00000000000007cf", "--log"]);
    assert!(error.contains("`log.jsonl.1.gz` cannot be read beyond its line ") && code == 2, "{error}");
    // nothing of it can be read
    fs::write(folder.path().join("log.jsonl.1.gz"), b"\x1f\x8bnothing").unwrap();
    let (_, error, code) = run(folder.path(), &["report", "--log", "log.jsonl.1.gz"]);
    assert!(error.contains("cannot be read beyond its line 0") && code == 1, "{error}");
}
