//! A person types: no text on the way to a policy ends the server, and checks do not queue.

use super::client::Editor;
use serde_json::Value;
use std::fs;
use std::path::Path;

#[test]
fn each_shipped_policy_can_be_typed() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(folder.path(), &[]);
    let mut files: Vec<_> = fs::read_dir("policies").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "yaml"));
    files.sort();
    assert!(files.len() > 20);
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(file).unwrap();
        editor.open(name, "");
        for typed in (0..text.len()).step_by(53).filter_map(|end| text.get(..end)) {
            editor.change(name, typed);
        }
        editor.change(name, &text);
    }
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        editor.diagnostics(name, |found| found.iter().all(|it| it["severity"] != 1));
    }
    assert_eq!(editor.leave().status.code(), Some(0));
}

#[test]
fn a_huge_file_is_an_error_and_not_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(folder.path(), &[]);
    let head = "apiVersion: portcullis/v1\nkind: RequestPolicy\n";
    for (file, text) in [
        ("a/wide.yaml", format!("{head}metadata: [{}]\n", "1, ".repeat(400_000))),
        ("b/deep.yaml", format!("{head}metadata: {}\n", "[".repeat(100_000))),
        ("c/long.yaml", format!("{head}metadata: {}\n", "a".repeat(4_000_000))),
    ] {
        fs::create_dir(folder.path().join(file).parent().unwrap()).unwrap();
        editor.open(file, &text);
        editor.diagnostics(file, |found| !found.is_empty());
        editor.close(file);
    }
    assert_eq!(editor.leave().status.code(), Some(0));
}

/// Each change would take a check of its own; the last one alone has to be shown.
#[test]
fn a_burst_of_changes_is_one_check() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(folder.path(), &[]);
    let text = fs::read_to_string(Path::new("policies/no-skip-password-checks.yaml")).unwrap();
    editor.open("a.yaml", "");
    for count in 0..500 {
        editor.change("a.yaml", &format!("{text}# {count}\nwrong{count}: 1\n"));
    }
    let mut checks = 0;
    while !editor.diagnostics("a.yaml", |_| true).iter().any(|it| message(it).contains("`wrong499`")) {
        editor.next();
        checks += 1;
    }
    assert!(checks < 100, "{checks} checks");
    editor.leave();
}

fn message(diagnostic: &Value) -> &str {
    diagnostic["message"].as_str().unwrap()
}
