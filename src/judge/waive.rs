//! Applies waivers to the violations of policies and limits.

use super::violation::{Rule, Violation};
use crate::contract::Operation;
use crate::document::Document;
use crate::policy::{Action, Attributes, Limit, Policy, Waiver, WaiverOutcome};
use crate::reason::Reason;
use std::sync::Arc;

/// The waivers that were evaluated for one rule and one request, each with its outcome. Only the last can apply.
pub type WaiverOutcomes = Vec<(Arc<Waiver>, WaiverOutcome)>;

/// Evaluates the waivers of `policy`, up to the first that applies, and makes the waived violations in `found` audit only.
/// Returns the outcome of each waiver that was evaluated; none is if there is nothing to waive.
///
/// A waiver that cannot be evaluated does not apply, and that is audited if the body `fits_contract`.
pub(super) fn waive(
    policy: &Policy,
    operation: &Operation,
    document: Option<&Arc<Document>>,
    attributes: &Attributes<'_>,
    fits_contract: bool,
    found: &mut Vec<Violation>,
) -> WaiverOutcomes {
    if policy.waivers.is_empty() || !found.iter().any(is_waivable) {
        return Vec::new();
    }
    let outcomes = evaluate(&policy.waivers, operation, document, attributes);
    for violation in found.iter_mut().filter(|violation| is_waivable(violation)) {
        apply(&outcomes, violation);
    }
    if fits_contract {
        found.extend(failures(&policy.name, &outcomes));
    }
    outcomes
}

/// Evaluates the waivers of a limit that counts the request. Whether the request is above it is not known here, so that
/// [`above_limit`](super::above_limit) applies them.
pub(super) fn evaluate_waivers_of(
    limit: &Limit,
    operation: &Operation,
    document: Option<&Arc<Document>>,
    attributes: &Attributes<'_>,
) -> (WaiverOutcomes, Vec<Violation>) {
    let outcomes = evaluate(&limit.waivers, operation, document, attributes);
    let failed = failures(&limit.name, &outcomes);
    (outcomes, failed)
}

/// Of the waivers that were evaluated for a request, those of `limit`.
pub fn waivers_of_limit(limit: &Limit, evaluated: &[(Arc<Waiver>, WaiverOutcome)]) -> WaiverOutcomes {
    evaluated.iter().filter(|(waiver, _)| waiver.policy == limit.name).cloned().collect()
}

/// The waiver among `outcomes` that applies.
pub fn applied_waiver(outcomes: &[(Arc<Waiver>, WaiverOutcome)]) -> Option<&Arc<Waiver>> {
    outcomes.iter().find(|(_, outcome)| *outcome == WaiverOutcome::Applies).map(|(waiver, _)| waiver)
}

fn evaluate(
    waivers: &[Arc<Waiver>],
    operation: &Operation,
    document: Option<&Arc<Document>>,
    attributes: &Attributes<'_>,
) -> WaiverOutcomes {
    let mut outcomes = Vec::new();
    for waiver in waivers {
        let outcome = waiver.evaluate(operation, document, attributes);
        outcomes.push((waiver.clone(), outcome));
        // One waiver is enough, and the record names the one that applied.
        if outcome == WaiverOutcome::Applies {
            break;
        }
    }
    outcomes
}

/// Makes `violation` audit only if a waiver applies, and explains one that has expired.
pub(super) fn apply(outcomes: &[(Arc<Waiver>, WaiverOutcome)], violation: &mut Violation) {
    for (waiver, outcome) in outcomes {
        match outcome {
            WaiverOutcome::Applies => {
                violation.action = Action::Audit;
                violation.waived_by = Some(waiver.name.clone());
            }
            // The caller passed until today: without this hint the refusal would look like a new rule.
            WaiverOutcome::Expired => violation.hint = Some(expired_hint(waiver, violation.hint.as_deref())),
            WaiverOutcome::Failed(..) | WaiverOutcome::NoMatch(_) => {}
        }
    }
}

/// A violation for each waiver that could not be evaluated. Audit only: the request is refused for the violation itself, if the
/// rule denies.
fn failures(rule: &Arc<str>, outcomes: &[(Arc<Waiver>, WaiverOutcome)]) -> Vec<Violation> {
    let failed = outcomes.iter().filter_map(|(waiver, outcome)| match outcome {
        WaiverOutcome::Failed(position, error) => Some((waiver, waiver.scope.condition(*position), error)),
        _ => None,
    });
    let violations = failed.map(|(waiver, condition, error)| Violation {
        reason: Reason::PolicyError,
        action: Action::Audit,
        rule: Rule::Policy(rule.clone()),
        field: None,
        message: format!("waiver `{}` could not be evaluated: match condition `{condition}`: {error}", waiver.name)
            .into(),
        hint: None,
        owner: Some(waiver.owner.clone()),
        judged_by: None,
        waived_by: None,
    });
    violations.collect()
}

/// Whether a waiver can lift it.
//
// A rule that could not be evaluated is not waivable: a waiver permits a known violation, not an unknown one.
fn is_waivable(violation: &Violation) -> bool {
    violation.reason == Reason::PolicyDenied && violation.action != Action::Audit
}

/// The hint for a caller whose requests passed until the waiver expired.
fn expired_hint(waiver: &Waiver, hint: Option<&str>) -> Arc<str> {
    let hint = hint.map(|hint| format!("{hint}; ")).unwrap_or_default();
    format!("{hint}waiver `{}` ({}, {}) expired on {}", waiver.name, waiver.ticket, waiver.owner, waiver.expires).into()
}
