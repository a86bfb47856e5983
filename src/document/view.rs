//! The interface through which JSON Schema and CEL read a document, so that its representation can change without them.

/// The type of a JSON value; for scalars with the value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum JsonKind<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, verbatim.
    Number(&'a str),
    /// A string, unescaped.
    String(&'a str),
    /// An array; its elements are reached by position.
    Array,
    /// An object; its members are reached by name or position.
    Object,
}

/// One JSON value in a document. Cheap to copy: it is a reference.
#[expect(clippy::len_without_is_empty, reason = "it would have no caller")]
// `Copy` and by value: a node is a reference and an index, and passing it costs no indirection
pub trait View<'a>: Copy {
    /// The names and values of an object.
    type Members: Iterator<Item = (&'a str, Self)>;

    /// The type of the value.
    fn kind(self) -> JsonKind<'a>;
    /// The number of its elements or members; 0 for scalars.
    fn len(self) -> usize;
    /// The element, or the value of the member, at `position` in document order.
    fn child(self, position: usize) -> Option<Self>;
    /// The name of the member at `position` in document order.
    fn name(self, position: usize) -> Option<&'a str>;
    /// The names and values of its members in document order. None if it is no object.
    fn members(self) -> Self::Members;
    /// The value of the member called `name`.
    fn member(self, name: &str) -> Option<Self>;
    /// A number that is unique among the values of the document.
    fn identity(self) -> usize;
}
