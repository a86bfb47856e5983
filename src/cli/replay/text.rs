//! The result for people: what would change first, then by which policies.

use super::{ReplayView, expression};
use crate::cli::page::Page;
use crate::rollout::{ExampleDecisions, PolicyChange};
use std::fmt::Write;

pub(super) fn replay(view: &ReplayView<'_>, width: usize) -> String {
    let replay = view.replay;
    let mut page = Page::new(width);
    let (refused, allowed, unknown) = (replay.refused.count, replay.allowed.count, replay.undetermined.count);
    let _ = writeln!(page, "newly refused {refused}, newly allowed {allowed}, undetermined {unknown}");
    let (judged, standing) = (replay.judged, replay.standing);
    let decisions = decisions(replay.decisions);
    let _ = writeln!(page);
    page.paragraph(0, 2, &format!("{decisions}: {judged} judged again, {standing} do not depend on policies"));
    for (operation, count) in replay.unrecorded.by_count() {
        let why = "no policy matched, so the log has no record of the request";
        page.paragraph(0, 2, &format!("{count} of {operation} cannot be judged again: {why}"));
    }
    if replay.unrecorded.others() > 0 {
        let _ = writeln!(page, "{} of other operations cannot be judged again either", replay.unrecorded.others());
    }
    for line in view.skipped.summary() {
        page.paragraph(0, 2, &line);
    }
    table(&mut page, view);
    examples(&mut page, view, "newly refused", |change| &change.refused);
    examples(&mut page, view, "newly allowed", |change| &change.allowed);
    unknown_values(&mut page, view);
    page.into_text()
}

/// The policies whose outcomes change, or may change.
fn table(page: &mut Page, view: &ReplayView<'_>) {
    let header = ["policy", "action", "failed", "fails now", "newly refused", "newly allowed", "undetermined"];
    let is_changed = |change: &PolicyChange| {
        let decisions = change.refused.count + change.allowed.count;
        change.before != change.after || decisions > 0 || !change.undetermined.is_empty()
    };
    let (changed, others): (Vec<_>, Vec<_>) = view.replay.policies.iter().partition(|(_, change)| is_changed(change));
    let (same, untried): (Vec<_>, Vec<_>) = others.into_iter().partition(|(_, change)| change.asked > 0);
    let rows = changed.iter().map(|(name, change)| {
        let action = change.action.map_or("removed", |action| action.as_str());
        // the largest and not the sum: several expressions may be undetermined for one decision
        let undetermined = change.undetermined.values().map(|examples| examples.count).max().unwrap_or_default();
        let counts = [change.before, change.after, change.refused.count, change.allowed.count, undetermined];
        [name.to_string(), action.to_owned()].into_iter().chain(counts.map(|count| count.to_string())).collect()
    });
    let header = header.map(str::to_owned).to_vec();
    if !changed.is_empty() {
        let _ = writeln!(page);
        page.table(2, &std::iter::once(header).chain(rows).collect::<Vec<_>>());
    }
    match (changed.is_empty(), same.len()) {
        (_, 0) => {}
        (true, count) => drop(writeln!(page, "\nno policy has another outcome: {count} compared")),
        (false, count) => drop(writeln!(page, "  and {count} with the same outcomes")),
    }
    let names = untried.iter().filter(|(_, change)| change.action.is_some()).map(|(name, _)| name.as_ref());
    let names = page.list(2, names);
    if !names.is_empty() {
        let _ = writeln!(page, "\nnot tried, because the log has no request to their operations\n  {names}");
    }
}

/// The policies by which decisions change, with the ids of some of these decisions.
fn examples(page: &mut Page, view: &ReplayView<'_>, title: &str, of: impl Fn(&PolicyChange) -> &ExampleDecisions) {
    let changed = view.replay.policies.iter().filter(|(_, change)| of(change).count > 0);
    let rows: Vec<_> = changed.map(|(name, change)| vec![name.to_string(), such_as(of(change))]).collect();
    if !rows.is_empty() {
        let _ = writeln!(page, "\n{title} by");
        page.table(2, &rows);
    }
}

/// The expressions that read values which the log does not record.
fn unknown_values(page: &mut Page, view: &ReplayView<'_>) {
    let all =
        view.replay.policies.iter().flat_map(|(name, change)| change.undetermined.iter().map(move |it| (name, it)));
    for (position, (name, (part, examples))) in all.enumerate() {
        if position == 0 {
            let _ = writeln!(page);
            page.paragraph(0, 2, "undetermined, because the log does not record the values that these read");
        }
        page.paragraph(2, 4, &format!("{name}: {}", expression(view.bundle, name, *part)));
        page.paragraph(4, 4, &such_as(examples));
    }
}

fn such_as(examples: &ExampleDecisions) -> String {
    format!("{}, such as {}", decisions(examples.count), examples.decisions.join(", "))
}

fn decisions(count: u64) -> String {
    if count == 1 { "1 decision".to_owned() } else { format!("{count} decisions") }
}
