//! The report for programs.

use super::{PolicyTold, Told};
use crate::rollout::{LimitUse, Tally};
use serde_json::{Value, json};

pub(super) fn report(told: &Told<'_>) -> String {
    let report = told.report;
    let told = json!({
        "decisions": report.decisions,
        "judged": report.judged,
        "first": report.period.first,
        "last": report.period.last,
        "damaged_lines": told.skipped.damaged,
        "unknown_lines": told.skipped.unknown,
        "revisions": report.revisions.as_ref().map(tally),
        "answers_of_further_policies": report.more_policies,
        "policies": told.policies.iter().map(policy).collect::<Vec<_>>(),
        "further_limited": report.more_limits,
        "limits": report.limits.iter().map(|(name, used)| limit(name, used)).collect::<Vec<_>>(),
    });
    format!("{told:#}")
}

fn policy(policy: &PolicyTold<'_>) -> Value {
    let said = policy.said;
    let sources = policy.configured.map_or(&[][..], |policy| &policy.validations);
    let validations = (0..sources.len().max(said.validations.len())).map(|position| {
        let source = sources.get(position).map(|validation| validation.source.as_ref());
        json!({ "failed": said.validations.get(position).unwrap_or(&0), "expression": source })
    });
    json!({
        "name": policy.name,
        "action": said.action.as_str(),
        "advice": policy.advice.as_str(),
        "gone": policy.is_gone,
        "asked": said.asked,
        "other_environment": said.elsewhere,
        "not_matched": tally(&said.unmatched),
        "applied": said.applied_requests(),
        "held": said.held,
        "failed": said.violated,
        "not_evaluated": said.failed,
        "misfits": said.misfits,
        "waived": said.waived,
        "first": said.seen.first,
        "last": said.seen.last,
        "callers": tally(&said.callers),
        "fields": tally(&said.fields),
        "days": tally(&said.days),
        "validations": validations.collect::<Vec<_>>(),
    })
}

fn limit(name: &str, used: &LimitUse) -> Value {
    json!({
        "name": name,
        "action": used.action.as_str(),
        "limited": used.limited,
        "first": used.seen.first,
        "last": used.seen.last,
        "callers": tally(&used.callers),
        "days": tally(&used.days),
    })
}

fn tally(tally: &Tally) -> Value {
    let named = tally.by_count().into_iter().map(|(name, count)| json!({ "name": name, "count": count }));
    json!({ "named": named.collect::<Vec<_>>(), "others": tally.others() })
}
