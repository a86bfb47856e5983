//! Compares two versions of a rule: whether one is stricter for some request, by enumeration of what its expressions read.
//!
//! What is never so is proven for all requests that fit the contract. What may be so has to be shown by a request that is judged:
//! expressions are only understood in part. That an evaluation is too costly is not considered.

mod effect;
mod limit;
mod model;
mod schema;

pub use effect::Effect;
pub(crate) use limit::LimitChange;
pub(crate) use model::Assignment;

use super::bindings::{RequestDeclarations, RequestPart};
use super::compile::Policy;
use super::limit::Limit;
use super::scope::Scope;
use super::waiver::Waiver;
use super::{Action, MatchedEnvironment};
use crate::cel::Expression;
use crate::contract::Operation;
use crate::contract::credential::Environment;
use model::{Enumerated, PairModel, Parts};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The two versions of a rule. `None` on a side that does not have it.
#[derive(Clone, Debug)]
pub(crate) struct RulePair<'p> {
    old: Option<RuleVersion<'p>>,
    new: Option<RuleVersion<'p>>,
}

/// A version of a policy, or of a limit, which is violated by all that it counts.
#[derive(Clone, Debug)]
pub(crate) struct RuleVersion<'p> {
    scope: &'p Scope,
    validations: Vec<&'p Expression>,
    schema: Option<Value>,
    waivers: &'p [Arc<Waiver>],
    is_limit: bool,
    effect: Effect,
    parts: Parts,
}

/// Whether the new version has another effect in one direction.
#[derive(Clone, Debug)]
pub(crate) enum Possibility {
    /// For no request.
    Never,
    /// Perhaps for a request with one of these values.
    Perhaps(Vec<Assignment>),
}

/// The comparison of two versions for one operation and environment.
#[derive(Clone, Debug)]
pub(crate) struct PairComparison {
    pub(crate) stricter: Possibility,
    pub(crate) looser: Possibility,
    /// The values to try for parts of which the values above say nothing.
    pub(crate) hints: BTreeMap<RequestPart, BTreeSet<String>>,
}

impl PairComparison {
    fn perhaps() -> Self {
        let perhaps = Possibility::Perhaps(Vec::new());
        Self { stricter: perhaps.clone(), looser: perhaps, hints: BTreeMap::new() }
    }

    fn never() -> Self {
        let never = Possibility::Never;
        Self { stricter: never.clone(), looser: never, hints: BTreeMap::new() }
    }
}

impl<'p> From<&'p Policy> for RuleVersion<'p> {
    fn from(policy: &'p Policy) -> Self {
        let schema = policy.schema.as_ref().map(|schema| schema.source.clone());
        let mut version = Self::of(&policy.scope, policy.action);
        version.validations = policy.validations.iter().map(|it| &it.expression).collect();
        (version.schema, version.waivers) = (schema, &policy.waivers);
        version.with_parts()
    }
}

impl<'p> From<&'p Limit> for RuleVersion<'p> {
    fn from(limit: &'p Limit) -> Self {
        Self { is_limit: true, ..Self::of(&limit.scope, limit.action) }.with_parts()
    }
}

impl<'p> RulePair<'p> {
    pub(crate) fn new<R>(old: Option<&'p R>, new: Option<&'p R>) -> Self
    where
        RuleVersion<'p>: From<&'p R>,
    {
        Self { old: old.map(RuleVersion::from), new: new.map(RuleVersion::from) }
    }

