//! The places of the parts of a document in its file.

use super::pointer::{escape, field};
use super::scalar_span;
use super::tree::{MapEntry, NodeContent, TreeNode};
use crate::diagnostic::{Diagnostic, line_and_column};
use serde_json::Value;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A document's file, text and the places of its parts. Cheap to clone.
///
/// Parts are named by JSON Pointers (RFC 6901), the whole document by the empty one. The place of a missing part is that of its
/// nearest parent.
#[derive(Clone, Debug)]
pub struct Source {
    file: Arc<Path>,
    text: Arc<str>,
    root: Arc<TreeNode>,
}

// 2^63: no number in our files is as large
const HUGE: f64 = 9_223_372_036_854_775_808.0;

/// A node with its key, and whether it is the requested one and not a parent of it.
struct LocatedNode<'a> {
    key: Option<&'a Range<usize>>,
    node: &'a TreeNode,
    exact: bool,
}

impl Source {
    pub(super) fn new(file: &Arc<Path>, text: &Arc<str>, root: TreeNode) -> Self {
        Self { file: Arc::clone(file), text: Arc::clone(text), root: Arc::new(root) }
    }

    /// The path of the file, as the caller gave it.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The part at `pointer`, as if it were the document.
    pub(super) fn part(&self, pointer: &str) -> Self {
        Self { root: Arc::new(self.find(pointer).node.clone()), ..self.clone() }
    }

    /// A problem with the value at `pointer`.
    pub fn at(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        self.diagnostic(self.value_span(&self.find(pointer)), message)
    }

    /// A problem with the key at `pointer`; with the value where it is the entry of a list.
    pub fn at_key(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        let found = self.find(pointer);
        self.diagnostic(found.key.cloned().unwrap_or_else(|| self.value_span(&found)), message)
    }

    /// A problem with the bytes `range` of the text at `pointer`, after quotes, escapes and line folding are resolved. If the range
    /// cannot be located in the file, a problem with the whole value.
    pub fn within(&self, pointer: &str, range: Range<usize>, message: impl Into<String>) -> Diagnostic {
        let found = self.find(pointer);
        let part = match &found.node.content {
            NodeContent::Scalar(Value::String(text)) if found.exact => {
                scalar_span::within(&self.text, &found.node.span, text, &range)
            }
            _ => None,
        };
        self.diagnostic(part.unwrap_or_else(|| self.value_span(&found)), message)
    }

    /// The one-based line of the value at `pointer`; `None` if there is no such value.
    pub fn line(&self, pointer: &str) -> Option<usize> {
        let found = self.find(pointer);
        found.exact.then(|| line_and_column(&self.text, self.value_span(&found).start).0)
    }

    /// The document without its places.
    pub(super) fn to_value(&self) -> Value {
        self.root.to_value()
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn root(&self) -> &TreeNode {
        &self.root
    }

    pub(super) fn root_mut(&mut self) -> &mut TreeNode {
        Arc::make_mut(&mut self.root)
    }

    pub(super) fn diagnostic(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.file, &self.text, span, message)
    }

