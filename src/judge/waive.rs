//! Applies waivers to the violations of a policy.

use super::violation::{Rule, Violation};
use crate::contract::Operation;
use crate::document::Document;
use crate::policy::{Action, Attributes, Policy, Waiver, WaiverOutcome};
use crate::reason::Reason;
use std::sync::Arc;

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
) -> Vec<(Arc<Waiver>, WaiverOutcome)> {
    let mut outcomes = Vec::new();
    if policy.waivers.is_empty() || !found.iter().any(is_waivable) {
        return outcomes;
    }
    let mut failed = Vec::new();
    for waiver in &policy.waivers {
        let outcome = waiver.evaluate(operation, document, attributes);
        outcomes.push((waiver.clone(), outcome));
        match outcome {
            WaiverOutcome::Applies => {
                for violation in found.iter_mut().filter(|violation| is_waivable(violation)) {
                    violation.action = Action::Audit;
                    violation.waived_by = Some(waiver.name.clone());
                }
                // One waiver is enough, and the record names the one that applied.
                break;
            }
            WaiverOutcome::Expired => {
                // The caller passed until today: without this hint the refusal would look like a new rule.
                for violation in found.iter_mut().filter(|violation| is_waivable(violation)) {
                    violation.hint = Some(expired_hint(waiver, violation.hint.as_deref()));
                }
            }
            WaiverOutcome::Failed(position, error) if fits_contract => {
                let part = format!("match condition `{}`", waiver.scope.condition(position));
                failed.push(Violation {
                    reason: Reason::PolicyError,
                    // Audit only: the request is refused for the violation itself, if its policy denies.
                    action: Action::Audit,
                    rule: Rule::Policy(policy.name.clone()),
                    field: None,
                    message: format!("waiver `{}` could not be evaluated: {part}: {error}", waiver.name).into(),
                    hint: None,
                    owner: Some(waiver.owner.clone()),
                    judged_by: None,
                    waived_by: None,
                });
            }
            WaiverOutcome::Failed(..) | WaiverOutcome::NoMatch(_) => {}
        }
    }
    found.append(&mut failed);
    outcomes
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
