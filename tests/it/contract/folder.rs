//! `contract.folder`: a contract of one's own in place of the built-in one.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const CONFIGURATION: &str = "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nupstream: { url: embedded }\npolicies: []\ncontract: { folder: contract }\n";

/// A configuration with the built-in contract's files in a folder of its own.
fn configured() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gateway.yaml"), CONFIGURATION).unwrap();
    fs::create_dir(folder.path().join("contract")).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/contract/clerk");
    for file in fs::read_dir(shipped).unwrap().map(|entry| entry.unwrap()) {
        fs::copy(file.path(), folder.path().join("contract").join(file.file_name())).unwrap();
    }
    folder
}

fn check(folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["check", "--config", "gateway.yaml"]).current_dir(folder).env_clear().output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Rewrites a file of the folder.
fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let file = folder.join("contract").join(file);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{} has no {from}", file.display());
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_folder_with_the_shipped_contract_is_sound_and_one_version_less_is_one_less() {
    let folder = configured();
    let output = check(folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("2021-02-05, 2024-10-01, 2025-03-12, 2025-04-10, 2025-11-10, 2026-05-12"));
    fs::remove_file(folder.path().join("contract/2021-02-05.json")).unwrap();
    let output = check(folder.path());
    assert!(said(&output).contains(" 2024-10-01, 2025-03-12, 2025-04-10, 2025-11-10, 2026-05-12"), "{}", said(&output));
}

#[test]
fn everything_wrong_with_schemas_and_overlays_is_told_with_its_place() {
    let folder = configured();
    edit(folder.path(), "2026-05-12.json", "\"type\":\"boolean\"", "\"type\":\"bool\"");
    edit(folder.path(), "2025-11-10.json", "\"type\":\"boolean\"", "\"type\":\"bool\"");
    edit(folder.path(), "overlay.yaml", "[/timezone]", "[/first_name]");
    edit(folder.path(), "overlay.yaml", "    - UsersUnban\n", "    - UsersUnbam\n");
    let output = check(folder.path());
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let said = said(&output);
    for part in [
        "2026-05-12.json:",
        "2025-11-10.json:",
        "overlay.yaml:",
        "`/first_name` has no effect",
        "is not valid",
        "`UsersUnbam` is not an operation of the contract",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

#[test]
fn a_file_that_is_no_contract_and_a_folder_without_one_are_refused() {
    let folder = configured();
    edit(folder.path(), "2026-05-12.json", "\"operations\"", "\"operation\"");
    let output = check(folder.path());
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("2026-05-12.json:"), "{}", said(&output));
    fs::remove_dir_all(folder.path().join("contract")).unwrap();
    assert!(
        said(&check(folder.path())).contains("`contract.folder` cannot be read"),
        "{}",
        said(&check(folder.path()))
    );
    fs::create_dir(folder.path().join("contract")).unwrap();
    let output = check(folder.path());
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("there is no contract file"), "{}", said(&output));
}
