//! The size of a value as compact JSON: without the blanks between its tokens.

use super::node::{Document, NodeRepr, TextRepr};
use super::packed::{PackedNode, PackedText};
use super::quoted::quoted_size;

/// The size of a value, and how many there are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactSize {
    /// Bytes, as if the value stood alone.
    pub bytes: usize,
    /// The value itself, and those in it at any depth.
    pub values: usize,
}

impl CompactSize {
    const fn add(&mut self, child: Self) {
        self.bytes += child.bytes;
        self.values += child.values;
    }
}

impl Document {
    /// The size of one of its values. As deep as the value, which is bounded.
    // over the lists themselves: a limit on the size of metadata reads every member of a body
    #[inline]
    pub(super) fn compact_size(&self, node: PackedNode) -> CompactSize {
        let Some(bytes) = self.scalar_size(node) else { return self.container_size(node) };
        CompactSize { bytes, values: 1 }
    }

    /// `None` for an array and an object.
    #[inline]
    fn scalar_size(&self, node: PackedNode) -> Option<usize> {
        Some(match node.repr() {
            NodeRepr::Null | NodeRepr::Bool(true) => 4,
            NodeRepr::Bool(false) => 5,
            NodeRepr::Number(span) => span.len(),
            NodeRepr::String(text) => self.quoted_size(text),
            NodeRepr::Array(_) | NodeRepr::Object(_) | NodeRepr::IndexedObject(_) => return None,
        })
    }

    // apart, so that the many scalars of a container are added without a call
    #[inline(never)]
    fn container_size(&self, node: PackedNode) -> CompactSize {
        let elements = self.element_list(node);
        let members = self.member_list(node);
        // the brackets, and a comma between each two
        let mut size = CompactSize { bytes: 2 + (elements.len() + members.len()).saturating_sub(1), values: 1 };
        for element in elements {
            size.add(self.compact_size(*element));
        }
        for member in members {
            // a colon behind each name
            size.bytes += self.quoted_size(member.name) + 1;
            size.add(self.compact_size(member.value));
        }
        size
    }

    #[inline]
    fn quoted_size(&self, text: PackedText) -> usize {
        match text.repr() {
            // without an escape there is nothing that needs one
            TextRepr::Verbatim(span) => 2 + span.len(),
            TextRepr::Unescaped(_) => quoted_size(self.str(text)),
        }
    }
}
