//! The report for people: what to do first, then why.

use super::{PolicyView, ReportView, shadow};
use crate::cli::page::Page;
use crate::cli::table::one_line;
use crate::policy::Action;
use crate::rollout::{Advice, PolicyUse, Tally};
use std::fmt::Write;

/// Most callers, fields and days of a policy that are named.
const NAMED: usize = 10;
/// The column at which the values of a policy's lines begin.
const VALUES: usize = 17;
/// The column at which names begin in the conclusion.
const NAMES: usize = 20;

pub(super) fn report(view: &ReportView<'_>, width: usize) -> String {
    let mut page = Page::new(width);
    conclusion(&mut page, view);
    let _ = writeln!(page);
    coverage(&mut page, view);
    if !view.policies.is_empty() {
        let _ = writeln!(page);
        table(&mut page, view);
    }
    for policy in view.policies.iter().filter(|policy| policy.usage.violated > 0) {
        details(&mut page, policy);
    }
    limits(&mut page, view);
    shadow::text(&mut page, &view.report.shadow);
    page.into_text()
}

/// The policies, grouped by what to do with them.
fn conclusion(page: &mut Page, view: &ReportView<'_>) {
    let mut is_empty = view.report.limits.is_empty();
    for advice in Advice::ALL {
        let names = view.policies.iter().filter(|policy| policy.advice == advice).map(|policy| policy.name);
        let names = page.list(NAMES, names);
        if !names.is_empty() {
            is_empty = false;
            let _ = writeln!(page, "{:<18}  {names}", title(advice));
        }
    }
    if is_empty {
        let _ = writeln!(page, "no policy matched a request");
    }
    let exceeded = view.report.limits.iter().filter(|(_, usage)| usage.limited > 0).map(|(name, _)| name.as_ref());
    let names = page.list(NAMES, exceeded);
    if !names.is_empty() {
        let _ = writeln!(page, "{:<18}  {names}", "limited");
    }
}

const fn title(advice: Advice) -> &'static str {
    match advice {
        Advice::Promote => "safe to promote",
        Advice::Enforced => "enforced",
        Advice::Fix => "to be fixed",
        Advice::Inspect => "would refuse",
        Advice::Wait => "too few requests",
        Advice::NeverApplied => "never matched",
    }
}

/// How much of which log was read.
fn coverage(page: &mut Page, view: &ReportView<'_>) {
    let report = view.report;
    let (decisions, judged) = (report.decisions, report.judged);
    let (first, last) = (&report.period.first, &report.period.last);
    let period = if report.decisions == 0 { String::new() } else { format!(" from {first} to {last}") };
    let decisions = if decisions == 1 { "1 decision".to_owned() } else { format!("{decisions} decisions") };
    page.paragraph(0, 2, &format!("{decisions}{period}, {judged} of them by policies"));
    let revisions = report.revisions.as_ref().map_or(0, |revisions| revisions.by_name().len());
    if revisions > 1 {
        let _ = writeln!(page, "policies or contract changed meanwhile: {revisions} revisions");
    }
    if report.more_policies > 0 {
        let _ = writeln!(page, "{} outcomes are of further policies, which are left out", report.more_policies);
    }
    for line in view.skipped.summary() {
        page.paragraph(0, 2, &line);
    }
}

fn table(page: &mut Page, view: &ReportView<'_>) {
    let header = ["policy", "action", "applied", "failed", "why"].map(str::to_owned).to_vec();
    let rows = view.policies.iter().map(|policy| {
        let usage = policy.usage;
        let action = if policy.is_gone { "removed" } else { usage.action.as_str() };
        let (applied, failed) = (usage.applied_requests().to_string(), usage.violated.to_string());
        vec![policy.name.to_owned(), action.to_owned(), applied, failed, why(policy)]
    });
    page.table(2, &std::iter::once(header).chain(rows).collect::<Vec<_>>());
}

