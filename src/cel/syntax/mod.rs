//! Parses CEL source into a tree. Length, recursion and depth are bounded, so that no source can exhaust the stack.

mod calls;
pub(super) mod foreign;
mod keyword;
mod literal;
mod operator;
mod parse;
mod token;
mod tree;

pub(super) use operator::{Comparison, Infix, Macro, Operator};
pub(crate) use parse::MAX_SOURCE_LEN;
pub(super) use parse::{MAX_DEPTH, parse};
pub(super) use token::words;
pub(super) use tree::{Syntax, Tree};
