//! The mutants of a limit.

use super::change::ChangedLines;
use super::expressions::Mutants;
use super::mutant::{Mutant, MutatedDocument};
use crate::manifest::{Manifest, duration};
use crate::policy::{Action, RequestLimit};

type Document = Manifest<RequestLimit>;

/// The mutants of `manifest`, in the order of its file. None is of `inFlight`: no two requests of a test are in flight at once.
pub(super) fn mutants(manifest: &Document) -> Vec<Mutant> {
    let wrap = |document| MutatedDocument::Limit(Box::new(document));
    let mut mutants = Mutants { source: &manifest.source, original: manifest, wrap, found: Vec::new() };
    let spec = &manifest.value.spec;
    mutants.operations(&spec.r#match.operations, |it| &mut it.value.spec.r#match.operations);
    mutants.environments(&spec.r#match.environments, |it| &mut it.value.spec.r#match.environments);
    for (position, condition) in spec.match_conditions.iter().enumerate() {
        let pointer = format!("/spec/matchConditions/{position}/expression");
        mutants.add("condition removed", ChangedLines::remove_lines(&manifest.source, &pointer), |it| {
            it.value.spec.match_conditions.remove(position);
        });
        mutants.expression(&pointer, &condition.expression, |it, text| {
            if let Some(condition) = it.value.spec.match_conditions.get_mut(position) {
                condition.expression = text;
            }
        });
    }
    for (position, variable) in spec.variables.iter().enumerate() {
        let pointer = format!("/spec/variables/{position}/expression");
        mutants.expression(&pointer, &variable.expression, |it, text| {
            if let Some(variable) = it.value.spec.variables.get_mut(position) {
                variable.expression = text;
            }
        });
    }
    key_and_cost(&mut mutants);
    rate(&mut mutants);
    if spec.actions.contains(&Action::Deny) {
        let lines = ChangedLines::replace_value(&manifest.source, "/spec/actions", "[Audit]");
        mutants.add("another action", lines, |it| it.value.spec.actions = vec![Action::Audit]);
    }
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
