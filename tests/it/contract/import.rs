//! `portcullis contract import`: on small specs with every construct, and on Clerk's own where they are at hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The folder with Clerk's own specs.
const SPECS: &str = "PORTCULLIS_OPENAPI";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/contract")
}

fn import(specs: &[PathBuf], out: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["contract", "import"]).args(specs).arg("--out").arg(out).env_clear();
    command.output().unwrap()
}

fn imported(specs: &[PathBuf]) -> TempDir {
    let out = tempfile::tempdir().unwrap();
    let output = import(specs, out.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    out
}

/// Both folders' files of these names say the same, byte for byte.
fn assert_same(one: &Path, other: &Path, names: &[String]) {
    for name in names {
        let (one, other) = (fs::read_to_string(one.join(name)), fs::read_to_string(other.join(name)));
        assert!(one.unwrap() == other.unwrap(), "{name} differs; see it with `portcullis contract import`");
    }
}

#[test]
fn every_construct_is_translated_as_the_golden_files_say() {
    let specs = ["openapi-3.0.yaml", "openapi-3.1.json"].map(|name| folder().join("specs").join(name));
    let out = imported(&specs);
    assert_same(out.path(), &folder().join("golden"), &["2030-01-02.json".into(), "2031-01-02.json".into()]);
    for name in ["2030-01-02.json", "2031-01-02.json"] {
        assert!(!fs::read_to_string(out.path().join(name)).unwrap().contains("Prose"), "{name} copies prose");
    }
    let again = imported(&specs);
    assert_same(out.path(), again.path(), &["2030-01-02.json".into(), "2031-01-02.json".into()]);
}

#[test]
fn what_cannot_be_translated_is_told_with_its_place_and_nothing_is_written() {
    let out = tempfile::tempdir().unwrap();
    let specs = ["openapi-3.0.yaml", "broken.yaml"].map(|name| folder().join("specs").join(name));
    let output = import(&specs, out.path());
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0, "something was written");
    let said = String::from_utf8(output.stderr).unwrap();
    let place = |line: &str| line.rsplit_once("broken.yaml:").map(|(_, place)| place.to_owned());
    let mut told = Vec::new();
    let mut message = "";
    for line in said.lines() {
        message = line.strip_prefix("error: ").unwrap_or(message);
        told.extend(place(line).map(|place| format!("{place}: {message}")));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn two_specs_of_one_version_are_refused() {
    let out = tempfile::tempdir().unwrap();
    let spec = folder().join("specs/openapi-3.0.yaml");
    let output = import(&[spec.clone(), spec], out.path());
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("another spec is for `2030-01-02`, too"));
}

/// Clerk's specs are not part of this repository.
#[test]
fn clerks_own_specs_become_the_committed_files() {
    let Some(specs) = std::env::var_os(SPECS) else {
        eprintln!("skipped: {SPECS} does not name the folder with Clerk's specs");
        return;
    };
    let files = fs::read_dir(&specs).unwrap().map(|entry| entry.unwrap().path());
    let specs: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|end| end == "yml" || end == "yaml")).collect();
    let out = imported(&specs);
    let names = fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<_> = names.collect();
    assert!(names.len() >= 6, "{names:?}");
    assert_same(out.path(), &Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/contract/clerk"), &names);
}
