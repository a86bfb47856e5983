//! What waivers make of what a policy found.

use super::violation::{Rule, Violation};
use crate::contract::Operation;
use crate::document::Document;
use crate::policy::{Action, Attributes, Policy, Waiver, WaiverOutcome};
use crate::reason::Reason;
use std::sync::Arc;

/// Turns what `policy` found, and a waiver lets through, into what is only audited. What each of its waivers is to the request,
/// up to the one that applies; none is asked where there is nothing to waive.
///
/// Only that a rule does not hold can be waived, never that it could not be evaluated. A waiver that itself cannot be evaluated
/// does not apply, and operators are told where the body `fits_contract`.
pub(super) fn waive(
    policy: &Policy,
    operation: &Operation,
    document: Option<&Arc<Document>>,
    attributes: &Attributes<'_>,
    fits_contract: bool,
    found: &mut Vec<Violation>,
) -> Vec<(Arc<Waiver>, WaiverOutcome)> {
    let mut asked = Vec::new();
    if policy.waivers.is_empty() || !found.iter().any(is_waivable) {
        return asked;
    }
    let mut failed = Vec::new();
    for waiver in &policy.waivers {
        let waiving = waiver.evaluate(operation, document, attributes);
        asked.push((waiver.clone(), waiving));
        match waiving {
            WaiverOutcome::Applies => {
                for violation in found.iter_mut().filter(|violation| is_waivable(violation)) {
                    violation.action = Action::Audit;
                    violation.waived_by = Some(waiver.name.clone());
                }
                break;
            }
            WaiverOutcome::Expired => {
                for violation in found.iter_mut().filter(|violation| is_waivable(violation)) {
                    violation.hint = Some(expired(waiver, violation.hint.as_deref()));
                }
            }
            WaiverOutcome::Failed(position, error) if fits_contract => {
                let part = format!("match condition `{}`", waiver.scope.condition(position));
                failed.push(Violation {
                    reason: Reason::PolicyError,
                    action: Action::Audit,
                    rule: Rule::Policy(policy.name.clone()),
                    field: None,
                    message: format!("waiver `{}` could not be evaluated: {part}: {error}", waiver.name).into(),
                    hint: None,
                    owner: Some(waiver.owner.clone()),
                    waived_by: None,
                });
            }
            WaiverOutcome::Failed(..) | WaiverOutcome::NoMatch(_) => {}
        }
    }
    found.append(&mut failed);
    asked
}

/// Whether a waiver can do anything about it.
fn is_waivable(violation: &Violation) -> bool {
    violation.reason == Reason::PolicyDenied && violation.action != Action::Audit
}

/// For a caller whose requests passed until the waiver was over.
fn expired(waiver: &Waiver, hint: Option<&str>) -> Arc<str> {
    let hint = hint.map(|hint| format!("{hint}; ")).unwrap_or_default();
    format!("{hint}waiver `{}` ({}, {}) is over since {}", waiver.name, waiver.ticket, waiver.owner, waiver.expires)
        .into()
}