/// Why the advice is given.
fn why(policy: &PolicyView<'_>) -> String {
    let usage = policy.usage;
    match policy.advice {
        Advice::Promote if usage.violated > 0 => "refuses only callers that are expected".to_owned(),
        Advice::Promote => "would have refused nothing".to_owned(),
        Advice::Enforced if usage.violated == 0 => "never refused anything".to_owned(),
        Advice::Enforced => format!("refused {}", callers(usage)),
        Advice::Fix => format!("could not be evaluated {}", times(usage.failed)),
        Advice::Inspect => format!("would refuse {}", callers(usage)),
        Advice::Wait => "would have refused nothing, but applied to too few requests".to_owned(),
        Advice::NeverApplied if usage.asked == 0 => "no request to its operations".to_owned(),
        Advice::NeverApplied if usage.elsewhere == usage.asked => "no request of its environments".to_owned(),
        Advice::NeverApplied if usage.misfits > 0 => "matched only bodies that do not fit the schema".to_owned(),
        Advice::NeverApplied => {
            let conditions = usage.unmatched.by_count();
            let names: Vec<_> = conditions.iter().map(|(name, _)| format!("`{name}`")).collect();
            format!("conditions never true: {}", names.join(", "))
        }
    }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn callers(usage: &PolicyUse) -> String {
    match usage.callers.by_count().len() {
        // a tally names a bounded number of callers, and only counts the others
        many if usage.callers.others() > 0 => format!("more than {many} callers"),
        1 => "1 caller".to_owned(),
        many => format!("{many} callers"),
    }
}

/// How many requests exceeded limits, and of which callers.
fn limits(page: &mut Page, view: &ReportView<'_>) {
    for (name, usage) in &view.report.limits {
        let (action, limited) = (usage.action.as_str(), usage.limited);
        let verb = if usage.action == Action::Deny { "limited" } else { "would have limited" };
        let requests = if limited == 1 { "request" } else { "requests" };
        let _ = writeln!(page, "\n{name} (limit, {action}) {verb} {limited} {requests}");
        if limited > 0 {
            line(page, "seen", &format!("first {}, last {}", usage.seen.first, usage.seen.last));
            tally(page, "callers", &usage.callers, usage.callers.by_count());
            tally(page, "days", &usage.days, usage.days.by_name());
        }
    }
    if view.report.more_limits > 0 {
        let _ = writeln!(page, "\nfurther limits, which are left out, limited {}", view.report.more_limits);
    }
}

/// Which requests a policy refused, or would have refused.
fn details(page: &mut Page, policy: &PolicyView<'_>) {
    let usage = policy.usage;
    let (refused, applied) = (usage.violated, usage.applied_requests());
    let verb = if usage.action == Action::Deny { "refused" } else { "would have refused" };
    let _ = writeln!(page, "\n{} ({}) {verb} {refused} of {applied}", policy.name, usage.action.as_str());
    line(page, "seen", &format!("first {}, last {}", usage.seen.first, usage.seen.last));
    tally(page, "callers", &usage.callers, usage.callers.by_count());
    tally(page, "fields", &usage.fields, usage.fields.by_count());
    tally(page, "days", &usage.days, usage.days.by_name());
    if usage.waived > 0 {
        line(page, "waived", &usage.waived.to_string());
    }
    validations(page, policy);
}

fn line(page: &mut Page, title: &str, value: &str) {
    if !value.is_empty() {
        let _ = writeln!(page, "  {title:<13}  {value}");
    }
}

/// Names with their counts, and the sum of those that are not named.
fn tally(page: &mut Page, title: &str, tally: &Tally, all: Vec<(&str, u64)>) {
    let more = all.iter().skip(NAMED).map(|(_, count)| count).sum::<u64>() + tally.others();
    let kinds = all.len().saturating_sub(NAMED);
    let first = all.into_iter().take(NAMED).map(|(name, count)| format!("{name} {count}"));
    let more = (more > 0).then(|| {
        let at_least = if tally.others() > 0 { " or more" } else { "" };
        format!("and {kinds}{at_least} others {more}")
    });
    let words: Vec<_> = first.chain(more).collect();
    let list = page.list(VALUES, words.iter().map(String::as_str));
    line(page, title, &list);
}

/// How often each validation failed. Without the configuration only those that failed are known.
fn validations(page: &mut Page, policy: &PolicyView<'_>) {
    let sources = policy.configured.map_or(&[][..], |policy| &policy.validations);
    let counts = &policy.usage.validations;
    // a single one fails as often as its policy, which the table shows
    if sources.len().max(counts.len()) < 2 {
        return;
    }
    for position in 0..sources.len().max(counts.len()) {
        let title = format!("validation {}", position + 1);
        let count = counts.get(position).copied().unwrap_or_default();
        let count = if count == 0 { "never failed".to_owned() } else { format!("failed {}", times(count)) };
        let source = sources.get(position).map_or_else(String::new, |it| format!(": {}", one_line(&it.source)));
        page.paragraph(2, VALUES, &format!("{title:<13}  {count}{source}"));
    }
}
