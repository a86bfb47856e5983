//! A YAML document as a tree whose nodes have their range in the file.

use super::yaml_hints::hint;
use crate::diagnostic::Diagnostic;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, Options};
use serde_saphyr::{Location, MessageFormatter, Spanned, UserMessageFormatter};
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A value and its range in the file. That of a list or map ends with its last entry.
#[derive(Clone, Debug)]
pub(super) struct TreeNode {
    pub(super) span: Range<usize>,
    pub(super) content: NodeContent,
}

/// The value of a node.
#[derive(Clone, Debug)]
pub(super) enum NodeContent {
    /// Null, true or false, a number, or text.
    Scalar(Value),
    /// The entries of a list.
    List(Vec<TreeNode>),
    /// The entries of a map in the order of the file. A key may be repeated: each repetition is an error later.
    Map(Vec<MapEntry>),
}

/// One entry of a map.
#[derive(Clone, Debug)]
pub(super) struct MapEntry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) node: TreeNode,
}

/// Why a text is not valid YAML, and where.
pub(super) struct SyntaxError {
    message: String,
    place: Option<(u64, u64)>,
}

// the functions on a tree recurse, and no file of ours nests as deep
const DEEPEST: usize = 32;

// counted with each repetition by an alias: a small file can expand to gigabytes ("billion laughs")
const MOST: usize = 250_000;

/// The documents of `text`; empty ones are left out.
///
/// `off`, `on`, `yes` and `no` are text (YAML 1.2). Merge keys (`<<`, YAML 1.1) are errors.
pub(super) fn parse(text: &str) -> Result<Vec<TreeNode>, SyntaxError> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        // so that all repeated keys can be reported at once
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        // a setting must be visible where it takes effect
        merge_keys: MergeKeyPolicy::Error,
        budget: serde_saphyr::budget! { max_depth: DEEPEST, max_nodes: MOST },
    };
    parse_with(text, options).map_err(|error| SyntaxError::of(&error))
}

fn parse_with(text: &str, options: Options) -> Result<Vec<TreeNode>, serde_saphyr::Error> {
    let documents: Vec<Spanned<Raw>> = serde_saphyr::from_multiple_with_options(text, options)?;
    Ok(documents.into_iter().map(|raw| TreeNode::new(raw, text)).collect())
}

impl SyntaxError {
    fn of(error: &serde_saphyr::Error) -> Self {
        let mut cause = error;
        while let serde_saphyr::Error::AliasError { error, .. } = cause {
            cause = error;
        }
        let message = match cause {
            serde_saphyr::Error::Budget { breach: BudgetBreach::Nodes { .. }, .. } => format!("more than {MOST} parts"),
            _ => UserMessageFormatter.format_message(error).replace(char::is_control, " "),
        };
        let place = error.location().filter(|location| location.line() > 0);
        Self { message, place: place.map(|location| (location.line(), location.column())) }
    }

    pub(super) fn diagnostic(self, file: &Path, text: &Arc<str>) -> Diagnostic {
        let message = format!("not valid YAML: {}", self.message);
        match self.place {
            None => Diagnostic::of_file(file, message),
            Some((line, column)) => {
                let start = offset_of(text, line, column);
                let diagnostic = Diagnostic::at(file, text, start..start + 1, message);
                match hint(text, start) {
                    Some(help) => diagnostic.with_help(help),
                    None => diagnostic,
                }
            }
        }
    }
}

/// The byte at one-based `line` and `column`, the latter in characters.
fn offset_of(text: &str, line: u64, column: u64) -> usize {
    let lines = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let columns = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    let before: usize = text.split_inclusive('\n').take(lines).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    before + rest.chars().take(columns).map(char::len_utf8).sum::<usize>()
}

impl TreeNode {
    fn new(raw: Spanned<Raw>, text: &str) -> Self {
        let start = bytes_of(raw.defined);
        let content = match raw.value {
            Raw::Scalar(value) => return Self { span: start, content: NodeContent::Scalar(value) },
            Raw::List(nodes) => NodeContent::List(nodes.into_iter().map(|node| Self::new(node, text)).collect()),
            Raw::Map(entries) => {
                NodeContent::Map(entries.into_iter().map(|(key, node)| MapEntry::new(key, node, text)).collect())
            }
        };
        let last = match &content {
            NodeContent::Scalar(_) => None,
            NodeContent::List(nodes) => nodes.last().map(|node| node.span.end),
            NodeContent::Map(entries) => entries.last().map(|entry| entry.node.span.end.max(entry.key_span.end)),
        };
        let end = closing_end(text, start.start, last.unwrap_or(start.end).max(start.end));
        Self { span: start.start..end, content }
    }

    /// The tree without places. The last of repeated keys wins, but `Source::entry_errors` has refused them before.
    pub(super) fn to_value(&self) -> Value {
        match &self.content {
            NodeContent::Scalar(value) => value.clone(),
            NodeContent::List(nodes) => Value::Array(nodes.iter().map(Self::to_value).collect()),
            NodeContent::Map(entries) => {
                let values = entries.iter().map(|entry| (entry.key.clone(), entry.node.to_value()));
                Value::Object(values.collect::<Map<_, _>>())
            }
        }
    }
}

impl MapEntry {
    fn new(key: Spanned<String>, node: Spanned<Raw>, text: &str) -> Self {
        Self { key_span: bytes_of(key.referenced), key: key.value, node: TreeNode::new(node, text) }
    }
}

/// The end of the flow list or map at `start`, its closing bracket included; `end` for any other value. The parser does not
/// report it.
fn closing_end(text: &str, start: usize, end: usize) -> usize {
    let closing = match text.get(start..).and_then(|rest| rest.chars().next()) {
        Some('[') => ']',
        Some('{') => '}',
        _ => return end,
    };
    let rest = text.get(end..).unwrap_or_default();
    let trimmed = rest.trim_start_matches([' ', ',']);
    if trimmed.starts_with(closing) { end + (rest.len() - trimmed.len()) + 1 } else { end }
}

fn bytes_of(location: Location) -> Range<usize> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset().unwrap_or_default()).unwrap_or_default();
    let length = usize::try_from(span.byte_len().unwrap_or_default()).unwrap_or_default();
    start..start.saturating_add(length)
}

/// The result of the parser, before the ends of lists and maps are known.
enum Raw {
    Scalar(Value),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Raw, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number must be finite"))?;
        Ok(Raw::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Raw::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
