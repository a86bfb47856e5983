//! The code action that adds a test for a branch: a case whose request takes it, in the test file beside the policy.

use super::document::EditedDocument;
use super::outline::{Content, TreeStep, YamlNode, document_at};
use super::schema::EditedKind;
use crate::app::CheckedConfiguration;
use crate::policy_test::{self, BranchCase, WantedBranch, find_branch_case};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A test file, as the editor or the disk has it.
pub(super) struct TestFile {
    pub(super) path: PathBuf,
    /// `None` if there is no such file.
    pub(super) text: Option<String>,
}

/// How the test file changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TestEdit {
    /// Whether the file is new.
    pub(super) creates: bool,
    /// Where text is inserted.
    pub(super) offset: usize,
    pub(super) insert: String,
}

/// The validation at the byte `offset` of a policy file, with the name of its policy.
pub(super) fn validation_at(text: &str, offset: usize, file: &Path) -> Option<(String, usize)> {
    let document = EditedDocument::at(text, offset, file);
    if document.kind != EditedKind::Policy {
        return None;
    }
    // the dash of an item, and the blanks before it, belong to the item
    let rest = text.get(offset..)?;
    let found = document.root.find(offset + rest.len() - rest.trim_start_matches([' ', '-']).len());
    let [TreeStep::Key(spec), TreeStep::Key(list), TreeStep::Item(position), ..] = found.path.as_slice() else {
        return None;
    };
    let name = document.root.at(&["metadata", "name"])?.text(text);
    (spec == "spec" && list == "validations").then_some((name, *position))
}

/// The file beside the policy file `file` that has its tests.
pub(super) fn test_file(file: &Path) -> Option<PathBuf> {
    let (stem, end) = (file.file_stem()?.to_str()?, file.extension()?.to_str()?);
    Some(file.with_file_name(format!("{stem}.test.{end}")))
}

/// The edit that adds a case for `branch` of the policy called `policy`. `None` if no request takes it, or the test file has no
/// list that a case can be added to.
pub(super) fn edit(
    checked: &CheckedConfiguration,
    policy: &str,
    branch: WantedBranch,
    test: &TestFile,
) -> Option<TestEdit> {
    let suites = policy_test::load(&checked.texts.tests, &checked.bundle).ok()?;
    let case = find_branch_case(&checked.bundle, &suites, policy, branch)?;
    let before = test.text.as_deref().unwrap_or_default();
    let name = unused_name(&case.name, before);
    let edit = match &test.text {
        Some(cases) => addition(cases, &case, &name)?,
        None => TestEdit { creates: true, offset: 0, insert: new_file(policy, &case, &name) },
    };
    // as the file will be read: its own API version counts, too
    let (head, tail) = before.split_at_checked(edit.offset)?;
    let after = format!("{head}{}{tail}", edit.insert);
    policy_test::passes(&shown_path(checked, &test.path), &after, &name, &checked.bundle).then_some(edit)
}

/// The path of a test file as the policy beside it was loaded: tests belong to policies by their paths.
fn shown_path(checked: &CheckedConfiguration, test: &Path) -> PathBuf {
    let policies = checked.texts.policies.iter();
    let mut beside =
        policies.filter_map(|policy| Some((test_file(&policy.file)?, test_file(&policy.file.canonicalize().ok()?)?)));
    beside.find(|(_, real)| real == test).map_or_else(|| test.to_owned(), |(shown, _)| shown)
}

fn new_file(policy: &str, case: &BranchCase, name: &str) -> String {
    let head =
        "# yaml-language-server: $schema=./policy-test.schema.json\napiVersion: portcullis/v1\nkind: PolicyTest\n";
    format!("{head}metadata: {{ name: {policy} }}\nspec:\n  cases:\n{}", case_text(case, name, 4, "\n"))
}

/// The edit that adds a case after the last one of a test file.
fn addition(text: &str, case: &BranchCase, name: &str) -> Option<TestEdit> {
    let root = document_at(text, text.len());
    let cases = root.at(&["spec", "cases"])?;
    let (Content::List(items), false) = (&cases.content, starts_flow(cases, text)) else { return None };
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let column = cases.span.start - line_start(text, cases.span.start);
    let last = items.last()?;
    let rest = text.get(last.span.end..)?;
    let (offset, missing_end) = match rest.find('\n') {
        Some(length) => (last.span.end + length + 1, ""),
        None => (text.len(), line_end),
    };
    let insert = format!("{missing_end}{}", case_text(case, name, column, line_end));
    Some(TestEdit { creates: false, offset, insert })
}

fn starts_flow(node: &YamlNode, text: &str) -> bool {
    let Range { start, end } = node.span.clone();
    text.get(start..end).is_some_and(|raw| raw.starts_with('['))
}

fn line_start(text: &str, offset: usize) -> usize {
    text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1)
}

fn case_text(case: &BranchCase, name: &str, column: usize, line_end: &str) -> String {
    let indentation = " ".repeat(column);
    // a JSON text is a YAML text
    let name = serde_json::Value::from(name);
    let lines = [
        format!("{indentation}- name: {name}"),
        format!("{indentation}  request: {}", case.request),
        format!("{indentation}  expect: {}", case.expect),
    ];
    lines.map(|line| line + line_end).concat()
}

/// `name`, with a number behind it if the file has it already: cases of a file have different names.
fn unused_name(name: &str, text: &str) -> String {
    let root = document_at(text, text.len());
    let cases = root.at(&["spec", "cases"]).map(YamlNode::items).unwrap_or_default();
    let known: Vec<String> = cases.iter().filter_map(|case| Some(case.get("name")?.text(text))).collect();
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !known.contains(name)).unwrap_or_default()
}
