//! The branch coverage of policies by test cases.

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

/// The branch coverage of policies by test cases.
#[derive(Debug)]
pub struct PolicyCoverage {
    /// Every branch, in the order of the files.
    pub branches: Vec<Branch>,
}

/// One of the two values that an expression can have.
#[derive(Debug)]
pub struct Branch {
    /// Name of the policy, limit or waived policy that has the expression.
    pub policy: Arc<str>,
    /// The file of the policy.
    pub file: PathBuf,
    /// The one-based line of the expression.
    pub line: usize,
    /// The text in the file, verbatim.
    pub expression: String,
    /// Whether this is the branch on which the expression is true.
    pub outcome: bool,
    /// Whether a case reached it.
    pub seen: bool,
}

/// A branch that a case reached: the name of the policy or waiver, the expression, its value.
type BranchKey = (Arc<str>, BranchPart, bool);

/// A part of a policy, limit or waiver that is true or false for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum BranchPart {
    Condition(usize),
    Schema,
    Validation(usize),
    WaiverCondition(usize),
    /// Whether a limit counts the request.
    Counted,
}

impl PolicyCoverage {
    /// The branches of the policies of `bundle`, with those that `results` reached marked.
    pub fn of(results: &[CaseResult<'_>], bundle: &Bundle) -> Self {
        let rules = results.iter().flat_map(|result| &result.actual.rules);
        let outcomes = results.iter().flat_map(|result| {
            let is_let_pass = result.actual.refused.is_none();
            result.actual.limits.iter().map(move |(limit, outcome)| (limit, outcome, is_let_pass))
        });
        let waivers = results.iter().flat_map(|result| &result.actual.waivers);
        let mut seen: BTreeSet<BranchKey> =
            rules.flat_map(|(policy, outcome)| reached_by_policy(policy, outcome)).collect();
        seen.extend(outcomes.flat_map(|(limit, outcome, is_let_pass)| reached_by_limit(limit, outcome, is_let_pass)));
        seen.extend(waivers.flat_map(|(waiver, outcome)| reached_by_waiver(waiver, *outcome)));
        let documents = bundle.documents();
        // A bundle compiles every document or none, so the two lists have the same order and length.
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

    /// How many branches were reached.
    pub fn count_reached(&self) -> usize {
        self.branches.iter().filter(|branch| branch.seen).count()
    }

    /// How many expressions there are, and of how many every branch was reached.
    pub fn rules(&self) -> (usize, usize) {
        // The branches of an expression follow each other, so that a chunk is one expression.
        let rules = || {
            self.branches
                .chunk_by(|one, next| (&one.policy, &one.file, one.line) == (&next.policy, &next.file, next.line))
        };
        (rules().count(), rules().filter(|branches| branches.iter().all(|branch| branch.seen)).count())
    }

    /// The percentage of branches that were reached, rounded down so that only full coverage is 100. Without branches it is 100.
    pub fn percent(&self) -> usize {
        (self.count_reached() * 100).checked_div(self.branches.len()).unwrap_or(100)
    }
}

/// An expression: its part, its JSON Pointer, its text, and its value if it is constant.
type CoveredExpression<'m> = (BranchPart, String, &'m str, Option<bool>);

fn of_policy(manifest: &Manifest<RequestPolicy>, policy: &Policy, seen: &BTreeSet<BranchKey>) -> Vec<Branch> {
    let spec = &manifest.value.spec;
    let validations = spec.validations.iter().enumerate().map(|(position, validation)| {
        let pointer = format!("/spec/validations/{position}/expression");
        (BranchPart::Validation(position), pointer, &*validation.expression, policy.constant_validation(position))
    });
    let schema = policy.has_schema().then(|| (BranchPart::Schema, "/spec/schema".to_owned(), "schema", None));
    let rules = conditions(&spec.match_conditions, &policy.scope).chain(schema).chain(validations);
    branches(&policy.name, &manifest.source, rules, seen)
}

fn of_limit(manifest: &Manifest<RequestLimit>, limit: &Limit, seen: &BTreeSet<BranchKey>) -> Vec<Branch> {
    let spec = &manifest.value.spec;
    // A limit has no validation. What a case must show is a request that it counts, and by which key.
    let counted = match &spec.key {
        Some(key) => (BranchPart::Counted, "/spec/key".to_owned(), key.as_str(), Some(true)),
        None => (BranchPart::Counted, "/spec".to_owned(), "counts", Some(true)),
    };
    let rules = conditions(&spec.match_conditions, &limit.scope).chain([counted]);
    branches(&limit.name, &manifest.source, rules, seen)
}

fn conditions<'m>(written: &'m [NamedExpression], scope: &'m Scope) -> impl Iterator<Item = CoveredExpression<'m>> {
    written.iter().enumerate().map(|(position, condition)| {
        let pointer = format!("/spec/matchConditions/{position}/expression");
        (BranchPart::Condition(position), pointer, &*condition.expression, scope.constant_condition(position))
    })
}

fn branches<'m>(
    name: &Arc<str>,
    source: &Source,
    rules: impl Iterator<Item = CoveredExpression<'m>>,
    seen: &BTreeSet<BranchKey>,
) -> Vec<Branch> {
    let outcomes = rules.flat_map(|(part, pointer, expression, constant)| {
        possible_values(constant).map(move |outcome| Branch {
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

/// The branches that the outcome of a limit reached.
//
// A limit counts only requests that pass, so a refused case does not show that it counts.
fn reached_by_limit(limit: &Limit, outcome: &LimitOutcome, is_let_pass: bool) -> Vec<BranchKey> {
    let met = match outcome {
        LimitOutcome::NotCounted(OutOfScope::OtherEnvironment) => 0,
        LimitOutcome::NotCounted(OutOfScope::NoMatch(position) | OutOfScope::Failed(position, _)) => *position,
        LimitOutcome::Counted { .. } | LimitOutcome::Failed(..) => limit.scope.conditions(),
    };
    let unmet = match outcome {
        LimitOutcome::NotCounted(OutOfScope::NoMatch(position)) => Some((BranchPart::Condition(*position), false)),
        _ => None,
    };
    let counted = matches!(outcome, LimitOutcome::Counted { .. }) && is_let_pass;
    let counted = counted.then_some((BranchPart::Counted, true));
    let met = (0..met).map(|position| (BranchPart::Condition(position), true));
    met.chain(unmet).chain(counted).map(|(part, outcome)| (limit.name.clone(), part, outcome)).collect()
}

fn branches_of_waiver(manifest: &Manifest<WaiverSource>, waiver: &Waiver, seen: &BTreeSet<BranchKey>) -> Vec<Branch> {
    let conditions = manifest.value.spec.match_conditions.iter().enumerate();
    let outcomes = conditions.flat_map(|(position, condition)| {
        let pointer = format!("/spec/matchConditions/{position}/expression");
        possible_values(waiver.scope.constant_condition(position)).map(move |outcome| Branch {
            policy: waiver.policy.clone(),
            file: manifest.source.file().to_owned(),
            line: manifest.source.line(&pointer).unwrap_or(1),
            expression: condition.expression.clone(),
            outcome,
            seen: seen.contains(&(waiver.name.clone(), BranchPart::WaiverCondition(position), outcome)),
        })
    });
    outcomes.collect()
}

/// The values that an expression can have. A constant one has no other branch, which no case could reach.
fn possible_values(constant: Option<bool>) -> impl Iterator<Item = bool> {
    [true, false].into_iter().filter(move |outcome| constant.is_none_or(|only| only == *outcome))
}

/// The branches that the outcome of a policy reached.
fn reached_by_policy(policy: &Policy, outcome: &PolicyOutcome) -> Vec<BranchKey> {
    // Conditions are evaluated in order up to the first that is false: those before it were true.
    let conditions = |count: usize| (0..count).map(|position| (BranchPart::Condition(position), true));
    let parts: Vec<(BranchPart, bool)> = match outcome {
        PolicyOutcome::OtherEnvironment => Vec::new(),
        PolicyOutcome::NoMatch(position) => {
            conditions(*position).chain([(BranchPart::Condition(*position), false)]).collect()
        }
        // The failed condition itself was neither true nor false.
        PolicyOutcome::Failed(position, _) => conditions(*position).collect(),
        PolicyOutcome::Holds | PolicyOutcome::Violated(_) | PolicyOutcome::SchemaViolated(..) => {
            let violated = |position: usize| match outcome {
                PolicyOutcome::Violated(violated) | PolicyOutcome::SchemaViolated(_, violated) => {
                    violated.iter().find(|(at, _)| *at == position)
                }
                _ => None,
            };
            let validations = (0..policy.validations.len()).filter_map(|position| match violated(position) {
                None => Some((BranchPart::Validation(position), true)),
                Some((_, None)) => Some((BranchPart::Validation(position), false)),
                Some((_, Some(_))) => None,
            });
            let schema = policy
                .has_schema()
                .then_some((BranchPart::Schema, !matches!(outcome, PolicyOutcome::SchemaViolated(..))));
            conditions(policy.scope.conditions()).chain(schema).chain(validations).collect()
        }
    };
    parts.into_iter().map(|(part, outcome)| (policy.name.clone(), part, outcome)).collect()
}

/// The branches that the outcome of a waiver reached.
fn reached_by_waiver(waiver: &Waiver, outcome: WaiverOutcome) -> Vec<BranchKey> {
    let (held, broken) = match outcome {
        WaiverOutcome::Applies | WaiverOutcome::Expired => (waiver.scope.conditions(), None),
        WaiverOutcome::NoMatch(position) => (position, Some(position)),
        WaiverOutcome::Failed(position, _) => (position, None),
    };
    let held = (0..held).map(|position| (position, true));
    let all = held.chain(broken.map(|position| (position, false)));
    all.map(|(position, outcome)| (waiver.name.clone(), BranchPart::WaiverCondition(position), outcome)).collect()
}
