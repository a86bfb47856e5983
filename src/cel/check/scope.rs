//! The names that macros and `cel.bind` bring into scope.

use super::checked::Checked;
use super::checker::Checker;
use super::local::Local;
use crate::cel::issue::Issue;
use std::ops::Range;

/// Deepest nesting of loops: each multiplies the cost by the length of a list.
const DEEPEST: usize = 2;
/// Most names in scope.
const MOST: usize = 8;

impl<'c> Checker<'_, 'c> {
    /// The value of the name in scope called `name`, and its position from the outermost.
    pub(super) fn local(&self, name: &str) -> Option<(usize, &Local<'c>)> {
        self.locals.iter().enumerate().rev().find(|(_, local)| *local.name == *name)
    }

    /// Brings a name into scope and returns its position; what is wrong with that is reported.
    pub(super) fn enter_scope(&mut self, local: Local<'c>, at: &Range<usize>) -> Option<usize> {
        // hiding a root would be legal CEL, and is a trap for the reader
        if self.env.is_root(&local.name) {
            let message = format!("`{}` is the name of something else", local.name);
            self.issues.push(Issue::new(at, message).with_help("give the variable another name"));
        }
        let depth = self.locals.len();
        if depth == MOST {
            self.issues.push(Issue::new(at, format!("more than {MOST} names inside each other")));
            return None;
        }
        self.locals.push(local);
        Some(depth)
    }

    /// Reports a loop inside of too many others.
    pub(super) fn check_loops(&mut self, at: &Range<usize>) -> Result<(), Checked<'c>> {
        if self.locals.iter().filter(|local| local.is_loop).count() < DEEPEST {
            return Ok(());
        }
        let message = format!("more than {DEEPEST} of `all`, `exists`, `map` and `filter` inside each other");
        Err(self.reject(Issue::new(at, message)))
    }
}
