//! Limits: how many requests may pass, in a period and at once, by a key such as the client.
//!
//! Evaluating a limit is pure: it returns the key to count by. The gateway counts, and reads the clock.

mod source;
mod window;

pub(super) use source::LimitSpec;
pub use source::RequestLimit;
pub(crate) use window::{Pace, Window, whole_seconds};

use super::bindings::RequestActivation;
use super::scope::{OutOfScope, Scope};
use super::{Action, Attributes, Reads, Waiver};
use crate::cel::{EvaluationError, Key, ValueExpression};
use crate::contract::Operation;
use crate::document::{Document, NodeRef};
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
    pub(in crate::policy) key: Option<ValueExpression>,
    /// What it counts each of them as. `None` counts each as 1.
    pub(in crate::policy) cost: Option<ValueExpression>,
    /// How many may pass in a period, if that is limited.
    pub rate: Option<Rate>,
    /// How many may be in flight at once, if that is limited.
    pub in_flight: Option<u32>,
    /// The message for a caller that exceeds it.
    pub message: Arc<str>,
    /// What the caller can do about it.
    pub hint: Option<Arc<str>>,
    /// The parts of the body that its conditions, its key and its cost read.
    pub(super) reads: Reads,
    /// The waivers for it, in the order of the files.
    pub waivers: Vec<Arc<Waiver>>,
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
    /// The limit counts the request.
    Counted {
        /// What it is counted by.
        key: Key,
        /// What it is counted as: 1, or more.
        cost: u32,
    },
    /// This part could not be evaluated.
    Failed(LimitPart, EvaluationError),
}

/// An expression of a limit that is evaluated for each request it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitPart {
    /// What requests are counted by.
    Key,
    /// What a request is counted as.
    Cost,
}

impl Limit {
    /// The source of the smallest part without a value of the expression that failed, if one did.
    pub(crate) fn failed_part<'a>(
        &'a self,
        outcome: &LimitOutcome,
        operation: &'a Operation,
        document: Option<&'a Arc<Document>>,
        attributes: &'a Attributes<'a>,
    ) -> Option<&'a str> {
        let request = RequestActivation { document: document.map(AsRef::as_ref), operation, attributes };
        let variables = &self.scope.variables;
        match outcome {
            LimitOutcome::NotCounted(OutOfScope::Failed(position, _)) => {
                self.scope.conditions.get(*position)?.1.failed_part::<NodeRef<'_>>(variables, request)
            }
            LimitOutcome::Failed(LimitPart::Key, _) => {
                self.key.as_ref()?.failed_part::<NodeRef<'_>>(variables, request)
            }
            LimitOutcome::Failed(LimitPart::Cost, _) => {
                self.cost.as_ref()?.failed_part::<NodeRef<'_>>(variables, request)
            }
            LimitOutcome::Counted { .. } | LimitOutcome::NotCounted(_) => None,
        }
    }
}

impl LimitPart {
    /// Its name in `spec`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Cost => "cost",
        }
    }
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
        let key = match self.key.as_ref().map_or(Ok(Key::Null), |key| key.key(&mut evaluation)) {
            Ok(key) => key,
            Err(error) => return LimitOutcome::Failed(LimitPart::Key, error),
        };
        match self.cost.as_ref().map_or(Ok(1), |cost| cost.integer(&mut evaluation)) {
            // below 1 is 1: a caller that makes its own request count for nothing, or less, would have no limit
            Ok(cost) => LimitOutcome::Counted { key, cost: u32::try_from(cost.max(1)).unwrap_or(u32::MAX) },
            Err(error) => LimitOutcome::Failed(LimitPart::Cost, error),
        }
    }

    /// The same limit with these waivers.
    #[must_use]
    pub fn with_waivers(self, waivers: Vec<Arc<Waiver>>) -> Self {
        Self { waivers, ..self }
    }

    /// Its scope, and those of its waivers.
    pub(super) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        std::iter::once(&self.scope).chain(self.waivers.iter().map(|waiver| &waiver.scope))
    }

    /// The expression of its cost, verbatim.
    pub fn cost(&self) -> Option<&str> {
        self.cost.as_ref().map(ValueExpression::source)
    }
}
