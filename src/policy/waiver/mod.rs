//! Waivers: exceptions from a policy for some requests, until a day, with an owner and a ticket.

mod expiry;
mod source;

pub use expiry::Expiry;
pub use source::WaiverSource;

use super::Attributes;
use super::bindings::RequestActivation;
use super::rule_hash::RuleHash;
use super::scope::{OutOfScope, Scope};
use crate::cel::EvaluationError;
use crate::contract::Operation;
use crate::document::Document;
use std::sync::Arc;

/// A compiled waiver.
#[derive(Debug)]
pub struct Waiver {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// The name of the policy or limit.
    pub policy: Arc<str>,
    /// The owner, who can extend it.
    pub owner: Arc<str>,
    /// The ticket in which it was granted.
    pub ticket: Arc<str>,
    /// Why there is no other way.
    pub reason: Arc<str>,
    /// When it ends.
    pub expires: Expiry,
    /// The requests it applies to.
    pub scope: Scope,
    /// The hash of what decides whether it applies.
    pub hash: RuleHash,
}

/// The outcome of a waiver for a request that violates its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaiverOutcome {
    /// The request passes.
    Applies,
    /// The request would pass if the waiver had not expired.
    Expired,
    /// The match condition at this position is not true.
    NoMatch(usize),
    /// The match condition at this position could not be evaluated, so the waiver does not apply.
    Failed(usize, EvaluationError),
}

impl Waiver {
    /// Evaluates the waiver for a request to `operation`. `document` is `None` if the request has no body.
    pub fn evaluate(
        &self,
        operation: &Operation,
        document: Option<&Arc<Document>>,
        attributes: &Attributes<'_>,
    ) -> WaiverOutcome {
        let request = RequestActivation { document: document.map(AsRef::as_ref), operation, attributes };
        // Evaluated even if it has expired: an expired waiver that matches explains the refusal to its caller.
        let entered = self.scope.enter(request).map(|_| ());
        match (entered, self.expires.is_past(attributes.time)) {
            (Ok(()), false) => WaiverOutcome::Applies,
            (Ok(()), true) => WaiverOutcome::Expired,
            (Err(OutOfScope::Failed(position, error)), false) => WaiverOutcome::Failed(position, error),
            // An expired waiver applies to nothing, so an error in its condition is not worth a report.
            (Err(OutOfScope::Failed(position, _) | OutOfScope::NoMatch(position)), _) => {
                WaiverOutcome::NoMatch(position)
            }
            // Waivers have no environments of their own: their policy was already in scope.
            (Err(OutOfScope::OtherEnvironment), _) => WaiverOutcome::NoMatch(0),
        }
    }
}
