//! The one window through which JSON Schema and CEL look at a document, so that its representation can change without them.

/// What a JSON value is, with the value itself where it is a scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum JsonKind<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number with every digit that was written; only an exponent without a sign gains its `+`.
    Number(&'a str),
    /// A string, unescaped.
    String(&'a str),
    /// An array; its elements are reached by position.
    Array,
    /// An object; its members are reached by name or position.
    Object,
}

/// One JSON value in a document. Copying it copies a reference.
#[expect(clippy::len_without_is_empty, reason = "nobody asks a value whether it is empty")]
pub trait View<'a>: Copy {
    /// What the value is.
    fn kind(self) -> JsonKind<'a>;
    /// How many elements or members it has; 0 for scalars.
    fn len(self) -> usize;
    /// The element, or the value of the member, at `position` in document order.
    fn child(self, position: usize) -> Option<Self>;
    /// The name of the member at `position` in document order.
    fn name(self, position: usize) -> Option<&'a str>;
    /// The value of the member called `name`.
    fn member(self, name: &str) -> Option<Self>;
    /// A number that no other value of the same document has.
    fn identity(self) -> usize;
}
