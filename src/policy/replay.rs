//! Judging by a record: what policies say of a request of which only types and sizes were kept.

use super::{Instance, Policy, Waiver};
use crate::cel::{EvaluationError, EvaluationFailure, Unknown};
use crate::contract::credential::Environment;
use crate::contract::field_tree::FieldTree;
use crate::peer::Client;
use std::time::SystemTime;

/// What a record kept of one value of a body.
#[derive(Clone, Debug)]
pub enum RecordedValue<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A string of which the text was recorded: a member of an enumeration.
    Text(&'a str),
    /// A value that is there and cannot be seen.
    Unknown(Unknown),
    /// A list.
    Array {
        /// How many elements it has.
        size: usize,
        /// How many bytes it takes as compact JSON, where that was kept.
        bytes: Option<usize>,
        /// The first of them.
        elements: Box<[Self]>,
    },
    /// A JSON object, as far as the record has its members.
    Object {
        /// How many bytes it takes as compact JSON, where that was kept.
        bytes: Option<usize>,
        /// Members whose names were kept, in the order in which they came.
        members: Box<[(&'a str, Self)]>,
        /// How many members it has besides.
        others: usize,
        /// What the contract declares for it, where that is known: members of these names were kept if they were there.
        declared: Option<&'a FieldTree>,
    },
}

/// What a record kept of a request.
#[derive(Clone, Debug)]
pub struct RecordedRequest<'a> {
    /// The contract's id of the operation.
    pub operation: &'a str,
    /// The API version by which it was judged.
    pub api_version: &'a str,
    /// The method, where it was kept.
    pub method: Option<&'a str>,
    /// The environment by which it was judged.
    pub environment: Environment,
    /// The keyed fingerprint of its credential.
    pub key_fingerprint: Option<&'a str>,
    /// When it came, where that was kept.
    pub time: Option<SystemTime>,
    /// The gateway that judged it, where that was kept.
    pub instance: Option<Instance>,
    /// Who sent it.
    pub client: Client,
    /// The headers of which it is known whether they were there, in lower case.
    pub headers: Vec<(&'a str, Option<Unknown>)>,
    /// The path's parameters, all of them.
    pub parameters: Vec<(&'a str, Unknown)>,
    /// The parameters of its query of which it is known whether they were there.
    pub query: Vec<(&'a str, Option<Unknown>)>,
    /// Whether its query may have others.
    pub has_query: bool,
    /// The body; `None` if it has none.
    pub body: Option<RecordedValue<'a>>,
}

/// The outcome of one policy for a recorded request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayOutcome {
    /// It is not for such requests, or holds.
    Passes,
    /// The validations at these positions are not true, or could not be evaluated.
    Violated(Vec<(usize, Option<EvaluationError>)>),
    /// The match condition at this position could not be evaluated.
    Failed(usize, EvaluationError),
    /// That depends on values that the record hides, which these expressions ask for.
    Undetermined(Vec<PolicyPart>),
}

/// An expression of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyPart {
    /// The match condition at this position.
    Condition(usize),
    /// The validation at this position.
    Validation(usize),
    /// `spec.schema`, which needs the values of the body.
    Schema,
    /// The waiver at this position.
    Waiver(usize),
}

/// The outcome of the waivers of a policy for a recorded request that violates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaiverReplay {
    /// One of them applies.
    Applies,
    /// None of them applies.
    NoMatch,
    /// Whether the one at this position applies depends on values that the record hides.
    Undetermined(usize),
}

impl Policy {
    /// Evaluates the policy for a recorded request to one of its operations. Nothing is guessed: where a value that the record
    /// hides could change the outcome, there is none.
    pub fn replay<'a>(&'a self, request: &'a RecordedRequest<'a>) -> ReplayOutcome {
        let scope = &self.scope;
        if !scope.is_for(request.environment, request.instance.as_ref().unwrap_or(&Instance::UNNAMED)) {
            return ReplayOutcome::Passes;
        }
        let mut evaluation = scope.variables.evaluation::<&RecordedValue<'a>>(request);
        for (position, (_, condition)) in scope.conditions.iter().enumerate() {
            match condition.is_true(&mut evaluation) {
                Ok(true) => {}
                Ok(false) => return ReplayOutcome::Passes,
                Err(EvaluationFailure::Error(error)) => return ReplayOutcome::Failed(position, error),
                Err(EvaluationFailure::Unknown(_)) => {
                    return ReplayOutcome::Undetermined(vec![PolicyPart::Condition(position)]);
                }
            }
        }
        let (mut violated, mut hidden) = (Vec::new(), Vec::new());
        for (position, validation) in self.validations.iter().enumerate() {
            match validation.expression.is_true(&mut evaluation) {
                Ok(true) => {}
                Ok(false) => violated.push((position, None)),
                Err(EvaluationFailure::Error(error)) => violated.push((position, Some(error))),
                Err(EvaluationFailure::Unknown(_)) => hidden.push(PolicyPart::Validation(position)),
            }
        }
        // a schema speaks of values, which are not kept; a request without a body fits
        if self.schema.is_some() && request.body.is_some() {
            hidden.push(PolicyPart::Schema);
        }
        match (violated.is_empty(), hidden.is_empty()) {
            // one violation decides, whatever the hidden values are
            (false, _) => ReplayOutcome::Violated(violated),
            (true, false) => ReplayOutcome::Undetermined(hidden),
            (true, true) => ReplayOutcome::Passes,
        }
    }

    /// Evaluates its waivers for a recorded request that violates it.
    pub fn replay_waivers<'a>(&'a self, request: &'a RecordedRequest<'a>) -> WaiverReplay {
        let mut undetermined = None;
        for (position, waiver) in self.waivers.iter().enumerate() {
            match waiver.replay(request) {
                Some(true) => return WaiverReplay::Applies,
                Some(false) => {}
                // a later waiver that applies decides, whatever this one would
                None => undetermined = undetermined.or(Some(position)),
            }
        }
        undetermined.map_or(WaiverReplay::NoMatch, WaiverReplay::Undetermined)
    }
}

impl Waiver {
    /// Whether it applies to a recorded request to an operation of its policy; `None` if that depends on what the record hides.
    fn replay<'a>(&'a self, request: &'a RecordedRequest<'a>) -> Option<bool> {
        if self.expires.is_past(request.time?) {
            return Some(false);
        }
        let mut evaluation = self.scope.variables.evaluation::<&RecordedValue<'a>>(request);
        for (_, condition) in &self.scope.conditions {
            match condition.is_true(&mut evaluation) {
                Ok(true) => {}
                // one that cannot be evaluated counts as false, as in the judge
                Ok(false) | Err(EvaluationFailure::Error(_)) => return Some(false),
                Err(EvaluationFailure::Unknown(_)) => return None,
            }
        }
        Some(true)
    }
}
