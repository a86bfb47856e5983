//! What a policy said, in words.

use crate::policy::{Outcome, Policy};

/// What a policy said, on one line.
pub(in crate::cli) fn said(policy: &Policy, said: &Outcome) -> String {
    match said {
        Outcome::Holds => "holds".to_owned(),
        _ => because(policy, said).join("; "),
    }
}

/// The word for it.
pub(super) const fn outcome(said: &Outcome) -> &'static str {
    match said {
        Outcome::OtherEnvironment => "other_environment",
        Outcome::NoMatch(_) => "no_match",
        Outcome::Holds => "holds",
        Outcome::Violated(_) => "violated",
        Outcome::Failed(..) => "error",
    }
}

/// What is not so; nothing where the policy holds.
pub(super) fn because(policy: &Policy, said: &Outcome) -> Vec<String> {
    match said {
        Outcome::OtherEnvironment => vec!["not for this environment".to_owned()],
        Outcome::NoMatch(position) => vec![format!("condition `{}` is not true", policy.condition(*position))],
        Outcome::Failed(position, error) => {
            vec![format!("condition `{}` could not be evaluated: {error}", policy.condition(*position))]
        }
        Outcome::Holds => Vec::new(),
        Outcome::Violated(positions) => {
            let parts = positions.iter().map(|(position, error)| {
                let source = policy.validations.get(*position).map_or("", |validation| &validation.source);
                error.map_or_else(|| format!("not true: {source}"), |error| format!("{error}: {source}"))
            });
            parts.collect()
        }
    }
}
