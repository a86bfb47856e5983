//! Lints rules that another operation bypasses.
//!
//! A rule on `UpdateUser` alone is worth nothing if `CreateUser` takes the same field.

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

/// The operations that bypass `policy`: those on the same resource that take every field which one of its rules reads, in any
/// API version, and that it does not match. Each with a fix.
pub(in crate::policy) fn lint_policy(
    manifest: &Manifest<RequestPolicy>,
    policy: &Policy,
    contract: &Contract,
) -> Vec<Diagnostic> {
    let reads = policy.validations.iter().map(|validation| &validation.reads);
    let reads: Vec<_> = reads.chain(policy.schema.as_ref().map(|schema| &schema.reads)).collect();
    let bypasses = find_bypasses(&policy.scope, &reads, contract);
    diagnostics(bypasses, &policy.name, &manifest.value.spec.r#match, &manifest.source)
}

/// The operations that bypass `limit`: those on the same resource that take every field which its conditions and key read, and
/// that it does not count.
pub(in crate::policy) fn lint_limit(
    manifest: &Manifest<RequestLimit>,
    limit: &Limit,
    contract: &Contract,
) -> Vec<Diagnostic> {
    let bypasses = find_bypasses(&limit.scope, &[&limit.reads], contract);
    diagnostics(bypasses, &limit.name, &manifest.value.spec.r#match, &manifest.source)
}

/// By operation id, the fields that a rule reads and the operation takes.
type Bypasses<'r> = BTreeMap<Arc<str>, BTreeSet<&'r str>>;

fn find_bypasses<'r>(scope: &Scope, reads: &[&'r Reads], contract: &Contract) -> Bypasses<'r> {
    let operations = contract.operations();
    let (own, others): (Vec<_>, Vec<_>) =
        operations.into_iter().partition(|operation| scope.operations.contains(&operation.id));
    let mut bypasses = Bypasses::new();
    for other in others.iter().filter(|other| own.iter().any(|own| other.is_sibling_of(own))) {
        // One rule at a time: an operation that takes the fields of two rules together, but of neither alone, bypasses none.
        for fields in reads.iter().filter_map(|reads| reads.fields()) {
            if fields.iter().all(|field| declares(other, field)) {
                bypasses.entry(other.id.clone()).or_default().extend(fields);
            }
        }
    }
    bypasses
}

fn diagnostics(bypasses: Bypasses<'_>, name: &str, matched: &Match, source: &Source) -> Vec<Diagnostic> {
    let lints = bypasses.into_iter().map(|(id, fields)| {
        let fields: Vec<String> = fields.into_iter().map(|field| format!("`{field}`")).collect();
        let message = format!("`{id}` takes {} too, and `{name}` does not match it", fields.join(", "));
        let only = matched.operations.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
        source.at("/spec/match/operations", message).with_help(format!(
            "add `{id}` to `operations`; if it is exempt on purpose, also a match condition: request.operation in [{only}]"
        ))
    });
    lints.collect()
}

fn declares(operation: &Operation, field: &str) -> bool {
    operation.body.as_ref().is_some_and(|body| body.field_tree().member(field).is_some())
}
