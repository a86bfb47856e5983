//! Lints rules on a field that has another type in some of the matched operations.
//!
//! An expression is checked with the types of all operations together. One that takes a string passes if the field is a string in one
//! operation, and has no value for a request to another where the field is a list.

use crate::cel::{Env, Issue, Kinds, ValueSchema as _};
use crate::contract::field_tree::FieldTree;
use crate::contract::{Contract, Operation};
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::policy::Policy;
use crate::policy::bindings::RequestDeclarations;
use crate::policy::source::{PolicySpec, RequestPolicy};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The pointer to an expression, the place in it, and the message: the same in several operations is reported once.
type IssueKey = (String, usize, String);
/// An issue, and the operations in which it is one.
type OperationIssue = (Issue, BTreeSet<Arc<str>>);

/// The expressions of `policy` that do not fit the types of each operation that it matches.
pub(in crate::policy) fn lint_policy(
    manifest: &Manifest<RequestPolicy>,
    policy: &Policy,
    contract: &Contract,
) -> Vec<Diagnostic> {
    let is_matched = |operation: &Arc<Operation>| policy.scope.operations.contains(&operation.id);
    let matched: Vec<Arc<Operation>> = contract.operations().into_iter().filter(is_matched).collect();
    if !policy.reads.by_name().into_iter().any(|field| differs(field, &matched)) {
        return Vec::new();
    }
    let mut found: BTreeMap<IssueKey, OperationIssue> = BTreeMap::new();
    for id in &policy.scope.operations {
        let own: Vec<Arc<Operation>> = matched.iter().filter(|operation| operation.id == *id).cloned().collect();
        for (pointer, issue) in issues(&manifest.value.spec, &matched, &own) {
            let key = (pointer, issue.span.start, issue.message.clone());
            found.entry(key).or_insert_with(|| (issue, BTreeSet::new())).1.insert(Arc::clone(id));
        }
    }
    let diagnostic = |((pointer, ..), (issue, ids)): (IssueKey, OperationIssue)| {
        let ids: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
        let message = format!("in {}: {}", ids.join(", "), issue.message);
        let help = "write a policy for each type, or leave these operations to another policy";
        manifest.source.within(&pointer, issue.span, message).with_help(help)
    };
    found.into_iter().map(diagnostic).collect()
}

/// Whether the field called `name` has other types in some of `operations` than in others.
fn differs(name: &str, operations: &[Arc<Operation>]) -> bool {
    let trees = operations.iter().filter_map(|operation| operation.body.as_ref()?.field_tree().member(name));
    let mut kinds = trees.map(FieldTree::kinds).map(|kinds| kinds.without(Kinds::NULL));
    kinds.next().is_some_and(|first| kinds.any(|other| other != first))
}

/// What does not fit in the expressions of `spec`, with the pointers to them, if fields have the types of the operations `own`.
fn issues(spec: &PolicySpec, matched: &[Arc<Operation>], own: &[Arc<Operation>]) -> Vec<(String, Issue)> {
    let declarations = RequestDeclarations::new(matched, &spec.r#match.environments).with_types_of(own);
    let mut env = Env::new(&declarations, &spec.all_params());
    let mut found = Vec::new();
    let mut add = |list: &str, position: usize, issues: Vec<Issue>| {
        let pointer = format!("/spec/{list}/{position}/expression");
        found.extend(issues.into_iter().map(|issue| (pointer.clone(), issue)));
    };
    for (position, variable) in spec.variables.iter().enumerate() {
        add("variables", position, env.declare(&variable.name, &variable.expression));
    }
    for (position, condition) in spec.match_conditions.iter().enumerate() {
        add("matchConditions", position, env.type_issues(&condition.expression));
    }
    for (position, validation) in spec.validations.iter().enumerate() {
        // one that asks for the type or the operation has another branch for each
        let asks = ["type(", "request.operation"].iter().any(|asked| validation.expression.contains(asked));
        if !asks {
            add("validations", position, env.type_issues(&validation.expression));
        }
    }
    found
}
