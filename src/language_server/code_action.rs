//! The code actions of an open policy file: a new test for either branch of a validation.

use super::branch_test::{TestEdit, TestFile, edit, test_file, validation_at};
use super::line_index::LineIndex;
use super::workspace::Workspace;
use crate::policy_test::WantedBranch;
use gen_lsp_types::{CodeActionParams, Uri};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The kind of the actions, which an editor can ask for.
const KIND: &str = "refactor";

/// What an editor can do with an action.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ActionSupport {
    /// Whether it asks for the edit of an action once a person has chosen it. Finding a request takes some tenths of a second.
    pub(super) resolves_edits: bool,
    /// Whether it can create files.
    pub(super) creates_files: bool,
}

impl ActionSupport {
    /// What the capabilities of the editor have.
    pub(super) fn of(capabilities: &Value) -> Self {
        let has = |pointer: &str, word: &str| {
            let words = capabilities.pointer(pointer).and_then(Value::as_array);
            words.is_some_and(|words| words.iter().any(|it| it == word))
        };
        Self {
            resolves_edits: has("/textDocument/codeAction/resolveSupport/properties", "edit"),
            creates_files: has("/workspace/workspaceEdit/resourceOperations", "create"),
        }
    }
}

/// What an action is about, which comes back when its edit is asked for.
#[derive(Deserialize, Serialize)]
struct ActionData {
    uri: Uri,
    policy: String,
    validation: usize,
    passes: bool,
}

/// The result of `textDocument/codeAction`.
pub(super) fn list(workspace: &Workspace, params: &CodeActionParams, support: ActionSupport) -> Vec<Value> {
    let is_wanted = |only: &[_]| only.iter().any(|kind| serde_json::to_value(kind).is_ok_and(|kind| is_of_kind(&kind)));
    if params.context.only.as_deref().is_some_and(|only| !is_wanted(only)) {
        return Vec::new();
    }
    let uri = &params.text_document.uri;
    let Some((file, text)) = workspace.open_text(uri) else { return Vec::new() };
    let offset = LineIndex::new(text).offset(params.range.start);
    let Some((policy, validation)) = validation_at(text, offset, &file) else { return Vec::new() };
    // positions are those of a valid file
    if workspace.valid_state(&file).is_none() {
        return Vec::new();
    }
    let action = |passes: bool| {
        let verb = if passes { "passes" } else { "violates" };
        let data = ActionData { uri: uri.clone(), policy: policy.clone(), validation, passes };
        let action = json!({ "title": format!("Add a test that {verb} this validation"), "kind": KIND, "data": data });
        if support.resolves_edits { Some(action) } else { resolve(workspace, action, support) }
    };
    [false, true].into_iter().filter_map(action).collect()
}

/// Whether actions of this kind include ours.
fn is_of_kind(kind: &Value) -> bool {
    kind.as_str().is_some_and(|kind| kind.is_empty() || kind == KIND)
}

/// The action with its edit. `None` if no request takes the branch, or the file is no longer what it was.
pub(super) fn resolve(workspace: &Workspace, mut action: Value, support: ActionSupport) -> Option<Value> {
    let data: ActionData = serde_json::from_value(action.get("data")?.clone()).ok()?;
    let (file, _) = workspace.open_text(&data.uri)?;
    let checked = workspace.valid_state(&file)?;
    let test = test_file(&file)?;
    let test = TestFile { text: workspace.text_of(&test), path: test };
    let branch = WantedBranch { validation: data.validation, passes: data.passes };
    let edit = edit(checked, &data.policy, branch, &test).filter(|edit| !edit.creates || support.creates_files)?;
    let edit = workspace_edit(&workspace.uri(&test.path), &test, edit);
    action.as_object_mut()?.insert("edit".to_owned(), edit);
    Some(action)
}

fn workspace_edit(uri: &Uri, test: &TestFile, edit: TestEdit) -> Value {
    let TestEdit { creates, offset, insert } = edit;
    let index = LineIndex::new(test.text.as_deref().unwrap_or_default());
    let edits = json!([{ "range": index.range(&(offset..offset)), "newText": insert }]);
    if !creates {
        return json!({ "changes": { uri.0.as_str(): edits } });
    }
    let create = json!({ "kind": "create", "uri": uri, "options": { "ignoreIfExists": true } });
    json!({ "documentChanges": [create, { "textDocument": { "uri": uri, "version": null }, "edits": edits }] })
}
