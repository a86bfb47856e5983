//! Strict JSON: a [`Document`] has one meaning for every decoder that reads the same bytes.
//!
//! RFC 8259, UTF-8 without byte order mark, one value, at most [`MAX_DEPTH`] levels, no name twice in an object (compared
//! after unescaping), no lone surrogates. Numbers keep every digit. JSON Schema and CEL read a document through
//! [`View`] only.

mod compact_size;
mod error;
mod names;
mod node;
mod packed;
mod parse;
mod place;
mod quoted;
mod scan;
mod unescape;
mod view;

pub use compact_size::CompactSize;
pub use error::{ParseError, PathStep, Problem};
pub use node::{Document, Members, NodeRef};
pub use quoted::{quoted_size, write_quoted};
pub use view::{JsonKind, View};

/// Deepest nesting of arrays and objects. Below the limits of other decoders, such as 128 of `serde_json` and 10,000 of Go, so
/// that whatever passes here is readable there.
pub const MAX_DEPTH: usize = 64;
