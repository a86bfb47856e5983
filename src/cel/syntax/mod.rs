//! From text to tree: CEL's grammar, bounded so that no text can take the process down.

pub(super) mod foreign;
mod literal;
mod parse;
mod token;
mod tree;

pub(super) use parse::parse;
pub(super) use token::words;
pub(super) use tree::{Comparison, Infix, Macro, Operator, Syntax, Tree};

use std::ops::Range;

/// Longest source, in bytes.
pub(crate) const LONGEST: usize = 4096;
/// Deepest tree. Whatever reads or evaluates a tree recurses on the worker's stack, so that this bounds it.
pub(super) const DEEPEST: usize = 64;

/// Something wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issue {
    /// The bytes of the source that are wrong.
    pub(crate) span: Range<usize>,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

impl Issue {
    pub(super) fn new(span: &Range<usize>, message: impl Into<String>) -> Self {
        Self { span: span.clone(), message: message.into(), help: None }
    }

    /// The same at another place.
    pub(super) fn at(mut self, span: &Range<usize>) -> Self {
        self.span = span.clone();
        self
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with how to mend it, where that is known.
    pub(super) fn with_any_help(self, help: Option<impl Into<String>>) -> Self {
        match help {
            Some(help) => self.with_help(help),
            None => self,
        }
    }
}
