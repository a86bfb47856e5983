//! Evaluates one policy for one request.

use super::bindings::{RequestActivation, RequestDisclosure};
use super::replay::PolicyPart;
use super::scope::OutOfScope;
use super::{Attributes, Policy};
use crate::cel::{EvaluationError, EvaluationFailure, Expression, TracePart};
use crate::contract::Operation;
use crate::contract::finding::SchemaFinding;
use crate::document::{Document, NodeRef};
use std::sync::Arc;

/// The outcome of one policy for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyOutcome {
    /// It is not for requests of this environment.
    OtherEnvironment,
    /// The match condition at this position is not true.
    NoMatch(usize),
    /// All its validations are true.
    Holds,
    /// The validations at these positions are not true, or could not be evaluated.
    Violated(Vec<(usize, Option<EvaluationError>)>),
    /// The body does not match its schema. The validations at these positions are also not true, or could not be evaluated.
    SchemaViolated(Vec<SchemaFinding>, Vec<(usize, Option<EvaluationError>)>),
    /// The match condition at this position could not be evaluated.
    Failed(usize, EvaluationError),
}

impl Policy {
    /// Evaluates the policy for a request to `operation`. `document` is `None` if the request has no body.
    pub fn evaluate(
        &self,
        operation: &Operation,
        document: Option<&Arc<Document>>,
        attributes: &Attributes<'_>,
    ) -> PolicyOutcome {
        let request = RequestActivation { document: document.map(AsRef::as_ref), operation, attributes };
        let mut evaluation = self.scope.variables.evaluation::<NodeRef<'_>>(request);
        self.outcome(request, |expression| expression.is_true(&mut evaluation).map_err(EvaluationFailure::error))
    }

    /// As [`Self::evaluate`], with the trace of every condition and validation that was evaluated, in that order.
    pub fn evaluate_recorded(
        &self,
        operation: &Operation,
        document: Option<&Arc<Document>>,
        attributes: &Attributes<'_>,
    ) -> (PolicyOutcome, Vec<TracePart>) {
        let request = RequestActivation { document: document.map(AsRef::as_ref), operation, attributes };
        let mut evaluation =
            self.scope.variables.traced_evaluation::<NodeRef<'_>, _>(request, RequestDisclosure::new(operation));
        let mut parts = Vec::new();
        let outcome = self.outcome(request, |expression| {
            let (truth, part) = expression.is_true_traced(&mut evaluation);
            parts.push(part);
            truth
        });
        (outcome, parts)
    }

    /// The source of the smallest part of its condition or validation `part` that has no value for a request to `operation`. `None` if
    /// it has one.
    pub fn failed_part<'a>(
        &'a self,
        part: PolicyPart,
        operation: &'a Operation,
        document: Option<&'a Arc<Document>>,
        attributes: &'a Attributes<'a>,
    ) -> Option<&'a str> {
        let expression = match part {
            PolicyPart::Condition(position) => self.scope.conditions.get(position).map(|(_, condition)| condition)?,
            PolicyPart::Validation(position) => &self.validations.get(position)?.expression,
            PolicyPart::Schema | PolicyPart::Waiver(_) => return None,
        };
        let request = RequestActivation { document: document.map(AsRef::as_ref), operation, attributes };
        expression.failed_part::<NodeRef<'_>>(&self.scope.variables, request)
    }

    fn outcome<'a>(
        &'a self,
        request: RequestActivation<'a>,
        mut is_true: impl FnMut(&'a Expression) -> Result<bool, EvaluationError>,
    ) -> PolicyOutcome {
        match self.scope.check(request, &mut is_true) {
            Ok(()) => {}
            Err(OutOfScope::OtherEnvironment) => return PolicyOutcome::OtherEnvironment,
            Err(OutOfScope::NoMatch(position)) => return PolicyOutcome::NoMatch(position),
            Err(OutOfScope::Failed(position, error)) => return PolicyOutcome::Failed(position, error),
        }
        // All validations, not only the first that is false: the caller learns everything to change at once.
        let violated = self.validations.iter().enumerate().filter_map(|(position, validation)| {
            match is_true(&validation.expression) {
                Ok(true) => None,
                Ok(false) => Some((position, None)),
                Err(error) => Some((position, Some(error))),
            }
        });
        let violated: Vec<_> = violated.collect();
        // The judge reports these before the validations: a body of another shape explains why those fail.
        let findings = match (&self.schema, request.document) {
            (Some(schema), document) => schema.findings(request.operation, document),
            (None, _) => Vec::new(),
        };
        match (findings.is_empty(), violated.is_empty()) {
            (true, true) => PolicyOutcome::Holds,
            (true, false) => PolicyOutcome::Violated(violated),
            (false, _) => PolicyOutcome::SchemaViolated(findings, violated),
        }
    }

    /// Whether it has a schema.
    pub const fn has_schema(&self) -> bool {
        self.schema.is_some()
    }

    /// The value of the validation at `position` if it is constant. `None` if the request decides.
    pub fn constant_validation(&self, position: usize) -> Option<bool> {
        self.validations.get(position).and_then(|validation| validation.expression.constant())
    }
}
