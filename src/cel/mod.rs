//! CEL, bounded: expressions that are proven sound when a policy is loaded, and cannot take the process down or hold it up
//! afterwards.
//!
//! A text becomes a tree ([`syntax`]), the tree a [`node::Node`] in which every name is resolved and every constant folded
//! ([`lower`], which is where mistakes are found), and nodes are what [`evaluation`] walks over for each request.
//!
//! The language is [CEL](https://github.com/google/cel-spec/blob/master/doc/langdef.md) with its standard functions and
//! macros, without protocol buffers. What differs is on the safe side: a `matches()` takes a constant pattern, and `body`,
//! `request`, `client` and `instance` are no values, so that each of their members is known when a policy is loaded.

mod blame;
mod budget;
mod convert;
mod decided;
mod domain;
mod equality;
mod error;
mod evaluation;
mod expression;
mod fold;
mod function;
mod key;
mod kind;
mod lacking;
mod lower;
mod mentions;
mod names;
mod node;
mod number;
mod outline;
mod pattern;
mod places;
mod record;
mod recorder;
mod sight;
mod size;
mod syntax;
mod terms;
mod time;
mod types;
mod value;
mod written;

pub(super) use blame::{Unguarded, Without};
pub use error::EvaluationError;
pub(super) use evaluation::Evaluation;
pub(super) use expression::{Expression, KeyExpression, Purpose, Variables};
pub use key::Key;
pub(super) use lacking::{Lack, Lacking};
pub(super) use mentions::Mentions;
pub(super) use names::Names;
pub(super) use record::Request;
pub use record::is_credential;
pub use recorder::{Part, Seen};
pub(super) use sight::Failure;
pub use sight::Hidden;
pub(super) use syntax::{LONGEST, Mistake};
pub(super) use terms::terms;

#[cfg(test)]
mod tests;
