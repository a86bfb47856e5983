//! `portcullis contract suggest`: from unknown fields in a decision log to overlay entries that `check` takes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const CONFIGURATION: &str = "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nupstream: { url: embedded }\npolicies: []\ncontract: { folder: contract }\n";

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).current_dir(folder).env_clear().output().unwrap()
}

/// A line of a decision log about a request to `UpdateUser`.
fn line(version: &str, fields: &[&str], asked: Option<&str>) -> String {
    let sample = include_str!("../../../src/decision_log/sample.jsonl");
    let mut entry: serde_json::Value = serde_json::from_str(sample.lines().next().unwrap()).unwrap();
    entry["operation"] = "UpdateUser".into();
    entry["api_version"] = version.into();
    entry["unknown_fields"] = fields.into();
    if let Some(asked) = asked {
        entry["asked_api_version"] = asked.into();
    }
    entry.to_string()
}

#[test]
fn what_it_writes_is_an_overlay_that_check_takes() {
    let folder = tempfile::tempdir().unwrap();
    let log = [
        line("2026-05-12", &["nickname", "_masked"], Some("2026-09-01")),
        line("2026-05-12", &["nickname"], None),
        line("any", &["pet_name"], None),
    ];
    fs::write(folder.path().join("log.jsonl"), log.join("\n") + "\n").unwrap();
    let output = run(folder.path(), &["contract", "suggest", "--log", "log.jsonl"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for part in [
        "# 1 requests asked for API version \"2026-09-01\"",
        "# 1 requests to UpdateUser had \"_masked\"",
        "- operations: [\"UpdateUser\"]\n  versions: [\"2026-05-12\"]\n  fields: [\"/nickname\"]\n",
        "- operations: [\"UpdateUser\"]\n  fields: [\"/pet_name\"]\n",
        "2 requests in the decision log had it",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let contract = folder.path().join("contract");
    fs::create_dir(&contract).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/contract/clerk");
    for file in fs::read_dir(shipped).unwrap().map(|entry| entry.unwrap()) {
        fs::copy(file.path(), contract.join(file.file_name())).unwrap();
    }
    fs::write(contract.join("overlay.yaml"), text).unwrap();
    fs::write(folder.path().join("gateway.yaml"), CONFIGURATION).unwrap();
    let output = run(folder.path(), &["check", "--config", "gateway.yaml"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = run(folder.path(), &["contract", "show", "UpdateUser", "--config", "gateway.yaml"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("nickname") && shown.contains("pet_name"), "{shown}");
}
