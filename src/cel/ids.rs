//! Ids of what the host declares.
//!
//! A node holds an id of one byte, not a name, so that a host reads an attribute without comparing texts.

/// An attribute: a single value that each request has, such as `request.method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AttributeId(pub(crate) u8);

/// A namespace: a set of named values that differs from request to request, such as `request.headers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NamespaceId(pub(crate) u8);
