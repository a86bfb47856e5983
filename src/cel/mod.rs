//! A bounded implementation of CEL. Expressions are checked when a policy is loaded; evaluation can neither crash the process nor
//! hold it up.
//!
//! [`syntax`] parses a source into a tree. [`check`] resolves names, folds constants, reports errors and produces a [`node::Node`].
//! [`evaluation`] walks nodes for each request.
//!
//! This module knows nothing of the host. A host states the names that expressions may use ([`declarations`]) and provides the values
//! of a request ([`activation`]); `crate::policy::bindings` does so for requests to Clerk's Backend API. No file here imports another
//! in a circle, and none imports a module of this crate but `crate::suggest`: a test holds both.
//!
//! The language is [CEL](https://github.com/google/cel-spec/blob/master/doc/langdef.md) with its standard functions and
//! macros, without protocol buffers. It is stricter in two places: `matches()` takes a constant pattern, and the roots of the host
//! are not values, so that each of their members is known when a policy is loaded.

mod abstraction;
mod activation;
mod assumptions;
mod budget;
mod canonical;
mod check;
mod compile;
mod conjuncts;
mod convert;
mod declarations;
mod display;
mod enumeration;
mod env;
mod equality;
mod error;
mod evaluation;
mod expression;
mod failed_part;
mod failure_plan;
mod finder;
mod fold;
mod formula;
mod function;
mod ids;
mod issue;
mod key;
mod kind;
mod library;
mod lookups;
mod member_reads;
mod mutations;
mod node;
mod null_trace;
mod number;
mod partiality;
mod pattern;
mod references;
mod satisfiability;
mod schema;
mod scopes;
mod signature;
mod size;
mod source_info;
mod syntax;
mod time;
mod timestamp;
mod trace;
mod tracer;
mod types;
mod unknown;
mod value;
mod value_domain;

pub(crate) use activation::{Activation, Container, Value};
pub(crate) use assumptions::{Assumptions, Literals, OpenChoice};
pub(crate) use budget::Budget;
pub(crate) use compile::Purpose;
pub(crate) use conjuncts::conjuncts;
pub(crate) use declarations::{Declarations, Format, Objection, Rejection, Root, RootMember};
pub(crate) use enumeration::{Combination, Enumeration, Predicate};
pub(crate) use env::Env;
pub use error::EvaluationError;
pub(crate) use evaluation::Evaluation;
pub(crate) use expression::{Expression, ValueExpression, Variables};
pub(crate) use failure_plan::{FailurePlan, PartFailure};
pub(crate) use ids::{AttributeId, NamespaceId};
pub(crate) use issue::Issue;
pub use key::Key;
pub(crate) use kind::Kinds;
pub(crate) use lookups::Lookups;
pub(crate) use member_reads::{MemberRead, MemberReads};
pub(crate) use mutations::mutations;
pub(crate) use null_trace::{AbsenceOutcome, UnguardedNull};
pub(crate) use number::parse as parse_number;
pub(crate) use references::References;
pub(crate) use schema::ValueSchema;
pub(crate) use syntax::MAX_SOURCE_LEN;
pub(crate) use timestamp::CelTimestamp;
pub(crate) use trace::{Disclosure, DisclosureLevel};
pub use trace::{TracePart, TracedValue};
pub(crate) use types::Type;
pub(crate) use unknown::EvaluationFailure;
pub use unknown::Unknown;
pub(crate) use value_domain::Atom;

/// Parses `source` without checking it.
///
/// # Errors
///
/// The first syntax error.
#[cfg(test)]
pub(crate) fn parse(source: &str) -> Result<(), Issue> {
    syntax::parse(source).map(drop)
}

/// The tokens of `source`, verbatim: all of it but blanks and comments.
pub(crate) fn words(source: &str) -> Vec<&str> {
    syntax::words(source)
}

/// What the functions called `name` take and give, each with what it takes first. A name of a library is in full: `math.abs`.
pub(crate) fn signatures(name: &str) -> Vec<(Kinds, String)> {
    let known = function::FUNCTIONS.iter().filter(|known| known.name == name);
    known.map(|known| (known.takes(0).unwrap_or(Kinds::NONE), known.notation())).collect()
}

/// The names of functions, those of libraries in full.
#[cfg(test)]
pub(crate) fn function_names() -> Vec<&'static str> {
    function::FUNCTIONS.iter().map(|known| known.name).collect()
}
