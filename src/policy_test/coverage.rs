//! What of the policies cases have shown.

use super::run::CaseResult;
use crate::judge::Bundle;
use crate::manifest::{Manifest, Source};
use crate::policy::{
    Limit, LimitOutcome, NamedExpression, OutOfScope, Policy, PolicyOutcome, RequestLimit, RequestPolicy, Scope,
    Waiver, WaiverOutcome, WaiverSource,
};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// What of the policies cases have shown.
#[derive(Debug)]
pub struct Coverage {
    /// Every way in which a condition or validation can turn out, in the order of the files.
    pub branches: Vec<Branch>,
}

/// One way in which a match condition or a validation can turn out.
#[derive(Debug)]
pub struct Branch {
    /// The policy.
    pub policy: Arc<str>,
    /// The file of the policy.
    pub file: PathBuf,
    /// The one-based line of the expression.
    pub line: usize,
    /// The expression.
    pub expression: String,
    /// What it turns out to be.
    pub outcome: bool,
    /// Whether a case has shown it.
    pub seen: bool,
}

/// A branch: policy or waiver, part, outcome.
type Key = (Arc<str>, Part, bool);

/// Something in a policy or waiver that is true or false of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Condition(usize),
    Schema,
    Validation(usize),
    WaiverCondition(usize),
    /// That a limit counts it.
    Counted,
}

impl Coverage {
    /// The branches of the policies of `bundle`, with those that `results` reached marked.
    pub fn of(results: &[CaseResult<'_>], bundle: &Bundle) -> Self {
        let rules = results.iter().flat_map(|result| &result.actual.rules);
        let claims = results.iter().flat_map(|result| {
            let is_let_pass = result.actual.refused.is_none();
            result.actual.limits.iter().map(move |(limit, claim)| (limit, claim, is_let_pass))
        });
        let waivers = results.iter().flat_map(|result| &result.actual.waivers);
        let mut seen: BTreeSet<Key> = rules.flat_map(|(policy, outcome)| shown(policy, outcome)).collect();
        seen.extend(claims.flat_map(|(limit, claim, is_let_pass)| claimed(limit, claim, is_let_pass)));
        seen.extend(waivers.flat_map(|(waiver, waiving)| shown_of_waiver(waiver, *waiving)));
        let documents = bundle.documents();
        let policies = documents.policies.iter().zip(bundle.policies.all());
        let limits = documents.limits.iter().zip(bundle.policies.limits());
        let branches = policies.flat_map(|(manifest, policy)| of_policy(manifest, policy, &seen));
        let mut branches: Vec<_> =
            branches.chain(limits.flat_map(|(manifest, limit)| of_limit(manifest, limit, &seen))).collect();
        for manifest in &documents.waivers {
            let waiver = bundle.policies.waivers().find(|it| *it.name == *manifest.value.metadata.name);
            branches.extend(waiver.into_iter().flat_map(|waiver| branches_of_waiver(manifest, waiver, &seen)));
        }
        Self { branches }
    }

    /// How many branches cases have shown.
    pub fn seen(&self) -> usize {
        self.branches.iter().filter(|branch| branch.seen).count()
    }

    /// How many rules (match conditions and validations) there are, and of how many cases have shown every branch.
    pub fn rules(&self) -> (usize, usize) {
        let rules = || {
            self.branches
                .chunk_by(|one, next| (&one.policy, &one.file, one.line) == (&next.policy, &next.file, next.line))
        };
        (rules().count(), rules().filter(|branches| branches.iter().all(|branch| branch.seen)).count())
    }

    /// The percentage of branches that cases have shown, rounded down so that only all of them are 100.
    pub fn percent(&self) -> usize {
        (self.seen() * 100).checked_div(self.branches.len()).unwrap_or(100)
    }
}

/// A condition or validation, the pointer to its expression, the expression, and what it always is.
type Rule<'m> = (Part, String, &'m str, Option<bool>);

fn of_policy(manifest: &Manifest<RequestPolicy>, policy: &Policy, seen: &BTreeSet<Key>) -> Vec<Branch> {
    let spec = &manifest.value.spec;
    let validations = spec.validations.iter().enumerate().map(|(position, validation)| {
        let pointer = format!("/spec/validations/{position}/expression");
        (Part::Validation(position), pointer, &*validation.expression, policy.constant_validation(position))
    });
    let schema = policy.has_schema().then(|| (Part::Schema, "/spec/schema".to_owned(), "schema", None));
    let rules = conditions(&spec.match_conditions, &policy.scope).chain(schema).chain(validations);
    branches(&policy.name, &manifest.source, rules, seen)
}

fn of_limit(manifest: &Manifest<RequestLimit>, limit: &Limit, seen: &BTreeSet<Key>) -> Vec<Branch> {
    let spec = &manifest.value.spec;
    // a limit is a rule in itself: a case must show what it counts by
    let counted = match &spec.key {
        Some(key) => (Part::Counted, "/spec/key".to_owned(), key.as_str(), Some(true)),
        None => (Part::Counted, "/spec".to_owned(), "counts", Some(true)),
    };
    let rules = conditions(&spec.match_conditions, &limit.scope).chain([counted]);
    branches(&limit.name, &manifest.source, rules, seen)
}

