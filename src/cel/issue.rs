//! What is wrong with an expression.

use std::ops::Range;

/// An error in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issue {
    /// The bytes of the source that it is about.
    pub(crate) span: Range<usize>,
    /// The error.
    pub(crate) message: String,
    /// How to fix it.
    pub(crate) help: Option<String>,
    /// Whether it is that a part has no value, which counts only where the value is needed.
    pub(super) is_valueless: bool,
}

impl Issue {
    pub(super) fn new(span: &Range<usize>, message: impl Into<String>) -> Self {
        Self { span: span.clone(), message: message.into(), help: None, is_valueless: false }
    }

    /// An issue of a part that has no value.
    pub(super) fn valueless(span: &Range<usize>, message: impl Into<String>) -> Self {
        Self { is_valueless: true, ..Self::new(span, message) }
    }

    /// The same issue at another span.
    pub(super) fn at(mut self, span: &Range<usize>) -> Self {
        self.span = span.clone();
        self
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same issue, with `help` if there is any.
    pub(super) fn with_optional_help(self, help: Option<impl Into<String>>) -> Self {
        match help {
            Some(help) => self.with_help(help),
            None => self,
        }
    }
}
