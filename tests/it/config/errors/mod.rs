//! Broken configurations and what is said of them: each mistake at its place, all of a file at once.

mod decision_log;
mod listen;
mod meaning;
mod own_listener;
mod shape;
mod upstream;
mod yaml;

use portcullis::config::load::load;
use portcullis::config::overrides::Overrides;
use std::fs;

/// What is said of a configuration with this text. Beside the file is an empty folder `policies`; the variable `PASSWORD`
/// is set and must never be seen.
fn said_of(text: &str) -> String {
    said_with(text, &Overrides::default())
}

fn said_with(text: &str, overrides: &Overrides) -> String {
    said_by(text, overrides, &[])
}

/// The same with more variables.
fn said_by(text: &str, overrides: &Overrides, variables: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.yaml");
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(&file, text).unwrap();
    let variables = |name: &str| {
        let more = variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        more.or_else(|| (name == "PASSWORD").then(|| "canary-0451".to_owned()))
    };
    let mistakes = load(&file, overrides, &variables).expect_err("a mistake");
    let rendered: Vec<_> = mistakes.iter().map(|mistake| mistake.render(false)).collect();
    let said = rendered.join("\n\n").replace(&format!("{}/", folder.path().display()), "");
    assert!(!said.contains("canary"), "{said}");
    said
}

/// The keys that must be there, and `rest` from line 4 on.
fn with(rest: &str) -> String {
    format!("apiVersion: portcullis/v1\nkind: Gateway\npolicies: [policies]\n{rest}")
}
