//! Lints waivers: one that has expired, that lasts too long, or that waives everything or nothing.

use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::policy::Action;
use crate::policy::waiver::{Waiver, WaiverSource};
use std::time::SystemTime;

/// Longest time, in days, for which a waiver raises no lint. A longer one is forgotten before it ends.
const LONGEST_DAYS: f64 = 366.0;

/// The lints of `waiver`, which is for a policy or limit with `action`, at `now`.
pub fn lint_waiver(
    manifest: &Manifest<WaiverSource>,
    waiver: &Waiver,
    action: Action,
    now: SystemTime,
) -> impl Iterator<Item = Diagnostic> {
    let (source, left) = (&manifest.source, waiver.expires.days_left(now));
    let expired = waiver.expires.is_past(now).then(|| {
        let message = format!("the waiver expired on {}: `{}` is in force again", waiver.expires, waiver.policy);
        source.at("/spec/expires", message).with_help(format!("remove it, or have {} extend it", waiver.owner))
    });
    let too_long = (left > LONGEST_DAYS).then(|| {
        let message = "`expires` is more than a year away, and the waiver likely outlives its reason";
        source
            .at("/spec/expires", message)
            .with_help("choose an earlier date, and renew the waiver if it is still needed")
    });
    // Only constant conditions are found: whether others hold for every request is not decidable in general.
    let is_true = |position| waiver.scope.constant_condition(position) == Some(true);
    let unconditional = (0..waiver.scope.conditions()).all(is_true).then(|| {
        let message = format!("the conditions are always true, so `{}` is waived for every request", waiver.policy);
        source.at("/spec/matchConditions", message).with_help("if that is meant, give it `actions: [Audit]`")
    });
    let pointless = (action == Action::Audit).then(|| {
        let message = format!("`{}` only audits, so there is nothing to waive", waiver.policy);
        source.at("/spec/policy", message)
    });
    [expired, too_long, unconditional, pointless].into_iter().flatten()
}
