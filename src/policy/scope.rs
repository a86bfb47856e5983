//! Which requests a policy of any kind is for.

use super::bindings::RequestActivation;
use crate::cel::{Evaluation, EvaluationError, Expression, Failure, Variables};
use crate::contract::credential::Environment;
use crate::document::NodeRef;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Which requests a policy of any kind is for.
#[derive(Debug)]
pub struct Scope {
    /// Ids of the operations it matches.
    pub operations: BTreeSet<Arc<str>>,
    /// Environments it matches; empty for all.
    pub environments: BTreeSet<Environment>,
    /// What must be true for it to apply, by name.
    pub(super) conditions: Vec<(Arc<str>, Expression)>,
    /// What the policy's expressions share.
    pub(super) variables: Variables,
    /// The headers that its expressions read, in lower case; none where only a request decides which.
    pub(super) headers: Option<BTreeSet<String>>,
    /// The parameters of the query that its expressions read by name.
    pub(super) query: BTreeSet<String>,
}

/// Why a policy has nothing to say of a request.
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
    /// Whether it is for requests of `environment`.
    pub(super) fn is_for(&self, environment: Environment) -> bool {
        self.environments.is_empty() || self.environments.contains(&environment)
    }

    /// What evaluates the policy's other expressions for `request`, if it is for it.
    ///
    /// # Errors
    ///
    /// It is not, or nobody can say.
    pub(super) fn enter<'a>(
        &'a self,
        request: RequestActivation<'a>,
    ) -> Result<Evaluation<'a, NodeRef<'a>>, OutOfScope> {
        let mut evaluation = self.variables.evaluation::<NodeRef<'_>>(request);
        self.admits(request, |condition| condition.is_true(&mut evaluation).map_err(Failure::error))?;
        Ok(evaluation)
    }

    /// Whether it is for `request`; `is_true` evaluates its conditions.
    ///
    /// # Errors
    ///
    /// It is not, or nobody can say.
    pub(super) fn admits<'a>(
        &'a self,
        request: RequestActivation<'_>,
        mut is_true: impl FnMut(&'a Expression) -> Result<bool, EvaluationError>,
    ) -> Result<(), OutOfScope> {
        if !self.is_for(request.attributes.environment) {
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

    /// What the match condition at `position` is whatever the request; none where the request decides.
    pub fn constant_condition(&self, position: usize) -> Option<bool> {
        self.conditions.get(position).and_then(|(_, condition)| condition.constant())
    }

    /// The name of the match condition at `position`.
    pub fn condition(&self, position: usize) -> &str {
        self.conditions.get(position).map_or("", |(name, _)| name)
    }

    /// The match condition at `position` as it was written.
    pub fn condition_source(&self, position: usize) -> &str {
        self.conditions.get(position).map_or("", |(_, condition)| condition.source())
    }

    /// Whether its expressions read the header `name` (in lower case), or headers that only a request decides on.
    pub(super) fn relies_on_header(&self, name: &str) -> bool {
        self.headers.as_ref().is_none_or(|headers| headers.contains(name))
    }
}