fn conditions<'m>(written: &'m [NamedExpression], scope: &'m Scope) -> impl Iterator<Item = Rule<'m>> {
    written.iter().enumerate().map(|(position, condition)| {
        let pointer = format!("/spec/matchConditions/{position}/expression");
        (Part::Condition(position), pointer, &*condition.expression, scope.constant_condition(position))
    })
}

fn branches<'m>(
    name: &Arc<str>,
    source: &Source,
    rules: impl Iterator<Item = Rule<'m>>,
    seen: &BTreeSet<Key>,
) -> Vec<Branch> {
    let outcomes = rules.flat_map(|(part, pointer, expression, constant)| {
        possible(constant).map(move |outcome| Branch {
            policy: name.clone(),
            file: source.file().to_owned(),
            line: source.line(&pointer).unwrap_or(1),
            expression: expression.to_owned(),
            outcome,
            seen: seen.contains(&(name.clone(), part, outcome)),
        })
    });
    outcomes.collect()
}

/// The branches that what a limit says of a request shows; it counts those that pass.
fn claimed(limit: &Limit, claim: &LimitOutcome, is_let_pass: bool) -> Vec<Key> {
    let met = match claim {
        LimitOutcome::NotCounted(OutOfScope::OtherEnvironment) => 0,
        LimitOutcome::NotCounted(OutOfScope::NoMatch(position) | OutOfScope::Failed(position, _)) => *position,
        LimitOutcome::Counted(_) | LimitOutcome::Failed(_) => limit.scope.conditions(),
    };
    let unmet = match claim {
        LimitOutcome::NotCounted(OutOfScope::NoMatch(position)) => Some((Part::Condition(*position), false)),
        _ => None,
    };
    let counted = matches!(claim, LimitOutcome::Counted(_)) && is_let_pass;
    let counted = counted.then_some((Part::Counted, true));
    let met = (0..met).map(|position| (Part::Condition(position), true));
    met.chain(unmet).chain(counted).map(|(part, outcome)| (limit.name.clone(), part, outcome)).collect()
}

fn branches_of_waiver(manifest: &Manifest<WaiverSource>, waiver: &Waiver, seen: &BTreeSet<Key>) -> Vec<Branch> {
    let conditions = manifest.value.spec.match_conditions.iter().enumerate();
    let outcomes = conditions.flat_map(|(position, condition)| {
        let pointer = format!("/spec/matchConditions/{position}/expression");
        possible(waiver.scope.constant_condition(position)).map(move |outcome| Branch {
            policy: waiver.policy.clone(),
            file: manifest.source.file().to_owned(),
            line: manifest.source.line(&pointer).unwrap_or(1),
            expression: condition.expression.clone(),
            outcome,
            seen: seen.contains(&(waiver.name.clone(), Part::WaiverCondition(position), outcome)),
        })
    });
    outcomes.collect()
}

/// What an expression can turn out to be that is `constant`, if it is.
fn possible(constant: Option<bool>) -> impl Iterator<Item = bool> {
    [true, false].into_iter().filter(move |outcome| constant.is_none_or(|only| only == *outcome))
}

/// The branches that an outcome shows.
fn shown(policy: &Policy, outcome: &PolicyOutcome) -> Vec<Key> {
    let conditions = |count: usize| (0..count).map(|position| (Part::Condition(position), true));
    let parts: Vec<(Part, bool)> = match outcome {
        PolicyOutcome::OtherEnvironment => Vec::new(),
        PolicyOutcome::NoMatch(position) => {
            conditions(*position).chain([(Part::Condition(*position), false)]).collect()
        }
        PolicyOutcome::Failed(position, _) => conditions(*position).collect(),
        PolicyOutcome::Holds | PolicyOutcome::Violated(_) | PolicyOutcome::SchemaViolated(..) => {
            let violated = |position: usize| match outcome {
                PolicyOutcome::Violated(violated) | PolicyOutcome::SchemaViolated(_, violated) => {
                    violated.iter().find(|(at, _)| *at == position)
                }
                _ => None,
            };
            let validations = (0..policy.validations.len()).filter_map(|position| match violated(position) {
                None => Some((Part::Validation(position), true)),
                Some((_, None)) => Some((Part::Validation(position), false)),
                Some((_, Some(_))) => None,
            });
            let schema =
                policy.has_schema().then_some((Part::Schema, !matches!(outcome, PolicyOutcome::SchemaViolated(..))));
            conditions(policy.scope.conditions()).chain(schema).chain(validations).collect()
        }
    };
    parts.into_iter().map(|(part, outcome)| (policy.name.clone(), part, outcome)).collect()
}

/// The branches that what a waiver is to a request shows.
fn shown_of_waiver(waiver: &Waiver, waiving: WaiverOutcome) -> Vec<Key> {
    let (held, broken) = match waiving {
        WaiverOutcome::Applies | WaiverOutcome::Expired => (waiver.scope.conditions(), None),
        WaiverOutcome::NoMatch(position) => (position, Some(position)),
        WaiverOutcome::Failed(position, _) => (position, None),
    };
    let held = (0..held).map(|position| (position, true));
    let all = held.chain(broken.map(|position| (position, false)));
    all.map(|(position, outcome)| (waiver.name.clone(), Part::WaiverCondition(position), outcome)).collect()
}
