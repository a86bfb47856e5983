//! A parsed document: values and members in two flat lists, over the text that they were parsed from.

use super::compact_size::CompactSize;
use super::names::NameIndex;
use super::packed::{LONGEST_TEXT, PackedNode, PackedText};
use super::view::{JsonKind, View};
use bytestring::ByteString;
use std::fmt;

/// A part of a text, in bytes.
// `u32`: no text is longer than 1 GiB, and a pair of `usize` would take twice the memory
#[derive(Clone, Copy)]
pub(super) struct DocumentSpan {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// A string of the document.
pub(super) enum TextRepr {
    /// As it stands in the text.
    Verbatim(DocumentSpan),
    /// It has escapes: a part of [`Document::unescaped`].
    Unescaped(DocumentSpan),
}

/// A member of an object.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) name: PackedText,
    pub(super) value: PackedNode,
}

/// A value. Those of one array, and the members of one object, are neighbours in their list.
pub(super) enum NodeRepr {
    Null,
    Bool(bool),
    Number(DocumentSpan),
    String(PackedText),
    /// Positions in [`Document::elements`].
    Array(DocumentSpan),
    /// Positions in [`Document::members`].
    Object(DocumentSpan),
    /// A position in [`Document::indexed`].
    IndexedObject(u32),
}

/// An object with many members, and their index.
pub(super) struct IndexedObject {
    pub(super) members: DocumentSpan,
    pub(super) by_name: NameIndex,
}

/// A JSON text that has exactly one meaning, made by [`Document::parse`].
pub struct Document {
    // shared with the request, which has it to forward: a copy would take as much memory again
    pub(super) text: ByteString,
    /// The strings that have escapes, without them.
    pub(super) unescaped: String,
    pub(super) root: PackedNode,
    pub(super) elements: Vec<PackedNode>,
    pub(super) members: Vec<Member>,
    pub(super) indexed: Vec<IndexedObject>,
}

impl DocumentSpan {
    /// `None` beyond 1 GiB.
    pub(super) fn new(start: usize, end: usize) -> Option<Self> {
        if end > LONGEST_TEXT {
            return None;
        }
        Some(Self { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
    }

    pub(super) const fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    fn of<T>(self, list: &[T]) -> &[T] {
        // always there: a span is made from positions of the same document only
        list.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    pub(super) fn of_text(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl PackedText {
    pub(super) fn read<'a>(self, text: &'a str, unescaped: &'a str) -> &'a str {
        match self.repr() {
            TextRepr::Verbatim(span) => span.of_text(text),
            TextRepr::Unescaped(span) => span.of_text(unescaped),
        }
    }

    /// The bytes of [`Self::read`], which take no look at where characters begin.
    pub(super) fn bytes<'a>(self, text: &'a str, unescaped: &'a str) -> &'a [u8] {
        match self.repr() {
            TextRepr::Verbatim(span) => span.of(text.as_bytes()),
            TextRepr::Unescaped(span) => span.of(unescaped.as_bytes()),
        }
    }
}

impl Document {
    /// The root value.
    pub fn root(&self) -> NodeRef<'_> {
        NodeRef { document: self, node: &self.root }
    }

    /// The length of its text in bytes.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The number of its values, at any depth.
    pub const fn values(&self) -> usize {
        1 + self.elements.len() + self.members.len()
    }

    pub(super) fn str(&self, text: PackedText) -> &str {
        text.read(&self.text, &self.unescaped)
    }

    /// The elements of an array; empty if it is none.
    pub(super) fn element_list(&self, node: PackedNode) -> &[PackedNode] {
        match node.repr() {
            NodeRepr::Array(span) => span.of(&self.elements),
            _ => &[],
        }
    }

    /// The members of an object; empty if it is none.
    pub(super) fn member_list(&self, node: PackedNode) -> &[Member] {
        self.object(node).map_or(&[], |(members, _)| members)
    }

    fn object(&self, node: PackedNode) -> Option<(&[Member], Option<&NameIndex>)> {
        match node.repr() {
            NodeRepr::Object(span) => Some((span.of(&self.members), None)),
            NodeRepr::IndexedObject(position) => {
                let object = self.indexed.get(position as usize)?;
                Some((object.members.of(&self.members), Some(&object.by_name)))
            }
            _ => None,
        }
    }

    fn find(&self, node: PackedNode, name: &str) -> Option<&Member> {
        let (members, by_name) = self.object(node)?;
        let Some(by_name) = by_name else {
            // comparing lengths first skips most names without touching their bytes
            let mut alike = members.iter().filter(|member| member.name.len() == name.len());
            return alike.find(|member| self.str(member.name) == name);
        };
        by_name.find(members, name, &self.text, &self.unescaped)
    }
}

// by hand: a derived one would print the body, which has secrets
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("values", &self.values()).finish_non_exhaustive()
    }
}

/// One value of a [`Document`].
#[derive(Clone, Copy)]
pub struct NodeRef<'a> {
    document: &'a Document,
    node: &'a PackedNode,
}

impl<'a> NodeRef<'a> {
    fn at(self, node: &'a PackedNode) -> Self {
        Self { document: self.document, node }
    }

    /// Its size as compact JSON.
    pub fn compact_size(self) -> CompactSize {
        self.document.compact_size(*self.node)
    }

    fn member_list(self) -> &'a [Member] {
        self.document.member_list(*self.node)
    }
}

/// The members of an object, in document order.
pub struct Members<'a> {
    document: &'a Document,
    list: std::slice::Iter<'a, Member>,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, NodeRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let member = self.list.next()?;
        Some((self.document.str(member.name), NodeRef { document: self.document, node: &member.value }))
    }
}

impl<'a> View<'a> for NodeRef<'a> {
    type Members = Members<'a>;

    fn kind(self) -> JsonKind<'a> {
        match self.node.repr() {
            NodeRepr::Null => JsonKind::Null,
            NodeRepr::Bool(value) => JsonKind::Bool(value),
            NodeRepr::Number(span) => JsonKind::Number(span.of_text(&self.document.text)),
            NodeRepr::String(text) => JsonKind::String(self.document.str(text)),
            NodeRepr::Array(_) => JsonKind::Array,
            NodeRepr::Object(_) | NodeRepr::IndexedObject(_) => JsonKind::Object,
        }
    }

    fn len(self) -> usize {
        match self.node.repr() {
            NodeRepr::Array(span) | NodeRepr::Object(span) => span.len(),
            NodeRepr::IndexedObject(_) => self.member_list().len(),
            _ => 0,
        }
    }

    fn child(self, position: usize) -> Option<Self> {
        match self.node.repr() {
            NodeRepr::Array(_) => self.document.element_list(*self.node).get(position).map(|node| self.at(node)),
            _ => self.member_list().get(position).map(|member| self.at(&member.value)),
        }
    }

    fn name(self, position: usize) -> Option<&'a str> {
        self.member_list().get(position).map(|member| self.document.str(member.name))
    }

    fn members(self) -> Members<'a> {
        Members { document: self.document, list: self.member_list().iter() }
    }

    fn member(self, name: &str) -> Option<Self> {
        self.document.find(*self.node, name).map(|member| self.at(&member.value))
    }

    fn identity(self) -> usize {
        std::ptr::from_ref(self.node).addr()
    }
}
