//! What can be typed at a place: keys, values, and names in expressions.

use super::document::{EditedDocument, Knowledge};
use super::expression::{Before, before_place, is_of_name, local_names};
use super::outline::{Content, TreeStep};
use super::schema::{EditedKind, keys, schemas_at, values};
use crate::policy::{Policies, Vocabulary, Word, WordKind};
use gen_lsp_types::CompletionItemKind;
use std::collections::BTreeSet;
use std::path::Path;

/// Stands for what is about to be typed, so that there is a key or a value at the place. No file has it.
const MARK: &str = "Portcullis0Mark";

/// Something that can be typed.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) label: String,
    pub(super) kind: CompletionItemKind,
    pub(super) detail: String,
    pub(super) about: String,
    /// What is put in place of the letters that are typed already.
    pub(super) insert: String,
    /// How many bytes before the place are typed already.
    pub(super) typed: usize,
}

/// What can be typed at the byte `offset` of `text`.
pub(super) fn propose(text: &str, offset: usize, file: &Path, known: &Knowledge<'_>) -> Vec<Proposal> {
    let (Some(before), Some(after)) = (text.get(..offset), text.get(offset..)) else { return Vec::new() };
    let marked = format!("{before}{MARK}{after}");
    let document = EditedDocument::at(&marked, offset, file);
    let found = document.root.find(offset + 1);
    if let Some(entry) = found.key.filter(|entry| entry.key.contains(MARK)) {
        let typed = entry.key.split(MARK).next().unwrap_or_default().len();
        let path = found.path.get(..found.path.len().saturating_sub(1)).unwrap_or_default();
        let beside: BTreeSet<&str> = found.map.iter().map(|entry| entry.key.as_str()).collect();
        let has_colon = after.trim_start_matches(is_of_name).trim_start().starts_with(':');
        return propose_keys(document.kind, path, &beside, typed, has_colon);
    }
    let Some(decoded) = found.node.decode(&marked).filter(|decoded| decoded.text.contains(MARK)) else {
        return Vec::new();
    };
    if document.is_expression(&found.path) {
        let before = decoded.text.split(MARK).next().unwrap_or_default();
        return propose_words(before, &document.vocabulary(&found.path, known));
    }
    let is_of_value = |letter: char| is_of_name(letter) || "-*/.".contains(letter);
    let typed = before.len() - before.trim_end_matches(is_of_value).len();
    let mut proposals = propose_values(&document, &found.path, typed, known);
    // a line that may become the first key of a map
    if matches!(found.node.content, Content::Scalar(_)) && decoded.text.trim_end_matches(MARK).chars().all(is_of_name) {
        proposals.extend(propose_keys(document.kind, &found.path, &BTreeSet::new(), typed, false));
    }
    proposals
}

fn propose_keys(
    kind: EditedKind,
    path: &[TreeStep],
    beside: &BTreeSet<&str>,
    typed: usize,
    has_colon: bool,
) -> Vec<Proposal> {
    let words = keys(kind, &schemas_at(kind, path)).into_iter().filter(|word| !beside.contains(word.name.as_str()));
    let proposals = words.map(|word| Proposal {
        insert: if has_colon { word.name.clone() } else { format!("{}: ", word.name) },
        label: word.name,
        kind: CompletionItemKind::Property,
        detail: String::new(),
        about: word.about,
        typed,
    });
    proposals.collect()
}

fn propose_values(
    document: &EditedDocument<'_>,
    path: &[TreeStep],
    typed: usize,
    known: &Knowledge<'_>,
) -> Vec<Proposal> {
    let value = |name: String, kind, detail: String, about: String| Proposal {
        label: name.clone(),
        kind,
        detail,
        about,
        insert: name,
        typed,
    };
    let names = |names: Vec<String>| {
        let words =
            names.into_iter().map(|name| value(name, CompletionItemKind::Reference, String::new(), String::new()));
        words.collect::<Vec<_>>()
    };
    let key = path.iter().rev().find_map(|step| match step {
        TreeStep::Key(key) => Some(key.as_str()),
        TreeStep::Item(_) => None,
    });
    let policies = || known.policies.into_iter().flat_map(Policies::all).map(|policy| policy.name.to_string());
    let limits = || known.policies.into_iter().flat_map(Policies::limits).map(|limit| limit.name.to_string());
    match (document.kind, key) {
        (_, Some("kind")) if path.len() == 1 => return names(EditedKind::names().map(str::to_owned).collect()),
        (EditedKind::Policy | EditedKind::Limit | EditedKind::Test, Some("operations" | "operation")) => {
            let mut seen = BTreeSet::new();
            // the last is that of the newest API version
            let newest = known.contract.operations().into_iter().rev().filter(|it| seen.insert(it.id.clone()));
            let words = newest.map(|operation| {
                let detail = format!("{} {}", operation.method, operation.path);
                value(operation.id.to_string(), CompletionItemKind::Value, detail, String::new())
            });
            return words.collect();
        }
        (EditedKind::Policy, Some("field" | "fields")) => {
            let fields = document.vocabulary(path, known).members("body");
            return fields.into_iter().map(|word| of_word(word, typed)).collect();
        }
        (EditedKind::Waiver, Some("policy")) => return names(policies().collect()),
        (EditedKind::Test, Some("policies" | "violates" | "warnings" | "audits")) => {
            return names(policies().chain(limits()).collect());
        }
        (EditedKind::Test, Some("limited")) => return names(limits().collect()),
        _ => {}
    }
    let words = values(&schemas_at(document.kind, path)).into_iter();
    words.map(|word| value(word.name, CompletionItemKind::EnumMember, String::new(), word.about)).collect()
}

/// The words that can follow the begin of an expression.
fn propose_words(before: &str, vocabulary: &Vocabulary) -> Vec<Proposal> {
    match before_place(before) {
        None => Vec::new(),
        Some(Before::Member(receiver, typed)) => {
            let words = vocabulary.members(&receiver).into_iter();
            // between quotes is a name, and no call
            let is_quoted = !before.ends_with(typed) || before.trim_end_matches(typed).ends_with(['"', '\'']);
            let words = words.filter(|word| !is_quoted || word.kind != WordKind::Function);
            words.map(|word| of_word(word, typed.len())).collect()
        }
        Some(Before::Name(typed)) => {
            let locals = local_names(before).into_iter().map(|name| Proposal {
                label: name.clone(),
                kind: CompletionItemKind::Variable,
                detail: String::new(),
                about: String::new(),
                insert: name,
                typed: typed.len(),
            });
            locals.chain(vocabulary.roots().into_iter().map(|word| of_word(word, typed.len()))).collect()
        }
    }
}

fn of_word(word: Word, typed: usize) -> Proposal {
    let kind = match word.kind {
        WordKind::Root | WordKind::Library => CompletionItemKind::Module,
        WordKind::Field => CompletionItemKind::Field,
        WordKind::Param => CompletionItemKind::Constant,
        WordKind::Variable => CompletionItemKind::Variable,
        WordKind::Function => CompletionItemKind::Function,
    };
    let secret = if word.is_secret { " (secret)" } else { "" };
    Proposal {
        insert: word.name.clone(),
        label: word.name,
        kind,
        detail: format!("{}{secret}", word.detail),
        about: word.about,
        typed,
    }
}
