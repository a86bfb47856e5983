//! Why bytes are not a document, without quoting any of them.

use std::fmt;

/// One step of a path into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// To the member of this name. The name comes from the request: see [`crate::judge::violation::Field`].
    Member(String),
    /// To the element at this position.
    Element(usize),
}

/// The kind of a parse error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The bytes are not UTF-8, or start with a byte order mark.
    Encoding,
    /// The text does not match the grammar of RFC 8259, or has more than one value.
    Syntax,
    /// A text has one half of a surrogate pair as an escape (RFC 8259 section 8.2).
    HalfSurrogate,
    /// Arrays and objects nest deeper than [`super::MAX_DEPTH`].
    TooDeep,
    /// The object at this path has a name twice.
    DuplicateName(Vec<PathStep>),
}

/// Why bytes are not a document. It never quotes them, apart from the names on the path of a [`Problem::DuplicateName`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The kind of the error.
    pub problem: Problem,
    /// One-based line; 0 if the place is not known.
    pub line: usize,
    /// One-based column in bytes; 0 if the place is not known.
    pub column: usize,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // never `serde_json`'s message: it can quote the body
        let what = match self.problem {
            Problem::Encoding => "the body is not UTF-8 without a byte order mark",
            Problem::Syntax => "the body is not one JSON value",
            Problem::HalfSurrogate => {
                "the body has one half of a surrogate pair, a text cut inside a character such as an emoji"
            }
            Problem::TooDeep => "the body nests deeper than 64 levels",
            Problem::DuplicateName(_) => "the body has a name twice in one object",
        };
        f.write_str(what)?;
        if self.line > 0 { write!(f, " (line {}, column {})", self.line, self.column) } else { Ok(()) }
    }
}

impl std::error::Error for ParseError {}
