//! What one policy says of one request.

use super::cel::{EvaluationError, Expression, Failure, Part, Request};
use super::{Attributes, Policy};
use crate::contract::Operation;
use crate::document::{Document, NodeRef};
use std::sync::Arc;

/// What one policy says of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is not for requests of this environment.
    OtherEnvironment,
    /// The match condition at this position is not true.
    NoMatch(usize),
    /// All its validations are true.
    Holds,
    /// The validations at these positions are not true, or could not be evaluated.
    Violated(Vec<(usize, Option<EvaluationError>)>),
    /// The match condition at this position could not be evaluated.
    Failed(usize, EvaluationError),
}

impl Policy {
    /// Evaluates the policy for a request to `operation`; `document` is its body, none where it has none.
    pub fn evaluate(
        &self,
        operation: &Operation,
        document: Option<&Arc<Document>>,
        attributes: &Attributes<'_>,
    ) -> Outcome {
        let request = Request { document: document.map(AsRef::as_ref), operation, attributes };
        let mut evaluation = self.variables.evaluation::<NodeRef<'_>>(request);
        self.outcome(attributes, |expression| expression.is_true(&mut evaluation).map_err(Failure::error))
    }

    /// The same, with the record of every condition and validation that was evaluated, in that order.
    pub fn evaluate_recorded(
        &self,
        operation: &Operation,
        document: Option<&Arc<Document>>,
        attributes: &Attributes<'_>,
    ) -> (Outcome, Vec<Part>) {
        let request = Request { document: document.map(AsRef::as_ref), operation, attributes };
        let mut evaluation = self.variables.recorded_evaluation(request);
        let mut parts = Vec::new();
        let outcome = self.outcome(attributes, |expression| {
            let (truth, part) = expression.is_true_recorded(&mut evaluation);
            parts.push(part);
            truth
        });
        (outcome, parts)
    }

    fn outcome<'a>(
        &'a self,
        attributes: &Attributes<'_>,
        mut is_true: impl FnMut(&'a Expression) -> Result<bool, EvaluationError>,
    ) -> Outcome {
        if !self.environments.is_empty() && !self.environments.contains(&attributes.environment) {
            return Outcome::OtherEnvironment;
        }
        for (position, (_, condition)) in self.conditions.iter().enumerate() {
            match is_true(condition) {
                Ok(true) => {}
                Ok(false) => return Outcome::NoMatch(position),
                Err(error) => return Outcome::Failed(position, error),
            }
        }
        let violated = self.validations.iter().enumerate().filter_map(|(position, validation)| {
            match is_true(&validation.expression) {
                Ok(true) => None,
                Ok(false) => Some((position, None)),
                Err(error) => Some((position, Some(error))),
            }
        });
        let violated: Vec<_> = violated.collect();
        if violated.is_empty() { Outcome::Holds } else { Outcome::Violated(violated) }
    }

    /// How many match conditions it has.
    pub fn conditions(&self) -> usize {
        self.conditions.len()
    }

    /// What the match condition at `position` is whatever the request; none where the request decides.
    pub fn constant_condition(&self, position: usize) -> Option<bool> {
        self.conditions.get(position).and_then(|(_, condition)| condition.constant())
    }

    /// What the validation at `position` is whatever the request; none where the request decides.
    pub fn constant_validation(&self, position: usize) -> Option<bool> {
        self.validations.get(position).and_then(|validation| validation.expression.constant())
    }

    /// The name of the match condition at `position`.
    pub fn condition(&self, position: usize) -> &str {
        self.conditions.get(position).map_or("", |(name, _)| name)
    }

    /// The match condition at `position` as it was written.
    pub fn condition_source(&self, position: usize) -> &str {
        self.conditions.get(position).map_or("", |(_, condition)| condition.source())
    }
}
