//! Waivers: someone answers for it that a policy does not hold for some requests, until a day.

mod expiry;
mod source;

pub use expiry::Expiry;
pub use source::WaiverSource;

use super::Attributes;
use super::bindings::RequestActivation;
use super::scope::{OutOfScope, Scope};
use crate::cel::EvaluationError;
use crate::contract::Operation;
use crate::document::Document;
use std::sync::Arc;

/// A waiver, ready to judge by.
#[derive(Debug)]
pub struct Waiver {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// The name of the policy.
    pub policy: Arc<str>,
    /// Who answers for it.
    pub owner: Arc<str>,
    /// Where it was granted.
    pub ticket: Arc<str>,
    /// Why there is no other way.
    pub reason: Arc<str>,
    /// When it ends.
    pub expires: Expiry,
    /// Which requests it is for.
    pub scope: Scope,
}

/// What a waiver is to a request that its policy would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaiverOutcome {
    /// The request passes.
    Applies,
    /// The request would pass if the waiver were not over.
    Expired,
    /// The match condition at this position is not true.
    NoMatch(usize),
    /// The match condition at this position could not be evaluated, so the waiver does not apply.
    Failed(usize, EvaluationError),
}

impl Waiver {
    /// What the waiver is to a request to `operation`; `document` is its body, none where it has none.
    pub fn evaluate(
        &self,
        operation: &Operation,
        document: Option<&Arc<Document>>,
        attributes: &Attributes<'_>,
    ) -> WaiverOutcome {
        let request = RequestActivation { document: document.map(AsRef::as_ref), operation, attributes };
        let entered = self.scope.enter(request).map(|_| ());
        match (entered, self.expires.is_past(attributes.time)) {
            (Ok(()), false) => WaiverOutcome::Applies,
            (Ok(()), true) => WaiverOutcome::Expired,
            (Err(OutOfScope::Failed(position, error)), false) => WaiverOutcome::Failed(position, error),
            // what is over need not be mended
            (Err(OutOfScope::Failed(position, _) | OutOfScope::NoMatch(position)), _) => {
                WaiverOutcome::NoMatch(position)
            }
            (Err(OutOfScope::OtherEnvironment), _) => WaiverOutcome::NoMatch(0),
        }
    }
}
