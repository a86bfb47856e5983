//! The report for people: what to do first, then why.

use super::{PolicyTold, Told};
use crate::cli::columns::{columns, one_line, wrapped};
use crate::policy::Action;
use crate::rollout::{Advice, PolicyUse, Tally};
use std::fmt::Write;

/// How many of the callers, fields and days of a policy are named.
const NAMED: usize = 10;
/// The column at which what is named of a policy begins.
const INDENT: usize = 17;

pub(super) fn report(told: &Told<'_>) -> String {
    let mut text = String::new();
    conclusion(&mut text, told);
    text.push('\n');
    read(&mut text, told);
    if !told.policies.is_empty() {
        // writing to a `String` cannot fail
        let _ = writeln!(text, "\n{}", table(told));
    }
    for policy in told.policies.iter().filter(|policy| policy.said.violated > 0) {
        details(&mut text, policy);
    }
    limits(&mut text, told);
    text.trim_end().to_owned()
}

/// The policies by what to do with them.
fn conclusion(text: &mut String, told: &Told<'_>) {
    let mut rows = Vec::new();
    for advice in Advice::ALL {
        let names = told.policies.iter().filter(|policy| policy.advice == advice).map(|policy| policy.name);
        let names = wrapped(20, names);
        if !names.is_empty() {
            rows.push(vec![title(advice).to_owned(), names]);
        }
    }
    if rows.is_empty() && told.report.limits.is_empty() {
        rows.push(vec!["no policy was asked".to_owned()]);
    }
    let rows: Vec<_> = rows.iter().map(|row| padded(row)).chain(limited(told)).collect();
    let _ = writeln!(text, "{}", rows.join("\n"));
}

/// The limits that requests were above.
fn limited(told: &Told<'_>) -> Option<String> {
    let met = told.report.limits.iter().filter(|(_, used)| used.limited > 0).map(|(name, _)| name.as_ref());
    let names = wrapped(20, met);
    (!names.is_empty()).then(|| padded(&["limited".to_owned(), names]))
}

fn padded(row: &[String]) -> String {
    match row {
        [title, names] => format!("{title:<18}  {names}"),
        _ => row.concat(),
    }
}

const fn title(advice: Advice) -> &'static str {
    match advice {
        Advice::Promote => "safe to promote",
        Advice::Enforced => "enforced",
        Advice::Mend => "to be mended",
        Advice::Look => "would refuse",
        Advice::Wait => "too early to tell",
        Advice::Dead => "dead",
    }
}

/// What was read.
fn read(text: &mut String, told: &Told<'_>) {
    let report = told.report;
    let (decisions, judged) = (report.decisions, report.judged);
    let (first, last) = (&report.period.first, &report.period.last);
    let period = if report.decisions == 0 { String::new() } else { format!(" from {first} to {last}") };
    let decisions = if decisions == 1 { "1 decision".to_owned() } else { format!("{decisions} decisions") };
    let _ = writeln!(text, "{decisions}{period}, {judged} of them asked policies");
    let revisions = report.revisions.as_ref().map_or(0, |revisions| revisions.by_name().len());
    if revisions > 1 {
        let _ = writeln!(text, "policies or contract changed meanwhile: {revisions} revisions judged");
    }
    if report.more_policies > 0 {
        let _ = writeln!(text, "{} answers are of further policies, which are left out", report.more_policies);
    }
    for line in told.skipped.told() {
        let _ = writeln!(text, "{line}");
    }
}

fn table(told: &Told<'_>) -> String {
    let header = ["policy", "action", "applied", "failed", "why"].map(str::to_owned).to_vec();
    let rows = told.policies.iter().map(|policy| {
        let said = policy.said;
        let action = if policy.is_gone { "gone" } else { said.action.as_str() };
        vec![
            policy.name.to_owned(),
            action.to_owned(),
            said.applied_requests().to_string(),
            said.violated.to_string(),
            why(policy),
        ]
    });
    columns("  ", &std::iter::once(header).chain(rows).collect::<Vec<_>>())
}

