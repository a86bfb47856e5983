//! YAML that is being typed: a tree with the place of each part, of any text.
//!
//! [`crate::manifest`] reads valid files only, and a file at which someone types is rarely valid. This reader never fails: it takes
//! a line that it cannot place as a key without a value. It knows the YAML that policies are written in: block and flow maps and
//! lists, and every kind of scalar; anchors and tags are skipped.

mod blocks;
mod flow;
mod scalar;

pub(super) use scalar::ScalarText;

use blocks::OutlineReader;
use std::ops::Range;

/// A value.
#[derive(Debug, Default)]
pub(super) struct YamlNode {
    /// Its bytes. Those of a list or map begin with the first entry, and end with the last.
    pub(super) span: Range<usize>,
    pub(super) content: Content,
}

#[derive(Debug, Default)]
pub(super) enum Content {
    /// There is no value (yet).
    #[default]
    Empty,
    Scalar(ScalarStyle),
    List(Vec<YamlNode>),
    Map(Vec<Entry>),
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarStyle {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

/// An entry of a map.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) value: YamlNode,
}

/// A step from a value to one in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TreeStep {
    Key(String),
    Item(usize),
}

/// The part of a document at a place.
#[derive(Debug)]
pub(super) struct Found<'n> {
    /// The way to it.
    pub(super) path: Vec<TreeStep>,
    /// The value there; of a key, the one that it leads to.
    pub(super) node: &'n YamlNode,
    /// The entry, if the place is in its key.
    pub(super) key: Option<&'n Entry>,
    /// All entries beside that one.
    pub(super) map: &'n [Entry],
}

/// The document of `text` that the byte `offset` is in.
pub(super) fn document_at(text: &str, offset: usize) -> YamlNode {
    let range = document_range(text, offset);
    OutlineReader::new(text, range).document()
}

/// The bytes of the document that `offset` is in, without the lines that separate documents.
fn document_range(text: &str, offset: usize) -> Range<usize> {
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let next = at + line.len();
        let is_mark =
            ["---", "..."].iter().any(|mark| line.trim_end() == *mark || line.starts_with(&format!("{mark} ")));
        if is_mark && offset < at {
            return start..at;
        }
        if is_mark {
            start = next.min(text.len());
        }
        at = next;
    }
    start..text.len()
}

impl YamlNode {
    /// The value of the key `name`.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == name).map(|entry| &entry.value)
    }

    /// The value at the end of these keys.
    pub(super) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar, with the place of each byte of it; `None` if it is none.
    pub(super) fn decode(&self, text: &str) -> Option<ScalarText> {
        match self.content {
            Content::Scalar(style) => Some(ScalarText::new(text, &self.span, style)),
            _ => None,
        }
    }

    /// The text of a scalar; empty if it is none.
    pub(super) fn text(&self, text: &str) -> String {
        self.decode(text).map(|decoded| decoded.text).unwrap_or_default()
    }

    /// The innermost part at the byte `offset`.
    pub(super) fn find(&self, offset: usize) -> Found<'_> {
        let mut found = Found { path: Vec::new(), node: self, key: None, map: &[] };
        while let Some(inner) = found.node.child(offset) {
            found.path.push(inner.step);
            found = Found { path: found.path, node: inner.node, key: inner.key, map: inner.map };
            if found.key.is_some() {
                break;
            }
        }
        found
    }

    fn child(&self, offset: usize) -> Option<Child<'_>> {
        // at the end of a part, too: that is where one types
        let is_in = |span: &Range<usize>| span.start <= offset && offset <= span.end;
        match &self.content {
            Content::Map(entries) => {
                let entry = entries.iter().find(|entry| is_in(&entry.key_span) || is_in(&entry.value.span))?;
                let key = is_in(&entry.key_span).then_some(entry);
                Some(Child { step: TreeStep::Key(entry.key.clone()), node: &entry.value, key, map: entries })
            }
            Content::List(items) => {
                let (position, node) = items.iter().enumerate().find(|(_, item)| is_in(&item.span))?;
                Some(Child { step: TreeStep::Item(position), node, key: None, map: &[] })
            }
            Content::Empty | Content::Scalar(_) => None,
        }
    }
}

struct Child<'n> {
    step: TreeStep,
    node: &'n YamlNode,
    key: Option<&'n Entry>,
    map: &'n [Entry],
}

#[cfg(test)]
mod tests;
