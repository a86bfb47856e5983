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
    const fn of_scalar(bytes: usize) -> Self {
        Self { bytes, values: 1 }
    }

    /// Of an array or object of `children`, before any of them is added.
    const fn of_container(children: usize) -> Self {
        // the brackets, and a comma between each two
        Self { bytes: 2 + children.saturating_sub(1), values: 1 }
    }

    const fn add(&mut self, child: Self) {
        self.bytes += child.bytes;
        self.values += child.values;
    }
}

impl Document {
    /// The size of one of its values. As deep as the value, which is bounded.
    // over the lists themselves: a limit on the size of metadata reads every member of a body
    pub(super) fn compact_size(&self, node: PackedNode) -> CompactSize {
        match node.repr() {
            NodeRepr::Null | NodeRepr::Bool(true) => CompactSize::of_scalar(4),
            NodeRepr::Bool(false) => CompactSize::of_scalar(5),
            NodeRepr::Number(span) => CompactSize::of_scalar(span.len()),
            NodeRepr::String(text) => CompactSize::of_scalar(self.quoted_size(text)),
            NodeRepr::Array(_) => {
                let elements = self.element_list(node);
                let mut size = CompactSize::of_container(elements.len());
                for element in elements {
                    size.add(self.compact_size(*element));
                }
                size
            }
            NodeRepr::Object(_) | NodeRepr::IndexedObject(_) => {
                let members = self.member_list(node);
                let mut size = CompactSize::of_container(members.len());
                for member in members {
                    // a colon behind each name
                    size.bytes += self.quoted_size(member.name) + 1;
                    size.add(self.compact_size(member.value));
                }
                size
            }
        }
    }

    fn quoted_size(&self, text: PackedText) -> usize {
        match text.repr() {
            // without an escape there is nothing that needs one
            TextRepr::Verbatim(span) => 2 + span.len(),
            TextRepr::Unescaped(_) => quoted_size(self.str(text)),
        }
    }
}
