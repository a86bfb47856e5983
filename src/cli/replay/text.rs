//! The outcome for people: what would change first, then where.

use super::{Told, expression};
use crate::cli::columns::{columns, wrapped};
use crate::rollout::{Examples, PolicyChange};
use std::fmt::Write;

pub(super) fn replay(told: &Told<'_>) -> String {
    let replay = told.replay;
    let mut text = String::new();
    let (refused, allowed, unknown) = (replay.refused.count, replay.allowed.count, replay.undetermined.count);
    // writing to a `String` cannot fail
    let _ = writeln!(text, "newly refused {refused}, newly allowed {allowed}, undetermined {unknown}");
    let (decisions, judged, standing) = (replay.decisions, replay.judged, replay.standing);
    let decisions = counted(decisions);
    let _ = writeln!(text, "\n{decisions}: {judged} judged again, {standing} stand whatever policies say");
    for (operation, count) in replay.unrecorded.by_count() {
        let _ =
            writeln!(text, "{count} of {operation} cannot be judged again: no policy asked, so nothing was recorded");
    }
    if replay.unrecorded.others() > 0 {
        let _ = writeln!(text, "{} of further operations neither", replay.unrecorded.others());
    }
    for line in told.skipped.told() {
        let _ = writeln!(text, "{line}");
    }
    table(&mut text, told);
    examples(&mut text, told, "newly refused", |change| &change.refused);
    examples(&mut text, told, "newly allowed", |change| &change.allowed);
    undetermined(&mut text, told);
    text.trim_end().to_owned()
}

/// The policies that say something else now, or may.
fn table(text: &mut String, told: &Told<'_>) {
    let header = ["policy", "action", "failed", "fails now", "refused anew", "allowed anew", "undetermined"];
    let is_news = |change: &PolicyChange| {
        let ids = change.refused.count + change.allowed.count;
        change.before != change.after || ids > 0 || !change.undetermined.is_empty()
    };
    let (news, others): (Vec<_>, Vec<_>) = told.replay.policies.iter().partition(|(_, change)| is_news(change));
    let (same, idle): (Vec<_>, Vec<_>) = others.into_iter().partition(|(_, change)| change.asked > 0);
    let rows = news.iter().map(|(name, change)| {
        let action = change.action.map_or("gone", |action| action.as_str());
        let undetermined = change.undetermined.values().map(|examples| examples.count).max().unwrap_or_default();
        let counts = [change.before, change.after, change.refused.count, change.allowed.count, undetermined];
        [name.to_string(), action.to_owned()].into_iter().chain(counts.map(|count| count.to_string())).collect()
    });
    let header = header.map(str::to_owned).to_vec();
    if !news.is_empty() {
        let _ = writeln!(text, "\n{}", columns("  ", &std::iter::once(header).chain(rows).collect::<Vec<_>>()));
    }
    match (news.is_empty(), same.len()) {
        (_, 0) => {}
        (true, count) => drop(writeln!(text, "\nno policy says anything else than it did: {count} compared")),
        (false, count) => drop(writeln!(text, "  and {count} that say what they said")),
    }
    let idle = wrapped(2, idle.iter().filter(|(_, change)| change.action.is_some()).map(|(name, _)| name.as_ref()));
    if !idle.is_empty() {
        let _ = writeln!(text, "\nnot tried, since the log has no request to their operations\n  {idle}");
    }
}

/// By which policies decisions change, with the ids of some.
fn examples(text: &mut String, told: &Told<'_>, title: &str, of: impl Fn(&PolicyChange) -> &Examples) {
    let changed = told.replay.policies.iter().filter(|(_, change)| of(change).count > 0);
    let rows: Vec<_> = changed.map(|(name, change)| vec![name.to_string(), such_as(of(change))]).collect();
    if !rows.is_empty() {
        let _ = writeln!(text, "\n{title} by\n{}", columns("  ", &rows));
    }
}

/// Which expressions ask for what the record hides.
fn undetermined(text: &mut String, told: &Told<'_>) {
    let mut lines = String::new();
    for (name, change) in &told.replay.policies {
        for (part, examples) in &change.undetermined {
            let expression = expression(told.bundle, name, *part);
            let _ = writeln!(lines, "  {name}: {expression}\n    {}", such_as(examples));
        }
    }
    if !lines.is_empty() {
        let _ = writeln!(text, "\nundetermined, since the log does not hold the values that these ask for\n{lines}");
    }
}

fn such_as(examples: &Examples) -> String {
    format!("{}, such as {}", counted(examples.count), examples.decisions.join(", "))
}

fn counted(decisions: u64) -> String {
    if decisions == 1 { "1 decision".to_owned() } else { format!("{decisions} decisions") }
}
