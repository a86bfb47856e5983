//! What is allowed in a policy and yet likely a mistake: a rule that can be walked around.

use crate::contract::{Contract, Operation};
use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifest, Source};
use crate::policy::Policy;
use crate::policy::limit::{Limit, RequestLimit};
use crate::policy::reads::Reads;
use crate::policy::scope::Scope;
use crate::policy::source::{Match, RequestPolicy};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The operations that write what `policy` guards and that it does not match, each with the cure.
///
/// A rule can be walked around by another operation on the same resource that takes every field the rule reads, in any API
/// version.
pub(in crate::policy) fn lint_policy(
    manifest: &Manifest<RequestPolicy>,
    policy: &Policy,
    contract: &Contract,
) -> Vec<Diagnostic> {
    let reads = policy.validations.iter().map(|validation| &validation.reads);
    let reads: Vec<_> = reads.chain(policy.schema.as_ref().map(|schema| &schema.reads)).collect();
    let open = open(&policy.scope, &reads, contract);
    told(open, &policy.name, &manifest.value.spec.r#match, &manifest.source)
}

/// As [`lint_policy`]: what a limit counts can be done by an operation that it does not count, if that takes every field by which
/// it tells what to count.
pub(in crate::policy) fn lint_limit(
    manifest: &Manifest<RequestLimit>,
    limit: &Limit,
    contract: &Contract,
) -> Vec<Diagnostic> {
    let open = open(&limit.scope, &[&limit.reads], contract);
    told(open, &limit.name, &manifest.value.spec.r#match, &manifest.source)
}

/// The operations by which a rule can be walked around, with the fields that it reads and they take.
type Open<'r> = BTreeMap<Arc<str>, BTreeSet<&'r str>>;

fn open<'r>(scope: &Scope, reads: &[&'r Reads], contract: &Contract) -> Open<'r> {
    let operations = contract.operations();
    let (own, others): (Vec<_>, Vec<_>) =
        operations.into_iter().partition(|operation| scope.operations.contains(&operation.id));
    let mut open = Open::new();
    for other in others.iter().filter(|other| own.iter().any(|own| other.is_sibling_of(own))) {
        for fields in reads.iter().filter_map(|reads| reads.fields()) {
            if fields.iter().all(|field| declares(other, field)) {
                open.entry(other.id.clone()).or_default().extend(fields);
            }
        }
    }
    open
}

fn told(open: Open<'_>, name: &str, matched: &Match, source: &Source) -> Vec<Diagnostic> {
    let lints = open.into_iter().map(|(id, fields)| {
        let fields: Vec<String> = fields.into_iter().map(|field| format!("`{field}`")).collect();
        let message = format!("`{id}` takes {} too, and `{name}` does not match it", fields.join(", "));
        let only = matched.operations.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
        source.at("/spec/match/operations", message).with_help(format!(
            "add `{id}` to `operations`; if it is meant to be free, also a match condition: request.operation in [{only}]"
        ))
    });
    lints.collect()
}

fn declares(operation: &Operation, field: &str) -> bool {
    operation.body.as_ref().is_some_and(|body| body.field_tree().member(field).is_some())
}
