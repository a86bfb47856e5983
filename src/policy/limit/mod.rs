//! Limits: how many requests may pass, in a period and at once, by a key such as the client.
//!
//! Evaluating a limit is pure: it returns the key to count by. The gateway counts, and reads the clock.

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

/// A compiled limit.
#[derive(Debug)]
pub struct Limit {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// The `owner` label.
    pub owner: Option<Arc<str>>,
    /// What happens to a request that exceeds it.
    pub action: Action,
    /// The requests it counts.
    pub scope: Scope,
    /// What it counts them by. `None` counts all of them together.
    pub(in crate::policy) key: Option<KeyExpression>,
    /// How many may pass in a period, if that is limited.
    pub rate: Option<Rate>,
    /// How many may be in flight at once, if that is limited.
    pub in_flight: Option<u32>,
    /// The message for a caller that exceeds it.
    pub message: Arc<str>,
    /// What the caller can do about it.
    pub hint: Option<Arc<str>>,
    /// The parts of the body that its conditions and its key read.
    pub(super) reads: Reads,
    /// Equal for limits whose counters mean the same, by which counters survive a reload.
    pub identity: u64,
}

/// How many requests may pass in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests that may pass within any period.
    pub events: u32,
    /// Length of the window in which `events` are counted.
    pub period: Duration,
    /// The period, verbatim.
    pub written: Arc<str>,
}

/// The outcome of one limit for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitOutcome {
    /// The limit does not count the request.
    NotCounted(OutOfScope),
    /// The limit counts the request under this key.
    Counted(Key),
    /// The key could not be evaluated.
    Failed(EvaluationError),
}

impl Limit {
    /// Evaluates the limit for a request to `operation`. `document` is `None` if the request has no body.
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
        // Without a key all requests share one counter, under the key that `null` has.
        match self.key.as_ref().map_or(Ok(Key::Null), |key| key.evaluate(&mut evaluation)) {
            Ok(key) => LimitOutcome::Counted(key),
            Err(error) => LimitOutcome::Failed(error),
        }
    }
}
