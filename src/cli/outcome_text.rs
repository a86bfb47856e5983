//! The outcomes of policies and limits in words, for `explain` and `test`.

use crate::cel::EvaluationError;
use crate::judge::violation::Violation;
use crate::policy::{Key, Limit, LimitOutcome, OutOfScope, Policy, PolicyOutcome};
use std::collections::BTreeSet;

/// The outcome of a policy on one line.
pub(super) fn describe_outcome(policy: &Policy, outcome: &PolicyOutcome) -> String {
    match outcome {
        PolicyOutcome::Holds => "holds".to_owned(),
        _ => failures(policy, outcome).join("; "),
    }
}

/// The name of an outcome in JSON output.
pub(super) const fn outcome_name(outcome: &PolicyOutcome) -> &'static str {
    match outcome {
        PolicyOutcome::OtherEnvironment => "other_environment",
        PolicyOutcome::NoMatch(_) => "no_match",
        PolicyOutcome::Holds => "holds",
        PolicyOutcome::Violated(_) | PolicyOutcome::SchemaViolated(..) => "violated",
        PolicyOutcome::Failed(..) => "error",
    }
}

/// What is not true of the request; empty if the policy holds.
pub(super) fn failures(policy: &Policy, outcome: &PolicyOutcome) -> Vec<String> {
    match outcome {
        PolicyOutcome::OtherEnvironment => vec!["not for this environment".to_owned()],
        PolicyOutcome::NoMatch(position) => {
            vec![format!("condition `{}` is not true", policy.scope.condition(*position))]
        }
        PolicyOutcome::Failed(position, error) => {
            vec![format!("condition `{}` could not be evaluated: {error}", policy.scope.condition(*position))]
        }
        PolicyOutcome::Holds => Vec::new(),
        PolicyOutcome::Violated(positions) => failed_validations(policy, positions),
        PolicyOutcome::SchemaViolated(findings, positions) => {
            // keywords only: a finding may quote the value that does not fit
            let keywords: BTreeSet<_> = findings.iter().map(|finding| finding.keyword).collect();
            let schema = format!("does not fit its schema: {}", keywords.into_iter().collect::<Vec<_>>().join(", "));
            [vec![schema], failed_validations(policy, positions)].concat()
        }
    }
}

fn failed_validations(policy: &Policy, positions: &[(usize, Option<EvaluationError>)]) -> Vec<String> {
    let validations = positions.iter().map(|(position, error)| {
        let source = policy.validations.get(*position).map_or("", |validation| &validation.source);
        error.map_or_else(|| format!("not true: {source}"), |error| format!("{error}: {source}"))
    });
    validations.collect()
}

/// How a limit counts a request, on one line.
pub(super) fn describe_claim(limit: &Limit, claim: &LimitOutcome) -> String {
    match claim {
        LimitOutcome::NotCounted(OutOfScope::OtherEnvironment) => "not for this environment".to_owned(),
        LimitOutcome::NotCounted(OutOfScope::NoMatch(position)) => {
            format!("condition `{}` is not true", limit.scope.condition(*position))
        }
        LimitOutcome::NotCounted(OutOfScope::Failed(position, error)) => {
            format!("condition `{}` could not be evaluated: {error}", limit.scope.condition(*position))
        }
        LimitOutcome::Counted { key: Key::Null, cost } => {
            format!("counts it{} with all that have no key", as_cost(limit, *cost))
        }
        LimitOutcome::Counted { key, cost } => {
            format!("counts it{} by the key {}", as_cost(limit, *cost), key.to_json())
        }
        LimitOutcome::Failed(part, error) => format!("{} could not be evaluated: {error}", part.as_str()),
    }
}

/// What a limit counts a request as, such as ` as 12`; empty if it counts each as 1.
pub(super) fn as_cost(limit: &Limit, cost: u32) -> String {
    limit.cost().map(|_| format!(" as {cost}")).unwrap_or_default()
}

/// The rule of a violation, with the waiver by which it is only audited.
pub(super) fn rule_with_waiver(violation: &Violation) -> String {
    let waiver = violation.waived_by.as_ref().map(|waiver| format!(" (waived by {waiver})"));
    format!("{}{}", violation.rule, waiver.unwrap_or_default())
}
