//! What an editor shows is what `portcullis check` finds.

use super::client::{Editor, as_printed};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

const GATEWAY: &str = "apiVersion: portcullis/v1\nkind: Gateway\npolicies: [policies]\nupstream: { url: embedded }\n";

fn policy(name: &str, expression: &str) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: {name} }}\nspec:\n  \
         match: {{ operations: [UpdateUser] }}\n  validations:\n    - expression: {expression}\n      message: no\n  \
         actions: [Audit]\n"
    )
}

fn workspace(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    for (file, text) in files {
        fs::write(folder.path().join(file), text).unwrap();
    }
    folder
}

/// What `portcullis check` prints.
fn check(folder: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().current_dir(folder).args(["check", "--no-files", "--config", "gateway.yaml"]);
    String::from_utf8(command.output().unwrap().stderr).unwrap()
}

#[test]
fn diagnostics_are_those_of_check() {
    let broken = policy("broken", "body.skip_pasword_checks != true && body.locale == 7");
    let late = "apiVersion: portcullis/v1\nkind: Waiver\nmetadata: { name: late }\nspec:\n  policy: brokn\n  expires: soon\n  \
                owner: a\n  ticket: b\n  reason: ''\n";
    for files in [
        &[("policies/a.yaml", broken.as_str()), ("policies/b.yaml", late), ("gateway.yaml", GATEWAY)][..],
        &[
            ("policies/a.yaml", "a: [1,\n"),
            ("gateway.yaml", &format!("{GATEWAY}limits: {{ bodyBytes: many }}\nx: 1\n")),
        ],
        // a lint
        &[("policies/a.yaml", &policy("a", "body.locale.startsWith('e')")), ("gateway.yaml", GATEWAY)],
    ] {
        let folder = workspace(files);
        let printed = check(folder.path());
        let mut editor = Editor::start(folder.path(), &["--config", "gateway.yaml"]);
        for (file, text) in files {
            editor.open(file, text);
        }
        let first = editor.diagnostics(files[0].0, |found| !found.is_empty());
        let mut count = first.len();
        for (file, _) in &files[1..] {
            count += editor.diagnostics(file, |_| true).len();
        }
        assert!(count > 0 && printed.contains(&format!("{count} ")), "{count} of {printed}");
        for (file, _) in files {
            for diagnostic in editor.diagnostics(file, |_| true) {
                let (message, place) = as_printed(file, &diagnostic);
                let word = if diagnostic["severity"] == 1 { "error" } else { "warning" };
                assert!(printed.contains(&format!("{word}: {message}")), "{message} in {printed}");
                assert!(printed.contains(&place), "{place} in {printed}");
                assert_eq!(diagnostic["source"], "portcullis");
            }
        }
        editor.leave();
    }
}

fn has_no_error(found: &[Value]) -> bool {
    found.iter().all(|it| it["severity"] != 1)
}

#[test]
fn unsaved_text_counts_and_mended_text_is_clear() {
    let right = policy("a", "body.locale != 'xx'");
    let folder = workspace(&[("policies/a.yaml", &right), ("gateway.yaml", GATEWAY)]);
    let mut editor = Editor::start(folder.path(), &["--config", "gateway.yaml"]);
    editor.open("policies/a.yaml", &right);
    editor.diagnostics("policies/a.yaml", has_no_error);
    editor.change("policies/a.yaml", &policy("a", "body.local != 'xx'"));
    let found = editor.diagnostic("policies/a.yaml", "`local` is not a field");
    assert!(found["message"].as_str().unwrap().ends_with("\nhelp: did you mean `locale`?"), "{found}");
    assert_eq!(found["severity"], 1);
    editor.change("policies/a.yaml", &right);
    editor.diagnostics("policies/a.yaml", has_no_error);
    // what is closed is read from the disk again
    editor.change("policies/a.yaml", "kind: [");
    editor.diagnostics("policies/a.yaml", |found| !found.is_empty());
    editor.close("policies/a.yaml");
    editor.diagnostics("policies/a.yaml", has_no_error);
    editor.leave();
}

#[test]
fn a_change_shows_in_the_files_that_depend_on_it() {
    let files = [
        ("policies/a.yaml", policy("a", "body.locale != 'xx'")),
        (
            "policies/a.test.yaml",
            "apiVersion: portcullis/v1\nkind: PolicyTest\nmetadata: { name: a }\nspec:\n  cases:\n    - name: xx\n      \
             request: { operation: UpdateUser, body: { locale: xx } }\n      expect: { violates: [a] }\n"
                .to_owned(),
        ),
        ("gateway.yaml", GATEWAY.to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (*file, text.as_str())).collect();
    let folder = workspace(&files);
    let mut editor = Editor::start(folder.path(), &["--config", "gateway.yaml"]);
    editor.open("policies/a.test.yaml", files[1].1);
    editor.diagnostics("policies/a.test.yaml", <[Value]>::is_empty);
    editor.open("policies/a.yaml", &policy("a", "body.locale != 'yy'"));
    editor.diagnostic("policies/a.test.yaml", "case `xx` fails");
    // a file that exists in the editor only
    editor.open("policies/new.yaml", &policy("new", "body.nothing"));
    editor.diagnostic("policies/new.yaml", "`nothing` is not a field");
    editor.leave();
}

#[test]
fn files_outside_of_the_configuration_are_checked_by_folder() {
    let folder = workspace(&[]);
    let mut editor = Editor::start(folder.path(), &[]);
    editor.open("policies/a.yaml", &policy("a", "body.nothing != true"));
    editor.diagnostic("policies/a.yaml", "`nothing` is not a field");
    // of another program, although in the same folder
    editor.open("policies/compose.yaml", "services: {}\n");
    editor.diagnostics("policies/compose.yaml", <[Value]>::is_empty);
    editor.open("gateway.yaml", &format!("{GATEWAY}wrong: 1\n"));
    editor.diagnostic("gateway.yaml", "unknown key `wrong`");
    editor.leave();
}
