//! What is known of the part of a document at a place, and where it is defined.

use super::document::{EditedDocument, Knowledge};
use super::expression::{Before, before_place, is_of_name};
use super::outline::{TreeStep, YamlNode};
use super::schema::{description, schemas_at, values};
use crate::policy::{Word, WordKind};
use std::ops::Range;
use std::path::Path;

/// What an editor shows of a part of a document.
#[derive(Debug)]
pub(super) struct Description {
    /// In Markdown.
    pub(super) text: String,
    /// The bytes of the part.
    pub(super) span: Range<usize>,
}

/// A name in an expression.
struct FoundName {
    /// What it is a member of; `None` if it begins an expression.
    receiver: Option<String>,
    name: String,
    span: Range<usize>,
    path: Vec<TreeStep>,
}

/// What is known of the part of `text` at the byte `offset`.
pub(super) fn describe(text: &str, offset: usize, file: &Path, known: &Knowledge<'_>) -> Option<Description> {
    let document = EditedDocument::at(text, offset, file);
    if let Some(found) = name_at(&document, offset) {
        let vocabulary = document.vocabulary(&found.path, known);
        let words = match &found.receiver {
            Some(receiver) => vocabulary.members(receiver),
            None => vocabulary.roots(),
        };
        let word = words.into_iter().find(|word| word.name == found.name)?;
        return Some(Description { text: of_word(&word, found.receiver.as_deref()), span: found.span });
    }
    let found = document.root.find(offset);
    let schemas = schemas_at(document.kind, &found.path);
    if let Some(entry) = found.key {
        let about = description(&schemas);
        return (!about.is_empty()).then(|| Description { text: about, span: entry.key_span.clone() });
    }
    let written = found.node.decode(text)?.text;
    let key = found.path.iter().rev().find_map(|step| match step {
        TreeStep::Key(key) => Some(key.as_str()),
        TreeStep::Item(_) => None,
    });
    let span = found.node.span.clone();
    if matches!(key, Some("operations" | "operation")) {
        let operation = known.contract.operations().into_iter().rfind(|it| it.id.as_ref() == written)?;
        return Some(Description { text: format!("`{} {}`", operation.method, operation.path), span });
    }
    let about = values(&schemas).into_iter().find(|word| word.name == written).map(|word| word.about)?;
    (!about.is_empty()).then_some(Description { text: about, span })
}

/// The bytes at which the parameter or variable at the byte `offset` is defined.
pub(super) fn definition(text: &str, offset: usize, file: &Path) -> Option<Range<usize>> {
    let document = EditedDocument::at(text, offset, file);
    let found = name_at(&document, offset)?;
    let spec = document.root.get("spec")?;
    let path = match &found.receiver {
        Some(receiver) => format!("{receiver}.{}", found.name),
        None => found.name.clone(),
    };
    let mut names = path.split('.');
    match (names.next()?, names.next()) {
        ("params" | "variables", None) => key_span(spec, &path),
        ("params", Some(first)) => {
            let mut map = spec.get("params")?;
            let mut span = key_span(map, first)?;
            map = map.get(first)?;
            for name in names {
                span = key_span(map, name)?;
                map = map.get(name)?;
            }
            Some(span)
        }
        ("variables", Some(name)) => {
            let declared = spec.get("variables")?.items().iter().filter_map(|variable| variable.get("name"));
            let mut found = declared.filter(|it| it.text(text) == name);
            found.next().map(|name| name.span.clone())
        }
        _ => None,
    }
}

fn key_span(map: &YamlNode, name: &str) -> Option<Range<usize>> {
    map.entries().iter().find(|entry| entry.key == name).map(|entry| entry.key_span.clone())
}

/// The name in an expression at the byte `offset` of the file.
fn name_at(document: &EditedDocument<'_>, offset: usize) -> Option<FoundName> {
    let found = document.root.find(offset);
    if found.key.is_some() || !document.is_expression(&found.path) {
        return None;
    }
    let decoded = found.node.decode(document.text)?;
    let at = decoded.offset(offset);
    let (before, after) = decoded.text.split_at_checked(at)?;
    let end = at + after.find(|letter| !is_of_name(letter)).unwrap_or(after.len());
    let start = before.trim_end_matches(is_of_name).len();
    let name = decoded.text.get(start..end).filter(|name| !name.is_empty())?.to_owned();
    let receiver = match before_place(decoded.text.get(..end)?)? {
        Before::Name(_) => None,
        Before::Member(receiver, _) => Some(receiver),
    };
    Some(FoundName { receiver, name, span: decoded.span(&(start..end)), path: found.path })
}

/// A word in Markdown.
fn of_word(word: &Word, receiver: Option<&str>) -> String {
    let declaration = match (word.kind, receiver) {
        (WordKind::Function, _) => word.detail.clone(),
        (WordKind::Root | WordKind::Library, _) => word.name.clone(),
        (_, Some(receiver)) => format!("{receiver}.{}: {}", word.name, word.detail),
        (_, None) => format!("{}: {}", word.name, word.detail),
    };
    let secret = if word.is_secret { "\n\n**Secret**: it can be tested, and nothing shows its value." } else { "" };
    let about = match word.kind {
        WordKind::Variable => format!("\n\n```text\n{}\n```", word.about),
        _ if word.about.is_empty() => String::new(),
        _ => format!("\n\n{}", word.about),
    };
    format!("```text\n{declaration}\n```{secret}{about}")
}
