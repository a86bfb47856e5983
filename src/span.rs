//! Places in a source text, and what is wrong there: the one shape of every configuration and policy error.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Something wrong in a file that a person wrote: where, what, and how to mend it.
///
/// `Display` gives one line (`file:line:column: message`); [`Diagnostic::render`] adds the snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as the person named it.
    pub file: PathBuf,
    /// The bytes of `source` that are wrong; none where the whole file is.
    pub span: Option<Range<usize>>,
    /// What is wrong: lower case, no full stop, the field in backticks.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A problem with the file as a whole, such as one that cannot be read.
    pub fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), span: None, message: message.into(), help: None }
    }

    /// A problem with the bytes `span` of the file.
    pub fn at(file: &Path, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), span: Some(span), message: message.into(), help: None }
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// One-based line and column (in characters) of the byte `offset` in `source`.
pub fn line_and_column(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.message)
    }
}
