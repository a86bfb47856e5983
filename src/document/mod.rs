//! Strict JSON: what a [`Document`] accepts has one meaning for every decoder that reads the same bytes.
//!
//! RFC 8259, UTF-8 without byte order mark, one value, at most [`MAX_DEPTH`] levels, no name twice in an object (compared
//! after unescaping), no lone surrogates. Numbers keep every digit. Whoever looks at a document (JSON Schema, CEL) does
//! so through [`View`] only.

mod error;
mod node;
mod parse;
mod quoted;
mod view;

pub use error::{ParseError, PathStep, Problem};
pub use node::{Document, NodeRef};
pub use quoted::quoted_size;
pub use view::{JsonKind, View};

/// Deepest nesting of arrays and objects that is read. `serde_json` itself stops at 128, Go's decoder at 10,000.
pub const MAX_DEPTH: usize = 64;
