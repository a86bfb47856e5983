//! The report for programs.

use super::{PolicyView, ReportView};
use crate::rollout::{LimitUse, Tally};
use serde_json::{Value, json};

pub(super) fn report(view: &ReportView<'_>) -> String {
    let report = view.report;
    // names of fields are an interface: they stay when the fields of the report are renamed
    let json = json!({
        "decisions": report.decisions,
        "judged": report.judged,
        "first": report.period.first,
        "last": report.period.last,
        "damaged_lines": view.skipped.damaged,
        "unknown_lines": view.skipped.unknown,
        "broken_files": view.skipped.broken,
        "sampled_decisions": view.skipped.sampled,
        "sampled_represent": view.skipped.represented.round(),
        "missing_decisions": view.skipped.numbers.missing(),
        "revisions": report.revisions.as_ref().map(tally),
        "answers_of_further_policies": report.more_policies,
        "policies": view.policies.iter().map(policy).collect::<Vec<_>>(),
        "shadow": super::shadow::json(&report.shadow),
        "further_limited": report.more_limits,
        "limits": report.limits.iter().map(|(name, usage)| limit(name, usage)).collect::<Vec<_>>(),
    });
    format!("{json:#}")
}

fn policy(policy: &PolicyView<'_>) -> Value {
    let usage = policy.usage;
    let sources = policy.configured.map_or(&[][..], |policy| &policy.validations);
    let validations = (0..sources.len().max(usage.validations.len())).map(|position| {
        let source = sources.get(position).map(|validation| validation.source.as_ref());
        json!({ "failed": usage.validations.get(position).unwrap_or(&0), "expression": source })
    });
    json!({
        "name": policy.name,
        "action": usage.action.as_str(),
        "advice": policy.advice.as_str(),
        "gone": policy.is_gone,
        "asked": usage.asked,
        "other_environment": usage.elsewhere,
        "not_matched": tally(&usage.unmatched),
        "applied": usage.applied_requests(),
        "held": usage.held,
        "failed": usage.violated,
        "not_evaluated": usage.failed,
        "misfits": usage.misfits,
        "waived": usage.waived,
        "first": usage.seen.first,
        "last": usage.seen.last,
        "callers": tally(&usage.callers),
        "fields": tally(&usage.fields),
        "days": tally(&usage.days),
        "validations": validations.collect::<Vec<_>>(),
    })
}

fn limit(name: &str, usage: &LimitUse) -> Value {
    json!({
        "name": name,
        "action": usage.action.as_str(),
        "limited": usage.limited,
        "first": usage.seen.first,
        "last": usage.seen.last,
        "callers": tally(&usage.callers),
        "days": tally(&usage.days),
    })
}

pub(super) fn tally(tally: &Tally) -> Value {
    let named = tally.by_count().into_iter().map(|(name, count)| json!({ "name": name, "count": count }));
    json!({ "named": named.collect::<Vec<_>>(), "others": tally.others() })
}
