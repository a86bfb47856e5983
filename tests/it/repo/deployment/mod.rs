//! What ships for operation agrees: Dockerfile, manifests of Kubernetes and units of systemd name the same program, user, folders and
//! ports, and their configurations and policies are valid.
//!
//! `.ci/deploy` does what needs a tool that a clone does not have: it renders the manifests, and runs the image.

mod compose;
mod helm;
mod image;
mod kubernetes;
mod systemd;

use portcullis::manifest;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The text of a file of the repository.
fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The documents of a YAML file of the repository.
fn documents(path: &str) -> Vec<Value> {
    let documents = manifest::read::<Value>(Path::new(path), &text(path));
    documents.unwrap_or_else(|_| panic!("{path}: no YAML")).into_iter().map(|document| document.value).collect()
}

/// The one document of a YAML file of the repository.
fn document(path: &str) -> Value {
    let mut documents = documents(path);
    assert_eq!(documents.len(), 1, "{path}");
    documents.remove(0)
}

/// The names of the YAML files in a folder of the repository, without those below it.
fn yaml_files(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let files = entries.map(|entry| PathBuf::from(entry.unwrap().file_name()));
    let files = files.filter(|name| name.extension().is_some_and(|end| end == "yaml"));
    files.map(|name| name.to_string_lossy().into_owned()).collect()
}

/// The strings of a list; none if it is absent.
fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What `portcullis check` reports of a configuration, on a machine that has not the files which it names.
fn check(configuration: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().args(["check", "--strict", "--no-files", "--config"]).arg(configuration);
    command.output().expect("the program")
}

/// Asserts that `check` has no objection to `configuration`, which then stops someone from setting `skip_password_checks`.
fn assert_valid(configuration: &Path) {
    let output = check(configuration);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{}: {printed}", configuration.display());
    assert!(printed.contains("no-skip-password-checks  Deny "), "{}: {printed}", configuration.display());
}

/// The files with this extension in a folder of the repository and below, by path from the root.
fn files_below(folder: &str, extension: &str) -> Vec<String> {
    let files = crate::support::source::files(folder).into_iter().map(|file| PathBuf::from(file.path));
    let files = files.filter(|path| path.extension().is_some_and(|end| end == extension));
    files.map(|path| path.to_string_lossy().into_owned()).collect()
}
