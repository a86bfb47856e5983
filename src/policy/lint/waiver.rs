//! What is allowed in a waiver and yet likely a mistake: one that is over, that never will be, or that waives nothing.

use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::policy::waiver::{Waiver, WaiverSource};
use crate::policy::{Action, Policy};
use std::time::SystemTime;

/// What is granted for longer than this is nobody's concern any more when it should be.
const LONGEST_DAYS: f64 = 366.0;

/// What is likely a mistake in `waiver`, which is of `policy`, at `now`.
pub fn lint_waiver(
    manifest: &Manifest<WaiverSource>,
    waiver: &Waiver,
    policy: &Policy,
    now: SystemTime,
) -> impl Iterator<Item = Diagnostic> {
    let (source, left) = (&manifest.source, waiver.expires.days_left(now));
    let over = waiver.expires.is_past(now).then(|| {
        let message = format!("the waiver is over since {}: `{}` is in force again", waiver.expires, policy.name);
        source.at("/spec/expires", message).with_help(format!("remove it, or have {} extend it", waiver.owner))
    });
    let endless = (left > LONGEST_DAYS).then(|| {
        let message = "`expires` is more than a year away, and the waiver likely outlives its reason";
        source.at("/spec/expires", message).with_help("let it end sooner, and be asked for again")
    });
    let is_true = |position| waiver.scope.constant_condition(position) == Some(true);
    let boundless = (0..waiver.scope.conditions()).all(is_true).then(|| {
        let message = format!("the conditions are always true, so `{}` is waived for everyone", policy.name);
        source.at("/spec/matchConditions", message).with_help("if that is meant, give the policy `actions: [Audit]`")
    });
    let idle = (policy.action == Action::Audit).then(|| {
        let message = format!("`{}` only audits, so there is nothing to waive", policy.name);
        source.at("/spec/policy", message)
    });
    [over, endless, boundless, idle].into_iter().flatten()
}
