//! A parsed document: one flat list of nodes over the text they were read from.

use super::view::{Kind, View};
use std::fmt;
use std::ops::Range;

/// A string of the document: a slice of the text where it has no escapes, else unescaped on its own.
pub(super) enum Text {
    Slice(Range<u32>),
    Own(Box<str>),
}

impl Text {
    fn len(&self) -> usize {
        match self {
            Self::Slice(range) => range.len(),
            Self::Own(own) => own.len(),
        }
    }
}

/// A member of an object: its name and its value's place in the list of nodes.
pub(super) struct Member {
    pub(super) name: Text,
    pub(super) value: u32,
}

pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Box<str>),
    String(Text),
    Array(Box<[u32]>),
    Object(Members),
}

/// The members of an object, with an order by name where there are too many to look at each in turn.
pub(super) struct Members {
    pub(super) list: Box<[Member]>,
    pub(super) by_name: Option<Box<[u32]>>,
}

/// A JSON text that has exactly one meaning. Made by [`Document::parse`]. `Debug` shows its size, never its text.
pub struct Document {
    pub(super) text: Box<str>,
    pub(super) nodes: Vec<Node>,
    pub(super) root: u32,
}

impl Document {
    /// The document's one value.
    pub fn root(&self) -> NodeRef<'_> {
        NodeRef { document: self, index: self.root }
    }

    /// How many values it has, at any depth.
    pub const fn values(&self) -> usize {
        self.nodes.len()
    }

    fn str<'a>(&'a self, text: &'a Text) -> &'a str {
        match text {
            Text::Own(own) => own,
            Text::Slice(range) => self.text.get(range.start as usize..range.end as usize).unwrap_or_default(),
        }
    }
}

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
    fn node(self) -> &'a Node {
        self.document.nodes.get(self.index as usize).unwrap_or(&Node::Null)
    }

    fn at(self, index: u32) -> Self {
        Self { document: self.document, index }
    }

    fn members(self) -> Option<&'a Members> {
        match self.node() {
            Node::Object(members) => Some(members),
            _ => None,
        }
    }
}

impl Members {
    fn find(&self, document: &Document, name: &str) -> Option<&Member> {
        let Some(by_name) = &self.by_name else {
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
    fn kind(self) -> Kind<'a> {
        match self.node() {
            Node::Null => Kind::Null,
            Node::Bool(value) => Kind::Bool(*value),
            Node::Number(text) => Kind::Number(text),
            Node::String(text) => Kind::String(self.document.str(text)),
            Node::Array(_) => Kind::Array,
            Node::Object(_) => Kind::Object,
        }
    }

    fn len(self) -> usize {
        match self.node() {
            Node::Array(elements) => elements.len(),
            Node::Object(members) => members.list.len(),
            _ => 0,
        }
    }

    fn child(self, position: usize) -> Option<Self> {
        match self.node() {
            Node::Array(elements) => elements.get(position).map(|index| self.at(*index)),
            Node::Object(members) => members.list.get(position).map(|member| self.at(member.value)),
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
