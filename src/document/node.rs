//! A parsed document: a flat list of nodes over the text that they were parsed from.

use super::view::{JsonKind, View};
use std::fmt;
use std::ops::Range;

/// A string of the document: a slice of its text, or an unescaped copy if it has escapes.
pub(super) enum TextRepr {
    // `u32`: no text is longer than 4 GiB, and ranges of `usize` would take twice the memory
    Slice(Range<u32>),
    Own(Box<str>),
}

impl TextRepr {
    fn len(&self) -> usize {
        match self {
            Self::Slice(range) => range.len(),
            Self::Own(own) => own.len(),
        }
    }
}

/// A member of an object: its name and the index of its value.
pub(super) struct Member {
    pub(super) name: TextRepr,
    pub(super) value: u32,
}

pub(super) enum NodeRepr {
    Null,
    Bool(bool),
    Number(Box<str>),
    String(TextRepr),
    Array(Box<[u32]>),
    Object(Members),
}

/// The members of an object. If there are many, also their positions sorted by name, for a binary search.
pub(super) struct Members {
    pub(super) list: Box<[Member]>,
    pub(super) by_name: Option<Box<[u32]>>,
}

/// A JSON text that has exactly one meaning, made by [`Document::parse`].
pub struct Document {
    pub(super) text: Box<str>,
    pub(super) nodes: Vec<NodeRepr>,
    pub(super) root: u32,
}

impl Document {
    /// The root value.
    pub fn root(&self) -> NodeRef<'_> {
        NodeRef { document: self, index: self.root }
    }

    /// The length of its text in bytes.
    pub const fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The number of its values, at any depth.
    pub const fn values(&self) -> usize {
        self.nodes.len()
    }

    fn str<'a>(&'a self, text: &'a TextRepr) -> &'a str {
        match text {
            TextRepr::Own(own) => own,
            TextRepr::Slice(range) => self.text.get(range.start as usize..range.end as usize).unwrap_or_default(),
        }
    }
}

// by hand: a derived one would print the body, which has secrets
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("values", &self.nodes.len()).finish_non_exhaustive()
    }
}

/// One value of a [`Document`].
#[derive(Clone, Copy)]
pub struct NodeRef<'a> {
    document: &'a Document,
    index: u32,
}

impl<'a> NodeRef<'a> {
    fn node(self) -> &'a NodeRepr {
        // always there: a `NodeRef` is made from indices of the same document only
        self.document.nodes.get(self.index as usize).unwrap_or(&NodeRepr::Null)
    }

    fn at(self, index: u32) -> Self {
        Self { document: self.document, index }
    }

    fn members(self) -> Option<&'a Members> {
        match self.node() {
            NodeRepr::Object(members) => Some(members),
            _ => None,
        }
    }
}

impl Members {
    fn find(&self, document: &Document, name: &str) -> Option<&Member> {
        let Some(by_name) = &self.by_name else {
            // comparing lengths first skips most names without touching their bytes
            let mut alike = self.list.iter().filter(|member| member.name.len() == name.len());
            return alike.find(|member| document.str(&member.name) == name);
        };
        let found = by_name.binary_search_by(|position| {
            self.list.get(*position as usize).map_or("", |member| document.str(&member.name)).cmp(name)
        });
        by_name.get(found.ok()?).and_then(|position| self.list.get(*position as usize))
    }
}

impl<'a> View<'a> for NodeRef<'a> {
    fn kind(self) -> JsonKind<'a> {
        match self.node() {
            NodeRepr::Null => JsonKind::Null,
            NodeRepr::Bool(value) => JsonKind::Bool(*value),
            NodeRepr::Number(text) => JsonKind::Number(text),
            NodeRepr::String(text) => JsonKind::String(self.document.str(text)),
            NodeRepr::Array(_) => JsonKind::Array,
            NodeRepr::Object(_) => JsonKind::Object,
        }
    }

    fn len(self) -> usize {
        match self.node() {
            NodeRepr::Array(elements) => elements.len(),
            NodeRepr::Object(members) => members.list.len(),
            _ => 0,
        }
    }

    fn child(self, position: usize) -> Option<Self> {
        match self.node() {
            NodeRepr::Array(elements) => elements.get(position).map(|index| self.at(*index)),
            NodeRepr::Object(members) => members.list.get(position).map(|member| self.at(member.value)),
            _ => None,
        }
    }

    fn name(self, position: usize) -> Option<&'a str> {
        self.members()?.list.get(position).map(|member| self.document.str(&member.name))
    }

    fn member(self, name: &str) -> Option<Self> {
        self.members()?.find(self.document, name).map(|member| self.at(member.value))
    }

    fn identity(self) -> usize {
        self.index as usize
    }
}
