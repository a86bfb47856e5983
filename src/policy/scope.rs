//! The scope of a policy, limit or waiver: the requests it applies to.

use super::bindings::RequestActivation;
use super::{Instance, MatchedEnvironment};
use crate::cel::{Evaluation, EvaluationError, EvaluationFailure, Expression, Variables};
use crate::contract::credential::Environment;
use crate::document::NodeRef;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The requests that a policy, limit or waiver applies to.
#[derive(Debug)]
pub struct Scope {
    /// Ids of the operations it matches.
    pub operations: BTreeSet<Arc<str>>,
    /// Environments it matches; empty for all.
    pub environments: BTreeSet<MatchedEnvironment>,
    /// The match conditions, by name. All must be true.
    pub(super) conditions: Vec<(Arc<str>, Expression)>,
    /// The variables that its expressions share, evaluated at most once a request.
    pub(super) variables: Variables,
    /// The headers that its expressions read, in lower case. `None` if the request decides which.
    pub(super) headers: Option<BTreeSet<String>>,
    /// The parameters of the query that its expressions read. `None` if the request decides which.
    pub(super) query: Option<BTreeSet<String>>,
    /// The labels of the gateway that its expressions read by name.
    pub(super) labels: BTreeSet<String>,
}

/// Why a request is out of scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfScope {
    /// It is not for requests of this environment.
    OtherEnvironment,
    /// The match condition at this position is not true.
    NoMatch(usize),
    /// The match condition at this position could not be evaluated.
    Failed(usize, EvaluationError),
}

impl Scope {
    /// Whether it is for requests of `environment` that `instance` judges.
    //
    // A name adds rules, and takes none away: those for production are for every request with a key of production, wherever the
    // gateway runs.
    pub(super) fn is_for(&self, environment: Environment, instance: &Instance) -> bool {
        let is_named = |it: &MatchedEnvironment| matches!(it, MatchedEnvironment::Named(name) if Some(name) == instance.environment.as_ref());
        self.is_for_any(environment) || self.environments.iter().any(is_named)
    }

    /// Whether it is for requests of `environment`, whatever the environment of the gateway is named.
    fn is_for_any(&self, environment: Environment) -> bool {
        self.environments.is_empty() || self.environments.contains(&MatchedEnvironment::OfCredential(environment))
    }

    /// Whether it may be for requests of `environment`, in some gateway.
    pub(super) fn may_be_for(&self, environment: Environment) -> bool {
        self.is_for_any(environment) || self.environments.iter().any(|it| matches!(it, MatchedEnvironment::Named(_)))
    }

    /// The environments that it is for, and `other` is not.
    pub(super) fn environments_beyond(&self, other: &Self) -> Vec<MatchedEnvironment> {
        let of_credentials = MatchedEnvironment::OF_CREDENTIALS;
        let is_complete =
            other.environments.is_empty() || of_credentials.iter().all(|it| other.environments.contains(it));
        let own = if self.environments.is_empty() { of_credentials.into() } else { self.environments.clone() };
        own.into_iter().filter(|it| !is_complete && !other.environments.contains(it)).collect()
    }

    /// The evaluation with which to continue for `request`, if it is in scope.
    ///
    /// # Errors
    ///
    /// Returns why it is not, or which condition could not be evaluated.
    pub(super) fn enter<'a>(
        &'a self,
        request: RequestActivation<'a>,
    ) -> Result<Evaluation<'a, NodeRef<'a>>, OutOfScope> {
        let mut evaluation = self.variables.evaluation::<NodeRef<'_>>(request);
        self.check(request, |condition| condition.is_true(&mut evaluation).map_err(EvaluationFailure::error))?;
        Ok(evaluation)
    }

    /// Checks that `request` is in scope. `is_true` evaluates the conditions.
    ///
    /// # Errors
    ///
    /// Returns why it is not, or which condition could not be evaluated.
    pub(super) fn check<'a>(
        &'a self,
        request: RequestActivation<'_>,
        mut is_true: impl FnMut(&'a Expression) -> Result<bool, EvaluationError>,
    ) -> Result<(), OutOfScope> {
        // First, so that no expression is evaluated for a request of the other environment.
        if !self.is_for(request.attributes.environment, request.attributes.instance) {
            return Err(OutOfScope::OtherEnvironment);
        }
        for (position, (_, condition)) in self.conditions.iter().enumerate() {
            match is_true(condition) {
                Ok(true) => {}
                Ok(false) => return Err(OutOfScope::NoMatch(position)),
                Err(error) => return Err(OutOfScope::Failed(position, error)),
            }
        }
        Ok(())
    }

    /// How many match conditions there are.
    pub fn conditions(&self) -> usize {
        self.conditions.len()
    }

    /// The value of the match condition at `position` if it is constant. `None` if the request decides.
    pub fn constant_condition(&self, position: usize) -> Option<bool> {
        self.conditions.get(position).and_then(|(_, condition)| condition.constant())
    }

    /// The name of the match condition at `position`.
    pub fn condition(&self, position: usize) -> &str {
        self.conditions.get(position).map_or("", |(name, _)| name)
    }

    /// The match condition at `position`, verbatim.
    pub fn condition_source(&self, position: usize) -> &str {
        self.conditions.get(position).map_or("", |(_, condition)| condition.source())
    }
}
