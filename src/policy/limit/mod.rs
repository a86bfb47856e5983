//! Limits: how many requests may pass, by who sends them. What a limit says of one request is pure; who counts, and knows
//! the time, is the gateway.

mod source;

pub(super) use source::LimitSpec;
pub use source::RequestLimit;

use super::bindings::RequestActivation;
use super::scope::{OutOfScope, Scope};
use super::{Action, Attributes, Reads};
use crate::cel::{EvaluationError, Key, KeyExpression};
use crate::contract::Operation;
use crate::document::Document;
use std::sync::Arc;
use std::time::Duration;

/// A limit, ready to judge by.
#[derive(Debug)]
pub struct Limit {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// The `owner` label.
    pub owner: Option<Arc<str>>,
    /// What happens to a request above it.
    pub action: Action,
    /// Which requests it counts.
    pub scope: Scope,
    /// What it counts them by; together where absent.
    pub(in crate::policy) key: Option<KeyExpression>,
    /// How many may pass in a period.
    pub rate: Option<Rate>,
    /// How many may be under way at once.
    pub in_flight: Option<u32>,
    /// What to tell a caller above it.
    pub message: Arc<str>,
    /// What the caller can do about it.
    pub hint: Option<Arc<str>>,
    /// What of the body its conditions and its key read.
    pub(super) reads: Reads,
    /// Equal for limits whose counts mean the same.
    pub identity: u64,
}

/// How many requests may pass in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests that may pass within any period.
    pub events: u32,
    /// The period.
    pub period: Duration,
    /// The period as it was written.
    pub written: Arc<str>,
}

/// What one limit says of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitOutcome {
    /// It does not count it.
    NotCounted(OutOfScope),
    /// It counts it under this key.
    Counted(Key),
    /// Its key could not be evaluated.
    Failed(EvaluationError),
}

impl Limit {
    /// What the limit says of a request to `operation`; `document` is its body, none where it has none.
    pub fn evaluate(
        &self,
        operation: &Operation,
        document: Option<&Arc<Document>>,
        attributes: &Attributes<'_>,
    ) -> LimitOutcome {
        let request = RequestActivation { document: document.map(AsRef::as_ref), operation, attributes };
        let mut evaluation = match self.scope.enter(request) {
            Ok(evaluation) => evaluation,
            Err(outside) => return LimitOutcome::NotCounted(outside),
        };
        match self.key.as_ref().map_or(Ok(Key::Null), |key| key.evaluate(&mut evaluation)) {
            Ok(key) => LimitOutcome::Counted(key),
            Err(error) => LimitOutcome::Failed(error),
        }
    }
}
