//! Lints expressions on the name or labels of the gateway where its configuration has none.
//!
//! What the configuration does not set reads as null. A rule for the gateways of one name then applies to none.

use crate::cel::References;
use crate::diagnostic::Diagnostic;
use crate::manifest::Source;
use crate::policy::source::NamedExpression;
use crate::policy::{Instance, PolicyDocuments};

/// What the expressions of `documents` read of `instance` that its configuration does not set.
pub fn lint_instance(documents: &PolicyDocuments, instance: &Instance) -> Vec<Diagnostic> {
    let absent = [
        (
            "name",
            instance.name.is_none(),
            "set `instance.name` in the configuration, such as `instance: { name: billing }`",
        ),
        (
            "labels",
            instance.labels.is_empty(),
            "set `instance.labels` in the configuration, such as `instance: { labels: { team: billing } }`",
        ),
    ];
    let mut found = Vec::new();
    for (member, _, help) in absent.into_iter().filter(|(_, is_absent, _)| *is_absent) {
        for (source, pointer, expression) in expressions(documents) {
            if References::of("instance", std::iter::once(expression)).has(member) {
                let message = format!("the configuration sets no `instance.{member}`, which reads as null here");
                found.push(source.at(&pointer, message).with_help(help));
            }
        }
    }
    found
}

/// Every expression of `documents`, with its place.
fn expressions(documents: &PolicyDocuments) -> Vec<(&Source, String, &str)> {
    let mut all = Vec::new();
    for manifest in &documents.policies {
        let (source, spec) = (&manifest.source, &manifest.value.spec);
        all.extend(named_expressions(source, "variables", &spec.variables));
        all.extend(named_expressions(source, "matchConditions", &spec.match_conditions));
        let validations = spec.validations.iter().enumerate();
        all.extend(validations.map(|(position, it)| {
            (source, format!("/spec/validations/{position}/expression"), it.expression.as_str())
        }));
    }
    for manifest in &documents.limits {
        let (source, spec) = (&manifest.source, &manifest.value.spec);
        all.extend(named_expressions(source, "variables", &spec.variables));
        all.extend(named_expressions(source, "matchConditions", &spec.match_conditions));
        let values = [("key", &spec.key), ("cost", &spec.cost)].into_iter();
        all.extend(values.filter_map(|(name, value)| Some((source, format!("/spec/{name}"), value.as_deref()?))));
    }
    for manifest in &documents.waivers {
        all.extend(named_expressions(&manifest.source, "matchConditions", &manifest.value.spec.match_conditions));
    }
    all
}

fn named_expressions<'d>(
    source: &'d Source,
    key: &'d str,
    all: &'d [NamedExpression],
) -> impl Iterator<Item = (&'d Source, String, &'d str)> {
    let place = move |position| format!("/spec/{key}/{position}/expression");
    all.iter().enumerate().map(move |(position, it)| (source, place(position), it.expression.as_str()))
}
