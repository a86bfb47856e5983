//! CEL, bounded: expressions that are checked when a policy is loaded and cannot take the process down afterwards.

mod equality;
mod expression;
mod json;
mod request;
mod rewrite;
mod scope;
mod size;

pub(super) use expression::ROOTS;
pub use expression::{EvaluationError, Expression, ExpressionError};
pub(super) use request::MEMBERS;
pub(super) use scope::Scope;