    /// The ids of the operations that either version matches.
    pub(crate) fn operations(&self) -> BTreeSet<&'p Arc<str>> {
        [&self.old, &self.new].into_iter().flatten().flat_map(|it| &it.scope.operations).collect()
    }

    /// Whether the two differ in environments that a configuration names. Which of them a gateway is in, no request shows.
    fn has_other_names(&self) -> bool {
        let [old, new] = [&self.old, &self.new].map(|version| version.as_ref().map(|it| &it.scope.environments));
        let is_named = |it: &MatchedEnvironment| matches!(it, MatchedEnvironment::Named(_));
        old != new && [old, new].into_iter().flatten().flatten().any(is_named)
    }

    /// Compares the two for requests of `operation` in `environment`.
    pub(crate) fn compare(&self, operation: &Arc<Operation>, environment: Environment) -> PairComparison {
        if self.has_other_names() {
            return PairComparison::perhaps();
        }
        let [old, new] =
            [&self.old, &self.new].map(|version| version.as_ref().filter(|it| it.is_for(operation, environment)));
        let [old_effect, new_effect] = [old, new].map(|it| it.map_or(Effect::Pass, |it| it.effect));
        let is_same = old.map(|it| &it.parts) == new.map(|it| &it.parts);
        if is_same && old_effect == new_effect {
            return PairComparison::never();
        }
        // A version that is not there, or the milder of two that differ in nothing else, is never the stricter one.
        let never_stricter = new.is_none() || is_same && new_effect < old_effect;
        let never_looser = old.is_none() || is_same && new_effect > old_effect;
        let declarations = RequestDeclarations::of_one(operation, environment);
        let full = PairModel::full(&declarations, (old, new));
        // A part of the whole has fewer combinations. It can show that there is no difference, not that there is one.
        let (parts, by_demand) = match (old, new) {
            (Some(old), Some(new)) if old.parts.has_scope_of(&new.parts) && old_effect == new_effect => {
                let parts = [true, false].map(|it| PairModel::of_changes(&declarations, (old, new), it));
                (parts.into(), DemandPairs::of(&declarations, old, new))
            }
            _ => (Vec::new(), DemandPairs::default()),
        };
        let models = std::iter::once(&full).chain(&parts);
        let enumerated: Vec<_> = models.filter_map(|model| Some((model, model.enumerate()?))).collect();
        let possibility = |is_never: bool, of: fn(&Enumerated) -> &Vec<Assignment>| {
            if is_never || enumerated.iter().any(|(_, it)| of(it).is_empty()) {
                return Possibility::Never;
            }
            Possibility::Perhaps(enumerated.first().map(|(_, it)| of(it).clone()).unwrap_or_default())
        };
        // those of the part that the values are of: the others only make the search longer
        let hints = enumerated.first().map_or(&full, |(model, _)| *model).hints();
        PairComparison {
            stricter: possibility(never_stricter || by_demand.never_stricter, |it| &it.stricter),
            looser: possibility(never_looser || by_demand.never_looser, |it| &it.looser),
            hints,
        }
    }
}

/// What is shown by comparing each demand of one version with each of the other.
#[derive(Clone, Copy, Debug, Default)]
struct DemandPairs {
    never_stricter: bool,
    never_looser: bool,
}

impl DemandPairs {
    /// Compares what only one of two versions demands, which are otherwise the same.
    fn of(declarations: &RequestDeclarations<'_>, old: &RuleVersion<'_>, new: &RuleVersion<'_>) -> Self {
        let (before, now) = (old.parts.demands_beyond(&new.parts), new.parts.demands_beyond(&old.parts));
        let pair = |before: &str, now: &str| PairModel::of_demands(declarations, (old, before), (new, now)).enumerate();
        let is_within =
            |now: &String| before.iter().any(|before| pair(before, now).is_some_and(|it| it.stricter.is_empty()));
        let covers = |before: &String| now.iter().any(|now| pair(before, now).is_some_and(|it| it.looser.is_empty()));
        Self { never_stricter: now.iter().all(is_within), never_looser: before.iter().all(covers) }
    }
}

impl<'p> RuleVersion<'p> {
    fn of(scope: &'p Scope, action: Action) -> Self {
        let (validations, parts) = (Vec::new(), Parts::default());
        Self { scope, validations, schema: None, waivers: &[], is_limit: false, effect: action.into(), parts }
    }

    fn with_parts(self) -> Self {
        Self { parts: Parts::of(&self), ..self }
    }

    fn is_for(&self, operation: &Operation, environment: Environment) -> bool {
        self.scope.operations.contains(&operation.id) && self.scope.may_be_for(environment)
    }
}

/// A value as JSON, for the body or any other part of a request.
pub(crate) type PartValue = Option<Value>;
