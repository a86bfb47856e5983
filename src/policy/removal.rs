//! What a set of policies and limits refuses and the set after it would not.
//!
//! It is found by structure: a rule that is gone, that only warns or audits, or that applies to fewer requests. An expression
//! that was rewritten is an edit, whose effect tests of the policy show.

use super::action::Action;
use super::compile::Policy;
use super::limit::Limit;
use super::scope::Scope;
use super::{MatchedEnvironment, Policies, Waiver};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// A rule that refuses requests and would no longer, or an operation that would no longer be guarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostRule {
    /// The name of the policy or limit, the operation id, or the key of the configuration.
    pub name: Arc<str>,
    /// What is lost.
    pub what: Loss,
}

/// What a rule loses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The whole rule.
    Rule,
    /// Its action is no longer `Deny`.
    Action(Action),
    /// It no longer matches these operations.
    Operations(Vec<Arc<str>>),
    /// It no longer matches this environment.
    Environment(MatchedEnvironment),
    /// It has this match condition, which it did not have.
    Condition(Arc<str>),
    /// It has fewer validations, or no schema.
    Validation,
    /// It no longer limits a rate, or requests in flight.
    Limit,
    /// This waiver exempts every request from it.
    Waived(Arc<str>),
    /// The contract no longer has the operation.
    Operation {
        /// The method by which it was called.
        method: Arc<str>,
        /// The template of the path, such as `/v1/users/{user_id}`.
        path: Arc<str>,
    },
    /// The contract no longer has a body for the operation.
    Body,
    /// The key of the configuration would refuse less.
    Setting,
}

impl Policies {
    /// What these policies and limits refuse and `after` would not.
    pub fn removals(&self, after: &Self) -> Vec<LostRule> {
        let policies = self.all().iter().filter(|it| it.action == Action::Deny).map(|before| {
            let now = after.all().iter().find(|it| it.name == before.name);
            (&before.name, now.map_or(vec![Loss::Rule], |now| losses_of_policy(before, now)))
        });
        let limits = self.limits().iter().filter(|it| it.action == Action::Deny).map(|before| {
            let now = after.limits().iter().find(|it| it.name == before.name);
            (&before.name, now.map_or(vec![Loss::Rule], |now| losses_of_limit(before, now)))
        });
        let removal = |name: &Arc<str>, what| LostRule { name: name.clone(), what };
        policies.chain(limits).flat_map(|(name, all)| all.into_iter().map(|what| removal(name, what))).collect()
    }
}

fn losses_of_policy(before: &Policy, now: &Policy) -> Vec<Loss> {
    let mut losses = losses_of_scope((before.action, &before.scope), (now.action, &now.scope));
    if now.validations.len() < before.validations.len() || before.schema.is_some() && now.schema.is_none() {
        losses.push(Loss::Validation);
    }
    losses.extend(total_waivers(&before.waivers, &now.waivers));
    losses
}

/// The waivers among `now` that exempt every request, if none did before.
fn total_waivers(before: &[Arc<Waiver>], now: &[Arc<Waiver>]) -> Vec<Loss> {
    let is_total = |waiver: &&Arc<Waiver>| {
        (0..waiver.scope.conditions()).all(|at| waiver.scope.constant_condition(at) == Some(true))
    };
    if before.iter().any(|waiver| is_total(&waiver)) {
        return Vec::new();
    }
    now.iter().filter(is_total).map(|waiver| Loss::Waived(waiver.name.clone())).collect()
}

fn losses_of_limit(before: &Limit, now: &Limit) -> Vec<Loss> {
    let mut losses = losses_of_scope((before.action, &before.scope), (now.action, &now.scope));
    if before.rate.is_some() && now.rate.is_none() || before.in_flight.is_some() && now.in_flight.is_none() {
        losses.push(Loss::Limit);
    }
    losses.extend(total_waivers(&before.waivers, &now.waivers));
    losses
}

fn losses_of_scope((action, before): (Action, &Scope), (now_action, now): (Action, &Scope)) -> Vec<Loss> {
    let mut losses = Vec::new();
    if now_action != action {
        losses.push(Loss::Action(now_action));
    }
    let operations: Vec<_> = before.operations.difference(&now.operations).cloned().collect();
    if !operations.is_empty() {
        losses.push(Loss::Operations(operations));
    }
    losses.extend(before.environments_beyond(now).into_iter().map(Loss::Environment));
    // all conditions must be true: one more can only mean fewer requests, and one that was rewritten may
    let known: BTreeSet<&str> = before.conditions.iter().map(|(_, condition)| condition.source()).collect();
    let added = now.conditions.iter().filter(|(_, condition)| !known.contains(condition.source()));
    losses.extend(added.map(|(name, _)| Loss::Condition(name.clone())));
    losses
}

impl fmt::Display for LostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.what {
            Loss::Rule => write!(f, "`{name}`, which denies, is no longer in the files"),
            Loss::Action(action) => write!(f, "`{name}` no longer denies: its action is `{action:?}`"),
            Loss::Operations(all) => {
                let all: Vec<_> = all.iter().map(|id| format!("`{id}`")).collect();
                write!(f, "`{name}` no longer matches {}", all.join(", "))
            }
            Loss::Environment(environment) => write!(f, "`{name}` no longer matches the environment `{environment}`"),
            Loss::Condition(condition) => {
                write!(f, "`{name}` may match fewer requests: it has the new match condition `{condition}`")
            }
            Loss::Validation => write!(f, "`{name}` checks less: it has fewer validations, or no schema"),
            Loss::Limit => write!(f, "`{name}` no longer limits what it limited: a rate, or requests in flight"),
            Loss::Waived(waiver) => write!(f, "the waiver `{waiver}` exempts every request from `{name}`"),
            Loss::Operation { method, path } => {
                write!(f, "the contract no longer has `{name}` at `{method} {path}`, which is guarded")
            }
            Loss::Setting => write!(f, "`{name}` would refuse fewer requests"),
            Loss::Body => write!(f, "the contract no longer has a body for `{name}`, which is validated"),
        }
    }
}
