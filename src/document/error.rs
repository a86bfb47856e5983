//! Why bytes are not a document, without any of them.

use std::fmt;

/// One step from a value towards one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// Into the member of this name. The name came from the request: see [`crate::judge::violation::Field`].
    Member(String),
    /// Into the element at this position.
    Element(usize),
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The bytes are not UTF-8, or start with a byte order mark.
    Encoding,
    /// The text breaks the grammar of RFC 8259, or more than one value is there.
    Syntax,
    /// Arrays and objects nest deeper than [`super::MAX_DEPTH`].
    TooDeep,
    /// The object at this place has a name twice.
    DuplicateName(Vec<PathStep>),
}

/// Why bytes are not a document: what is wrong and where, and nothing of the bytes themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub problem: Problem,
    /// One-based line; 0 where the place is not known.
    pub line: usize,
    /// One-based column in bytes; 0 where the place is not known.
    pub column: usize,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.problem {
            Problem::Encoding => "the body is not UTF-8 without a byte order mark",
            Problem::Syntax => "the body is not one JSON value",
            Problem::TooDeep => "the body nests deeper than 64 levels",
            Problem::DuplicateName(_) => "the body has a name twice in one object",
        };
        f.write_str(what)?;
        if self.line > 0 { write!(f, " (line {}, column {})", self.line, self.column) } else { Ok(()) }
    }
}

impl std::error::Error for ParseError {}
