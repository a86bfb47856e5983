//! The mutants of a limit.

use super::change::ChangedLines;
use super::expressions::Mutants;
use super::mutant::{Mutant, MutatedDocument};
use crate::manifest::{Manifest, duration};
use crate::policy::RequestLimit;

type Document = Manifest<RequestLimit>;

/// The mutants of `manifest`, in the order of its file. None is of `inFlight`: no two requests of a test are in flight at once.
pub(super) fn mutants(manifest: &Document) -> Vec<Mutant> {
    let wrap = |document| MutatedDocument::Limit(Box::new(document));
    let mut mutants = Mutants { source: &manifest.source, original: manifest, wrap, found: Vec::new() };
    let spec = &manifest.value.spec;
    mutants.operations(&spec.r#match.operations, |it| &mut it.value.spec.r#match.operations);
    mutants.environments(&spec.r#match.environments, |it| &mut it.value.spec.r#match.environments);
    mutants.conditions(&spec.match_conditions, |it| &mut it.value.spec.match_conditions);
    mutants.variables(&spec.variables, |it| &mut it.value.spec.variables);
    key_and_cost(&mut mutants);
    rate(&mut mutants);
    mutants.actions(&spec.actions, |it| &mut it.value.spec.actions);
    mutants.found
}

fn key_and_cost(mutants: &mut Mutants<'_, Document>) {
    let (source, spec) = (mutants.source, &mutants.original.value.spec);
    if let Some(key) = &spec.key {
        mutants.add("key removed", ChangedLines::remove_lines(source, "/spec/key"), |it| it.value.spec.key = None);
        mutants.expression("/spec/key", key, |it, text| it.value.spec.key = Some(text));
    }
    if let Some(cost) = &spec.cost {
        mutants.add("cost removed", ChangedLines::remove_lines(source, "/spec/cost"), |it| it.value.spec.cost = None);
        mutants.expression("/spec/cost", cost, |it, text| it.value.spec.cost = Some(text));
    }
}

fn rate(mutants: &mut Mutants<'_, Document>) {
    let (source, spec) = (mutants.source, &mutants.original.value.spec);
    let events = spec.events.into_iter().flat_map(|events| [events.saturating_add(1), events.saturating_sub(1)]);
    for events in events.filter(|events| *events > 0) {
        let lines = ChangedLines::replace_value(source, "/spec/events", &events.to_string());
        mutants.add("another constant", lines, |it| it.value.spec.events = Some(events));
    }
    let period = spec.period.as_deref().and_then(|period| duration::parse(period).ok());
    for tenths in [11, 9] {
        let Some(period) = period.map(|period| format!("{}ms", period.as_millis() * tenths / 10)) else { return };
        let lines = ChangedLines::replace_value(source, "/spec/period", &period);
        mutants.add("another constant", lines, |it| it.value.spec.period = Some(period));
    }
}
