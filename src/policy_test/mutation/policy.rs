//! The mutants of a policy.

use super::change::ChangedLines;
use super::expressions::Mutants;
use super::mutant::{Mutant, MutatedDocument};
use super::values::{param_changes, schema_changes};
use crate::manifest::Manifest;
use crate::policy::RequestPolicy;
use serde_json::Value;

type Document = Manifest<RequestPolicy>;

/// The mutants of `manifest`, in the order of its file.
pub(super) fn mutants(manifest: &Document) -> Vec<Mutant> {
    let wrap = |document| MutatedDocument::Policy(Box::new(document));
    let mut mutants = Mutants { source: &manifest.source, original: manifest, wrap, found: Vec::new() };
    let spec = &manifest.value.spec;
    mutants.operations(&spec.r#match.operations, |it| &mut it.value.spec.r#match.operations);
    mutants.environments(&spec.r#match.environments, |it| &mut it.value.spec.r#match.environments);
    mutants.conditions(&spec.match_conditions, |it| &mut it.value.spec.match_conditions);
    mutants.variables(&spec.variables, |it| &mut it.value.spec.variables);
    params(&mut mutants);
    validations(&mut mutants);
    schema(&mut mutants);
    mutants.actions(&spec.actions, |it| &mut it.value.spec.actions);
    mutants.found
}

fn params(mutants: &mut Mutants<'_, Document>) {
    let (source, spec) = (mutants.source, &mutants.original.value.spec);
    for (name, value) in &spec.params {
        for change in param_changes(value, &format!("/spec/params/{}", name.replace('~', "~0").replace('/', "~1"))) {
            let (lines, name) = (change.lines(source), name.clone());
            mutants.add(change.what, lines, |it| {
                it.value.spec.params.insert(name, change.value);
            });
        }
    }
}

fn validations(mutants: &mut Mutants<'_, Document>) {
    let spec = &mutants.original.value.spec;
    let is_only = spec.validations.len() == 1 && spec.schema.is_none();
    for (position, validation) in spec.validations.iter().enumerate() {
        let pointer = format!("/spec/validations/{position}/expression");
        // without its only validation it would be no policy
        if !is_only {
            mutants.add("validation removed", ChangedLines::remove_lines(mutants.source, &pointer), |it| {
                it.value.spec.validations.remove(position);
            });
        }
        mutants.expression(&pointer, &validation.expression, |it, text| {
            if let Some(validation) = it.value.spec.validations.get_mut(position) {
                validation.expression = text;
            }
        });
    }
}

fn schema(mutants: &mut Mutants<'_, Document>) {
    let (source, spec) = (mutants.source, &mutants.original.value.spec);
    let Some(schema) = &spec.schema else { return };
    if !spec.validations.is_empty() {
        mutants.add("schema removed", ChangedLines::remove_lines(source, "/spec/schema"), |it| {
            it.value.spec.schema = None;
        });
    }
    for change in schema_changes(&Value::Object(schema.clone()), "/spec/schema") {
        let lines = change.lines(source);
        if let Value::Object(changed) = change.value {
            mutants.add(change.what, lines, |it| it.value.spec.schema = Some(changed));
        }
    }
}
