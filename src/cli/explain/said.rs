//! What a policy said, in words.

use crate::cel::EvaluationError;
use crate::judge::violation::Violation;
use crate::policy::{Key, Limit, LimitOutcome, OutOfScope, Policy, PolicyOutcome};
use std::collections::BTreeSet;

/// What a policy said, on one line.
pub(in crate::cli) fn said(policy: &Policy, said: &PolicyOutcome) -> String {
    match said {
        PolicyOutcome::Holds => "holds".to_owned(),
        _ => because(policy, said).join("; "),
    }
}

/// The word for it.
pub(super) const fn outcome(said: &PolicyOutcome) -> &'static str {
    match said {
        PolicyOutcome::OtherEnvironment => "other_environment",
        PolicyOutcome::NoMatch(_) => "no_match",
        PolicyOutcome::Holds => "holds",
        PolicyOutcome::Violated(_) | PolicyOutcome::SchemaViolated(..) => "violated",
        PolicyOutcome::Failed(..) => "error",
    }
}

/// What is not so; nothing where the policy holds.
pub(super) fn because(policy: &Policy, said: &PolicyOutcome) -> Vec<String> {
    match said {
        PolicyOutcome::OtherEnvironment => vec!["not for this environment".to_owned()],
        PolicyOutcome::NoMatch(position) => {
            vec![format!("condition `{}` is not true", policy.scope.condition(*position))]
        }
        PolicyOutcome::Failed(position, error) => {
            vec![format!("condition `{}` could not be evaluated: {error}", policy.scope.condition(*position))]
        }
        PolicyOutcome::Holds => Vec::new(),
        PolicyOutcome::Violated(positions) => violated(policy, positions),
        PolicyOutcome::SchemaViolated(findings, positions) => {
            let keywords: BTreeSet<_> = findings.iter().map(|finding| finding.keyword).collect();
            let schema = format!("does not fit its schema: {}", keywords.into_iter().collect::<Vec<_>>().join(", "));
            [vec![schema], violated(policy, positions)].concat()
        }
    }
}

fn violated(policy: &Policy, positions: &[(usize, Option<EvaluationError>)]) -> Vec<String> {
    let parts = positions.iter().map(|(position, error)| {
        let source = policy.validations.get(*position).map_or("", |validation| &validation.source);
        error.map_or_else(|| format!("not true: {source}"), |error| format!("{error}: {source}"))
    });
    parts.collect()
}

/// How a limit counts a request, on one line.
pub(in crate::cli) fn claimed(limit: &Limit, claim: &LimitOutcome) -> String {
    match claim {
        LimitOutcome::NotCounted(OutOfScope::OtherEnvironment) => "not for this environment".to_owned(),
        LimitOutcome::NotCounted(OutOfScope::NoMatch(position)) => {
            format!("condition `{}` is not true", limit.scope.condition(*position))
        }
        LimitOutcome::NotCounted(OutOfScope::Failed(position, error)) => {
            format!("condition `{}` could not be evaluated: {error}", limit.scope.condition(*position))
        }
        LimitOutcome::Counted(Key::Null) => "counts it with all that have no key".to_owned(),
        LimitOutcome::Counted(key) => format!("counts it by the key {}", key.to_json()),
        LimitOutcome::Failed(error) => format!("key could not be evaluated: {error}"),
    }
}

/// The rule, with the waiver for which it is only audited.
pub(in crate::cli) fn by(violation: &Violation) -> String {
    let waived = violation.waived_by.as_ref().map(|waiver| format!(" (waived by {waiver})"));
    format!("{}{}", violation.rule, waived.unwrap_or_default())
}
