//! A bounded implementation of CEL: expressions are checked when a policy is loaded, and evaluation can neither crash the process
//! nor hold it up.
//!
//! [`syntax`] parses a source into a tree. [`check`] resolves names, folds constants, reports errors and produces a [`node::Node`].
//! [`evaluation`] walks nodes for each request.
//!
//! The language is [CEL](https://github.com/google/cel-spec/blob/master/doc/langdef.md) with its standard functions and
//! macros, without protocol buffers. It is stricter in two places: `matches()` takes a constant pattern, and `body`,
//! `request`, `client` and `instance` are not values, so that each of their members is known when a policy is loaded.

mod absence;
mod activation;
mod bindings;
mod budget;
mod check;
mod conjuncts;
mod convert;
mod display;
mod env;
mod equality;
mod error;
mod evaluation;
mod expression;
mod fold;
mod function;
mod key;
mod kind;
mod node;
mod null_trace;
mod number;
mod pattern;
mod redacted_bindings;
mod references;
mod satisfiability;
mod size;
mod source_info;
mod syntax;
mod time;
mod trace;
mod types;
mod value;
mod value_domain;

pub(super) use absence::{Absence, PartialRequest};
pub(super) use activation::Failure;
pub use activation::Unknown;
pub(super) use bindings::Request;
pub use bindings::is_credential;
pub(super) use conjuncts::conjuncts;
pub(super) use env::Env;
pub use error::EvaluationError;
pub(super) use evaluation::Evaluation;
pub(super) use expression::{Expression, KeyExpression, Purpose, Variables};
pub use key::Key;
pub(super) use null_trace::{AbsenceOutcome, UnguardedNull};
pub(super) use references::References;
pub(super) use syntax::{Issue, LONGEST};
pub use trace::{TracePart, TracedValue};

#[cfg(test)]
mod tests;
