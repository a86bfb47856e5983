//! What is allowed in a policy and yet likely a mistake: a rule that can be walked around.

use super::compile::Policy;
use super::source::RequestPolicy;
use crate::contract::{Contract, Operation};
use crate::manifest::Manifest;
use crate::span::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The operations that write what `policy` guards and that it does not match, each with the cure.
///
/// A rule can be walked around by another operation on the same resource that takes every field the rule reads, in any API
/// version.
pub fn lint(manifest: &Manifest<RequestPolicy>, policy: &Policy, contract: &Contract) -> Vec<Diagnostic> {
    let operations = contract.operations();
    let (own, others): (Vec<_>, Vec<_>) =
        operations.into_iter().partition(|operation| policy.scope.operations.contains(&operation.id));
    let mut open: BTreeMap<Arc<str>, BTreeSet<&str>> = BTreeMap::new();
    for other in others.iter().filter(|other| own.iter().any(|own| other.is_sibling_of(own))) {
        for fields in policy.validations.iter().filter_map(|validation| validation.reads.fields()) {
            if fields.iter().all(|field| declares(other, field)) {
                open.entry(other.id.clone()).or_default().extend(fields);
            }
        }
    }
    let named: Vec<&str> = manifest.value.spec.r#match.operations.iter().map(String::as_str).collect();
    let lints = open.into_iter().map(|(id, fields)| {
        let fields: Vec<String> = fields.into_iter().map(|field| format!("`{field}`")).collect();
        let message = format!("`{id}` takes {} too, and `{}` does not match it", fields.join(", "), policy.name);
        let only = named.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
        manifest.source.at("/spec/match/operations", message).with_help(format!(
            "add `{id}` to `operations`; if it is meant to be free, also a match condition: request.operation in [{only}]"
        ))
    });
    lints.collect()
}

fn declares(operation: &Operation, field: &str) -> bool {
    operation.body.as_ref().is_some_and(|body| body.declared().member(field).is_some())
}
