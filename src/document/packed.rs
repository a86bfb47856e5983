//! Values and strings in one machine word each.

// An enum of spans is written field by field and then copied as a whole. The processor cannot forward such writes to the wider
// read, and waits for them: that was a fifth of the time to parse a body. A word is returned and stored in one register.

use super::node::{DocumentSpan, NodeRepr, TextRepr};

/// The bits of a position, and of a length. Two of them and a kind are a word.
const SPAN_BITS: u32 = 30;
const SPAN_MASK: u64 = (1 << SPAN_BITS) - 1;
const KIND_BITS: u32 = 64 - 2 * SPAN_BITS;
const KIND_MASK: u64 = (1 << KIND_BITS) - 1;

/// Most bytes of a text, so that each position in it has room in a word.
pub(super) const LONGEST_TEXT: usize = (1 << SPAN_BITS) - 1;

const FALSE: u64 = 1;
const TRUE: u64 = 2;
const NUMBER: u64 = 3;
const VERBATIM: u64 = 4;
const UNESCAPED: u64 = 5;
const ARRAY: u64 = 6;
const OBJECT: u64 = 7;
const INDEXED_OBJECT: u64 = 8;
const NULL: u64 = 9;

/// A [`TextRepr`] in one word.
#[derive(Clone, Copy)]
pub(super) struct PackedText(u64);

/// A [`NodeRepr`] in one word.
#[derive(Clone, Copy)]
pub(super) struct PackedNode(u64);

fn pack(kind: u64, span: DocumentSpan) -> u64 {
    kind | u64::from(span.start) << KIND_BITS | u64::from(span.end - span.start) << (KIND_BITS + SPAN_BITS)
}

fn unpack(word: u64) -> DocumentSpan {
    // never cut: 30 bits
    let bits = |bits: u64| u32::try_from(bits & SPAN_MASK).unwrap_or_default();
    let start = bits(word >> KIND_BITS);
    DocumentSpan { start, end: start + bits(word >> (KIND_BITS + SPAN_BITS)) }
}

impl PackedText {
    pub(super) fn of_text(span: DocumentSpan) -> Self {
        Self(pack(VERBATIM, span))
    }

    pub(super) fn of_unescaped(span: DocumentSpan) -> Self {
        Self(pack(UNESCAPED, span))
    }

    pub(super) fn repr(self) -> TextRepr {
        match self.0 & KIND_MASK {
            UNESCAPED => TextRepr::Unescaped(unpack(self.0)),
            _ => TextRepr::Verbatim(unpack(self.0)),
        }
    }

    /// Its length in bytes.
    pub(super) fn len(self) -> usize {
        unpack(self.0).len()
    }
}

impl PackedNode {
    pub(super) const NULL: Self = Self(NULL);
    pub(super) const FALSE: Self = Self(FALSE);
    pub(super) const TRUE: Self = Self(TRUE);

    pub(super) fn number(span: DocumentSpan) -> Self {
        Self(pack(NUMBER, span))
    }

    pub(super) const fn string(text: PackedText) -> Self {
        Self(text.0)
    }

    /// An array with the elements at `span`.
    pub(super) fn array(span: DocumentSpan) -> Self {
        Self(pack(ARRAY, span))
    }

    /// An object with the members at `span`.
    pub(super) fn object(span: DocumentSpan) -> Self {
        Self(pack(OBJECT, span))
    }

    /// The object that is indexed at `position`.
    pub(super) fn indexed_object(position: u32) -> Self {
        Self(pack(INDEXED_OBJECT, DocumentSpan { start: position, end: position }))
    }

    pub(super) fn repr(self) -> NodeRepr {
        let span = unpack(self.0);
        match self.0 & KIND_MASK {
            FALSE => NodeRepr::Bool(false),
            TRUE => NodeRepr::Bool(true),
            NUMBER => NodeRepr::Number(span),
            VERBATIM | UNESCAPED => NodeRepr::String(PackedText(self.0)),
            ARRAY => NodeRepr::Array(span),
            OBJECT => NodeRepr::Object(span),
            INDEXED_OBJECT => NodeRepr::IndexedObject(span.start),
            _ => NodeRepr::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DocumentSpan, LONGEST_TEXT, NodeRepr, PackedNode, PackedText, TextRepr};

    fn spans() -> impl Iterator<Item = DocumentSpan> {
        let places = [0, 1, 2, 1000, LONGEST_TEXT - 1, LONGEST_TEXT];
        places
            .into_iter()
            .flat_map(move |start| places.into_iter().filter_map(move |end| DocumentSpan::new(start, end.max(start))))
    }

    #[test]
    fn what_is_packed_is_the_same_unpacked() {
        let same = |one: DocumentSpan, other: DocumentSpan| (one.start, one.end) == (other.start, other.end);
        for span in spans() {
            assert!(matches!(PackedNode::number(span).repr(), NodeRepr::Number(it) if same(it, span)));
            assert!(matches!(PackedNode::array(span).repr(), NodeRepr::Array(it) if same(it, span)));
            assert!(matches!(PackedNode::object(span).repr(), NodeRepr::Object(it) if same(it, span)));
            assert!(
                matches!(PackedNode::indexed_object(span.start).repr(), NodeRepr::IndexedObject(it) if it == span.start)
            );
            let (verbatim, unescaped) = (PackedText::of_text(span), PackedText::of_unescaped(span));
            assert!(
                matches!(verbatim.repr(), TextRepr::Verbatim(it) if same(it, span)) && verbatim.len() == span.len()
            );
            assert!(matches!(unescaped.repr(), TextRepr::Unescaped(it) if same(it, span)));
            for text in [verbatim, unescaped] {
                let NodeRepr::String(read) = PackedNode::string(text).repr() else { panic!("not a string") };
                assert_eq!(std::mem::discriminant(&read.repr()), std::mem::discriminant(&text.repr()));
                assert_eq!(read.len(), span.len());
            }
        }
        assert!(matches!(PackedNode::NULL.repr(), NodeRepr::Null));
        assert!(matches!(PackedNode::TRUE.repr(), NodeRepr::Bool(true)));
        assert!(matches!(PackedNode::FALSE.repr(), NodeRepr::Bool(false)));
    }

    #[test]
    fn a_value_is_one_word() {
        assert_eq!(size_of::<PackedNode>(), 8);
    }
}
