//! The code action that adds a test for a branch: the case that it writes takes that branch.

use super::client::{Editor, uri};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// An editor that can create files.
fn editor(folder: &Path, properties: &Value) -> Editor {
    let mut editor = Editor::connect(folder, &[]);
    let capabilities = json!({
        "workspace": { "workspaceEdit": { "documentChanges": true, "resourceOperations": ["create"] } },
        "textDocument": { "codeAction": { "resolveSupport": { "properties": properties } } },
    });
    editor.request("initialize", &json!({ "rootUri": uri(folder), "capabilities": capabilities }));
    editor.notify("initialized", &json!({}));
    editor
}

fn actions(editor: &mut Editor, file: &str, text: &str, part: &str) -> Vec<Value> {
    let before = &text.split(part).next().unwrap();
    let (line, character) = (before.matches('\n').count(), before.rsplit('\n').next().unwrap().len());
    let place = json!({ "line": line, "character": character });
    let uri = editor.uri(file);
    let params = json!({
        "textDocument": { "uri": uri },
        "range": { "start": place, "end": place },
        "context": { "diagnostics": [] },
    });
    editor.request("textDocument/codeAction", &params).as_array().unwrap().clone()
}

/// Applies the edit of an action to the files on disk, as an editor does.
fn apply(folder: &Path, action: &Value) {
    let path = |uri: &Value| uri.as_str().unwrap().strip_prefix("file://").unwrap().to_owned();
    let edit = &action["edit"];
    let (file, edits) = if let Some(changes) = edit["changes"].as_object() {
        let (uri, edits) = changes.iter().next().unwrap();
        (path(&Value::from(uri.as_str())), edits)
    } else {
        let [create, change] = edit["documentChanges"].as_array().unwrap().as_slice() else { panic!("{edit}") };
        assert_eq!(create["kind"], "create");
        (path(&create["uri"]), &change["edits"])
    };
    assert!(file.starts_with(folder.canonicalize().unwrap().to_str().unwrap()), "{file}");
    let text = fs::read_to_string(&file).unwrap_or_default();
    let [edit] = edits.as_array().unwrap().as_slice() else { panic!("{edits}") };
    let line = usize::try_from(edit["range"]["start"]["line"].as_u64().unwrap()).unwrap();
    let character = usize::try_from(edit["range"]["start"]["character"].as_u64().unwrap()).unwrap();
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let (head, tail) = text.split_at(before + character);
    fs::write(&file, format!("{head}{}{tail}", edit["newText"].as_str().unwrap())).unwrap();
}

/// The result of `portcullis test` for a policy file, which must pass.
fn test(folder: &Path, file: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.env_clear().current_dir(folder).args(["test", file]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    text
}

fn policy(expression: &str, environments: &str) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: mine }}\nspec:\n  \
         match: {{ operations: [UpdateUser], environments: [{environments}] }}\n  \
         params: {{ id: '^crm_[0-9]+$', services: [\"spiffe://a/crm\"], plans: [free, pro] }}\n  validations:\n    \
         - expression: {expression}\n      message: not \"so\"\n  actions: [Audit]\n"
    )
}

#[test]
fn both_branches_of_a_validation_get_a_case() {
    for (expression, environments) in [
        ("body.skip_password_checks != true", "production"),
        ("body.external_id == null || body.external_id.matches(params.id)", "production, development"),
        ("client.spiffeId in params.services", "development"),
        ("request.headers['x-ticket'] != null", "production"),
        ("body.create_organizations_limit == null || body.create_organizations_limit <= 5", "production"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let text = policy(expression, environments);
        fs::write(folder.path().join("mine.yaml"), &text).unwrap();
        let mut editor = editor(folder.path(), &json!([]));
        editor.open("mine.yaml", &text);
        editor.diagnostics("mine.yaml", |found| found.iter().all(|it| it["severity"] != 1));
        for (position, title) in ["violates", "passes"].iter().enumerate() {
            let actions = actions(&mut editor, "mine.yaml", &text, "message: not");
            let wanted = format!("Add a test that {title} this validation");
            let action = actions.iter().find(|action| action["title"] == wanted.as_str());
            apply(folder.path(), action.unwrap_or_else(|| panic!("{expression}: {title}: {actions:?}")));
            let result = test(folder.path(), "mine.yaml");
            assert!(result.contains(&format!("{} case", position + 1)), "{expression}: {result}");
        }
        let result = test(folder.path(), "mine.yaml");
        assert!(result.contains("2 of 2 branches"), "{expression}: {result}");
        editor.leave();
    }
}

#[test]
fn a_case_is_added_to_the_file_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    for end in ["yaml", "test.yaml"] {
        let name = format!("no-skip-password-checks.{end}");
        fs::copy(Path::new("policies").join(&name), folder.path().join(&name)).unwrap();
    }
    let name = "no-skip-password-checks.yaml";
    let text = fs::read_to_string(folder.path().join(name)).unwrap();
    let mut editor = editor(folder.path(), &json!(["edit"]));
    editor.open(name, &text);
    editor.diagnostics(name, |found| found.iter().all(|it| it["severity"] != 1));
    let offered = actions(&mut editor, name, &text, "- expression");
    assert_eq!(offered.len(), 2);
    assert!(offered[0].get("edit").is_none(), "{offered:?}");
    let resolved = editor.request("codeAction/resolve", &offered[0]);
    apply(folder.path(), &resolved);
    assert!(test(folder.path(), name).contains("15 cases: 15 passed"));
    // elsewhere there is nothing to offer, and neither in a file that is not valid
    assert_eq!(actions(&mut editor, name, &text, "actions: [Deny]"), Vec::<Value>::new());
    let broken = text.replace("skip_password_checks != true", "skip_pasword_checks != true");
    editor.change(name, &broken);
    editor.diagnostic(name, "is not a field");
    assert_eq!(actions(&mut editor, name, &broken, "- expression"), Vec::<Value>::new());
    let response = editor.respond_to("codeAction/resolve", &offered[0]);
    assert!(response.get("error").is_some(), "{response}");
    editor.leave();
}