    /// A problem for each key that its map already has, and for each text that YAML reads as a tag.
    pub(super) fn entry_errors(&self) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        self.collect_entry_errors(&self.root, &mut errors);
        errors
    }

    fn collect_entry_errors(&self, node: &TreeNode, errors: &mut Vec<Diagnostic>) {
        match &node.content {
            NodeContent::Scalar(_) => {}
            NodeContent::List(nodes) => nodes.iter().for_each(|node| self.collect_entry_errors(node, errors)),
            NodeContent::Map(entries) => {
                let mut firsts = HashMap::new();
                for entry in entries {
                    let first: &MapEntry = firsts.entry(entry.key.as_str()).or_insert(entry);
                    if !std::ptr::eq(first, entry) {
                        errors.push(self.repeat_error(entry, first));
                    }
                    errors.extend(self.tag(entry));
                    self.collect_entry_errors(&entry.node, errors);
                }
            }
        }
    }

    /// A problem for each whole number that is too large.
    pub(super) fn huge_numbers(&self) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        self.collect_huge(&self.root, "", &mut errors);
        errors
    }

    fn collect_huge(&self, node: &TreeNode, pointer: &str, errors: &mut Vec<Diagnostic>) {
        match &node.content {
            NodeContent::Scalar(Value::Number(number)) => {
                let is_huge = number.as_f64().is_none_or(|value| value.abs() >= HUGE) && !number.is_u64();
                if is_huge && !number.is_i64() {
                    errors.push(self.at(pointer, format!("{} is too large a number", field(pointer))));
                }
            }
            NodeContent::Scalar(_) => {}
            NodeContent::List(nodes) => {
                for (position, node) in nodes.iter().enumerate() {
                    self.collect_huge(node, &format!("{pointer}/{position}"), errors);
                }
            }
            NodeContent::Map(entries) => {
                for entry in entries {
                    self.collect_huge(&entry.node, &format!("{pointer}/{}", escape(&entry.key)), errors);
                }
            }
        }
    }

    // YAML reads `!` and the text up to the next blank as a tag, and the parser drops it silently: `!request.x` would lose its
    // negation
    fn tag(&self, entry: &MapEntry) -> Option<Diagnostic> {
        let rest = self.text.get(entry.key_span.end..)?;
        let value = rest.trim_start_matches(['"', '\'']).trim_start().strip_prefix(':')?.trim_start_matches(' ');
        let start = entry.key_span.end + (rest.len() - value.len());
        let length = value.find([' ', '\n']).unwrap_or(value.len());
        let error = || {
            self.diagnostic(start..start + length, "text that begins with `!` is a tag in YAML and would be ignored")
        };
        value.starts_with('!').then(|| error().with_help("put all of it in quotes"))
    }

    fn repeat_error(&self, entry: &MapEntry, first: &MapEntry) -> Diagnostic {
        let (line, _) = line_and_column(&self.text, first.key_span.start);
        let message = format!("duplicate key `{}`, first on line {line}", entry.key.escape_debug());
        self.diagnostic(entry.key_span.clone(), message)
    }

    fn find(&self, pointer: &str) -> LocatedNode<'_> {
        let mut found = LocatedNode { key: None, node: &self.root, exact: true };
        for token in pointer.split('/').skip(1) {
            match child(found.node, &token.replace("~1", "/").replace("~0", "~")) {
                Some((key, node)) => found = LocatedNode { key, node, exact: true },
                None => return LocatedNode { exact: false, ..found },
            }
        }
        found
    }

    /// The range to underline for a value.
    fn value_span(&self, found: &LocatedNode<'_>) -> Range<usize> {
        let span = found.node.span.clone();
        // a block map or list would be underlined at its first entry, which is not the error: its key is underlined instead
        let block = match found.node.content {
            NodeContent::Scalar(_) => span.is_empty(),
            NodeContent::List(_) | NodeContent::Map(_) => {
                !self.text.get(span.clone()).unwrap_or_default().starts_with(['[', '{'])
            }
        };
        match (block, found.key, &found.node.content) {
            (true, Some(key), _) => key.clone(),
            (true, None, NodeContent::Map(entries)) => entries.first().map_or(span, |entry| entry.key_span.clone()),
            _ => span,
        }
    }
}

fn child<'a>(node: &'a TreeNode, token: &str) -> Option<(Option<&'a Range<usize>>, &'a TreeNode)> {
    match &node.content {
        NodeContent::Scalar(_) => None,
        NodeContent::List(nodes) => Some((None, nodes.get(token.parse::<usize>().ok()?)?)),
        NodeContent::Map(entries) => {
            let entry = entries.iter().find(|entry| entry.key == token)?;
            Some((Some(&entry.key_span), &entry.node))
        }
    }
}
