//! The outcome for programs.

use super::{ReplayView, expression};
use crate::policy::Action;
use crate::policy::replay::PolicyPart;
use crate::rollout::{ExampleDecisions, PolicyChange};
use serde_json::{Value, json};

pub(super) fn replay(view: &ReplayView<'_>) -> String {
    let replay = view.replay;
    let unrecorded = replay.unrecorded.by_count().into_iter();
    let unrecorded = unrecorded.map(|(operation, count)| json!({ "operation": operation, "count": count }));
    // names of fields are an interface: they stay when the fields of the report are renamed
    let json = json!({
        "decisions": replay.decisions,
        "judged": replay.judged,
        "standing": replay.standing,
        "unrecorded": { "named": unrecorded.collect::<Vec<_>>(), "others": replay.unrecorded.others() },
        "damaged_lines": view.skipped.damaged,
        "unknown_lines": view.skipped.unknown,
        "broken_files": view.skipped.broken,
        "sampled_decisions": view.skipped.sampled,
        "sampled_represent": view.skipped.represented.round(),
        "missing_decisions": view.skipped.numbers.missing(),
        "newly_refused": examples(&replay.refused),
        "newly_allowed": examples(&replay.allowed),
        "undetermined": examples(&replay.undetermined),
        "policies": replay.policies.iter().map(|(name, change)| policy(view, name, change)).collect::<Vec<_>>(),
    });
    format!("{json:#}")
}

fn policy(view: &ReplayView<'_>, name: &str, change: &PolicyChange) -> Value {
    let undetermined = change.undetermined.iter().map(|(part, of)| {
        let kind = match part {
            PolicyPart::Condition(_) => "condition",
            PolicyPart::Validation(_) => "validation",
            PolicyPart::Schema => "schema",
            PolicyPart::Waiver(_) => "waiver",
        };
        json!({ kind: expression(view.bundle, name, *part), "count": of.count, "decisions": of.decisions })
    });
    json!({
        "name": name,
        "action": change.action.map(Action::as_str),
        "asked": change.asked,
        "failed": change.before,
        "fails_now": change.after,
        "newly_refused": examples(&change.refused),
        "newly_allowed": examples(&change.allowed),
        "undetermined": undetermined.collect::<Vec<_>>(),
    })
}

fn examples(examples: &ExampleDecisions) -> Value {
    json!({ "count": examples.count, "decisions": examples.decisions })
}
