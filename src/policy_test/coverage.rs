//! What of the policies cases have shown.

use super::run::CaseResult;
use crate::judge::{Bundle, PolicyText, manifests};
use crate::manifest::Manifest;
use crate::policy::{Outcome, Policy, RequestPolicy};
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

/// A branch: policy, part, outcome.
type Key = (Arc<str>, Part, bool);

/// Something in a policy that is true or false of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Condition(usize),
    Validation(usize),
}

impl Coverage {
    /// What `results` have shown of the policies of `bundle`, which was compiled from `texts`.
    pub fn of(results: &[CaseResult<'_>], texts: &[PolicyText], bundle: &Bundle) -> Self {
        let rules = results.iter().flat_map(|result| &result.decided.rules);
        let seen: BTreeSet<Key> = rules.flat_map(|(policy, outcome)| shown(policy, outcome)).collect();
        // the bundle was made of these texts, so they can be read, and are in the order of its policies
        let manifests = manifests(texts).0.policies;
        let policies = manifests.iter().zip(bundle.policies.all());
        Self { branches: policies.flat_map(|(manifest, policy)| branches(manifest, policy, &seen)).collect() }
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

fn branches(manifest: &Manifest<RequestPolicy>, policy: &Policy, seen: &BTreeSet<Key>) -> Vec<Branch> {
    let spec = &manifest.value.spec;
    let conditions = spec.match_conditions.iter().enumerate().map(|(position, condition)| {
        let pointer = format!("/spec/matchConditions/{position}/expression");
        (Part::Condition(position), pointer, &condition.expression, policy.scope.constant_condition(position))
    });
    let validations = spec.validations.iter().enumerate().map(|(position, validation)| {
        let pointer = format!("/spec/validations/{position}/expression");
        (Part::Validation(position), pointer, &validation.expression, policy.constant_validation(position))
    });
    let outcomes = conditions.chain(validations).flat_map(|(part, pointer, expression, constant)| {
        let possible = [true, false].into_iter().filter(move |outcome| constant.is_none_or(|only| only == *outcome));
        possible.map(move |outcome| Branch {
            policy: policy.name.clone(),
            file: manifest.source.file().to_owned(),
            line: manifest.source.line(&pointer).unwrap_or(1),
            expression: expression.clone(),
            outcome,
            seen: seen.contains(&(policy.name.clone(), part, outcome)),
        })
    });
    outcomes.collect()
}

/// The branches that an outcome shows.
fn shown(policy: &Policy, outcome: &Outcome) -> Vec<Key> {
    let conditions = |count: usize| (0..count).map(|position| (Part::Condition(position), true));
    let parts: Vec<(Part, bool)> = match outcome {
        Outcome::OtherEnvironment => Vec::new(),
        Outcome::NoMatch(position) => conditions(*position).chain([(Part::Condition(*position), false)]).collect(),
        Outcome::Failed(position, _) => conditions(*position).collect(),
        Outcome::Holds | Outcome::Violated(_) => {
            let violated = |position: usize| match outcome {
                Outcome::Violated(violated) => violated.iter().find(|(at, _)| *at == position),
                _ => None,
            };
            let validations = (0..policy.validations.len()).filter_map(|position| match violated(position) {
                None => Some((Part::Validation(position), true)),
                Some((_, None)) => Some((Part::Validation(position), false)),
                Some((_, Some(_))) => None,
            });
            conditions(policy.scope.conditions()).chain(validations).collect()
        }
    };
    parts.into_iter().map(|(part, outcome)| (policy.name.clone(), part, outcome)).collect()
}