/// Why the advice.
fn why(policy: &PolicyTold<'_>) -> String {
    let said = policy.said;
    match policy.advice {
        Advice::Promote if said.violated > 0 => "refuses only callers that are expected".to_owned(),
        Advice::Promote => "would have refused nothing".to_owned(),
        Advice::Enforced if said.violated == 0 => "never refused anything".to_owned(),
        Advice::Enforced => format!("refused {}", callers_of(said)),
        Advice::Mend => format!("could not be evaluated {}", times(said.failed)),
        Advice::Look => format!("would refuse {}", callers_of(said)),
        Advice::Wait => "would have refused nothing, but applied too seldom".to_owned(),
        Advice::Dead if said.asked == 0 => "no request to its operations".to_owned(),
        Advice::Dead if said.elsewhere == said.asked => "no request of its environments".to_owned(),
        Advice::Dead if said.misfits > 0 => "asked only of bodies that do not fit the schema".to_owned(),
        Advice::Dead => {
            let conditions = said.unmatched.by_count();
            let names: Vec<_> = conditions.iter().map(|(name, _)| format!("`{name}`")).collect();
            format!("never matched: {}", names.join(", "))
        }
    }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn callers_of(said: &PolicyUse) -> String {
    match said.callers.by_count().len() {
        many if said.callers.others() > 0 => format!("more than {many} callers"),
        1 => "1 caller".to_owned(),
        many => format!("{many} callers"),
    }
}

/// What limits found too many, and of whom.
fn limits(text: &mut String, told: &Told<'_>) {
    for (name, used) in &told.report.limits {
        let (action, limited) = (used.action.as_str(), used.limited);
        let verb = if used.action == Action::Deny { "limited" } else { "would have limited" };
        let requests = if limited == 1 { "request" } else { "requests" };
        let _ = writeln!(text, "\n{name} (limit, {action}) {verb} {limited} {requests}");
        if limited > 0 {
            line(text, "seen", &format!("first {}, last {}", used.seen.first, used.seen.last));
            line(text, "callers", &named(&used.callers, used.callers.by_count()));
            line(text, "days", &named(&used.days, used.days.by_name()));
        }
    }
    if told.report.more_limits > 0 {
        let _ = writeln!(text, "\nfurther limits, which are left out, limited {}", told.report.more_limits);
    }
}

/// Whom a policy refused, or would have, where and when.
fn details(text: &mut String, policy: &PolicyTold<'_>) {
    let said = policy.said;
    let (refused, applied) = (said.violated, said.applied_requests());
    let verb = if said.action == Action::Deny { "refused" } else { "would have refused" };
    let _ = writeln!(text, "\n{} ({}) {verb} {refused} of {applied}", policy.name, said.action.as_str());
    line(text, "seen", &format!("first {}, last {}", said.seen.first, said.seen.last));
    line(text, "callers", &named(&said.callers, said.callers.by_count()));
    line(text, "fields", &named(&said.fields, said.fields.by_count()));
    line(text, "days", &named(&said.days, said.days.by_name()));
    if said.waived > 0 {
        line(text, "waived", &said.waived.to_string());
    }
    validations(text, policy);
}

fn line(text: &mut String, title: &str, value: &str) {
    if !value.is_empty() {
        let _ = writeln!(text, "  {title:<13}  {value}");
    }
}

/// Things with how often they were seen, the rest of them counted.
fn named(tally: &Tally, all: Vec<(&str, u64)>) -> String {
    let more = all.iter().skip(NAMED).map(|(_, count)| count).sum::<u64>() + tally.others();
    let kinds = all.len().saturating_sub(NAMED);
    let shown = all.into_iter().take(NAMED).map(|(name, count)| format!("{name} {count}"));
    let more = (more > 0).then(|| {
        let at_least = if tally.others() > 0 { " or more" } else { "" };
        format!("and {kinds}{at_least} others {more}")
    });
    let words: Vec<_> = shown.chain(more).collect();
    wrapped(INDENT, words.iter().map(String::as_str))
}

/// How often each validation was not true. By the log alone only those are known that were not.
fn validations(text: &mut String, policy: &PolicyTold<'_>) {
    let sources = policy.configured.map_or(&[][..], |policy| &policy.validations);
    let counts = &policy.said.validations;
    if sources.len().max(counts.len()) < 2 {
        return;
    }
    for position in 0..sources.len().max(counts.len()) {
        let title = format!("validation {}", position + 1);
        let count = counts.get(position).copied().unwrap_or_default();
        let count = if count == 0 { "never failed".to_owned() } else { format!("failed {}", times(count)) };
        let source = sources.get(position).map_or_else(String::new, |it| format!(": {}", one_line(&it.source)));
        line(text, &title, &format!("{count}{source}"));
    }
}
