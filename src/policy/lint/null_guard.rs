//! Expressions that have no value for requests that lack a field, a header or such: what is absent reads as null, and hardly
//! anything takes null. Whoever forgets that refuses every such request.

use crate::cel::{AbsenceOutcome, UnguardedNull};
use crate::contract::credential::Environment;
use crate::contract::field_tree::FieldTree;
use crate::contract::{Contract, Operation};
use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifest, Source};
use crate::policy::Action;
use crate::policy::Policy;
use crate::policy::bindings::{Absence, PartialRequest, UnknownBody};
use crate::policy::limit::{Limit, RequestLimit};
use crate::policy::reads::Reads;
use crate::policy::scope::Scope;
use crate::policy::source::RequestPolicy;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The conditions and validations of `policy` that have no value for requests that lack something, each with the cure.
pub(in crate::policy) fn lint_policy(
    manifest: &Manifest<RequestPolicy>,
    policy: &Policy,
    contract: &Contract,
) -> Vec<Diagnostic> {
    let schema = manifest.value.spec.schema.as_ref();
    let demanded = schema.and_then(|schema| schema.get("required")).map(strings).unwrap_or_default();
    let mut guards = Guards::new(&manifest.source, policy.action);
    for_each_lack(&policy.scope, &policy.reads, contract, &demanded, |request| {
        if !guards.conditions(&policy.scope, request) {
            return;
        }
        let asked = policy
            .validations
            .iter()
            .map(|it| it.expression.absence_outcome::<UnknownBody>(&policy.scope.variables, request));
        let asked: Vec<AbsenceOutcome> = asked.collect();
        // what is refused for a reason of its own needs no guard
        if !asked.contains(&AbsenceOutcome::Decided(false)) {
            for (position, without) in asked.into_iter().enumerate() {
                guards.note(&format!("/spec/validations/{position}/expression"), Cure::Or, request.absence, without);
            }
        }
    });
    guards.found
}

/// As [`lint_policy`], of the conditions and the key of a limit.
pub(in crate::policy) fn lint_limit(
    manifest: &Manifest<RequestLimit>,
    limit: &Limit,
    contract: &Contract,
) -> Vec<Diagnostic> {
    let mut guards = Guards::new(&manifest.source, limit.action);
    for_each_lack(&limit.scope, &limit.reads, contract, &BTreeSet::new(), |request| {
        let matches = guards.conditions(&limit.scope, request);
        if let Some(key) = limit.key.as_ref().filter(|_| matches) {
            let without = key.absence_outcome::<UnknownBody>(&limit.scope.variables, request);
            guards.note("/spec/key", Cure::Choice, request.absence, without);
        }
    });
    guards.found
}

/// Asks `of` for every request in scope that lacks one thing, for one without any field, and for one that has nothing at all.
fn for_each_lack(
    scope: &Scope,
    reads: &Reads,
    contract: &Contract,
    demanded: &BTreeSet<String>,
    mut of: impl FnMut(&PartialRequest<'_>),
) {
    let operations = contract.operations().into_iter().filter(|operation| scope.operations.contains(&operation.id));
    for operation in operations {
        let required: BTreeSet<String> = required(&operation).union(demanded).cloned().collect();
        let environments = [Environment::Production, Environment::Development].into_iter();
        for environment in environments.filter(|environment| scope.is_for(*environment)) {
            for lack in lacks(scope, reads, &operation) {
                of(&PartialRequest { operation: &operation, environment, required: &required, absence: lack });
            }
        }
    }
}

/// What a request to `operation` may lack, as far as expressions ask for it.
fn lacks<'s>(scope: &'s Scope, reads: &'s Reads, operation: &Operation) -> Vec<Absence<'s>> {
    let is_nullable = |name: &&str| {
        let declared = operation.body.as_ref().and_then(|body| body.field_tree().member(name));
        declared.map(FieldTree::types).unwrap_or_default().iter().any(|name| name.as_ref() == "null")
    };
    let fields = reads.named();
    let mut lacks: Vec<Absence<'_>> = fields.iter().copied().map(Absence::Field).collect();
    lacks.extend([Absence::Fields, Absence::Everything]);
    lacks.extend(fields.iter().copied().filter(is_nullable).map(Absence::Value));
    lacks.extend(scope.headers.iter().flatten().map(|name| Absence::Header(name)));
    lacks.extend(scope.query.iter().map(|name| Absence::Parameter(name)));
    lacks.extend([Absence::SpiffeId, Absence::Certificate, Absence::UnixUid, Absence::Key]);
    lacks
}

/// The fields without which the contract takes no body of `operation`.
fn required(operation: &Arc<Operation>) -> BTreeSet<String> {
    let schema = operation.body.as_ref().and_then(|body| body.effective().ok()).map(|effective| effective.schema);
    schema.as_ref().and_then(|schema| schema.get("required")).map(strings).unwrap_or_default()
}

fn strings(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What to write around an expression that takes no null.
#[derive(Clone, Copy)]
enum Cure {
    /// It is true where there is nothing to hold it against.
    Or,
    /// It is not true there.
    And,
    /// It is something else there.
    Choice,
}

/// The lints of one document.
struct Guards<'s> {
    source: &'s Source,
    action: Action,
    /// The places that were told, each with the name that reads as null there.
    told: BTreeSet<(String, String)>,
    found: Vec<Diagnostic>,
}

impl<'s> Guards<'s> {
    const fn new(source: &'s Source, action: Action) -> Self {
        Self { source, action, told: BTreeSet::new(), found: Vec::new() }
    }

    /// Whether the conditions may all be true of the request, as far as is known.
    fn conditions(&mut self, scope: &Scope, request: &PartialRequest<'_>) -> bool {
        for (position, (_, condition)) in scope.conditions.iter().enumerate() {
            match condition.absence_outcome::<UnknownBody>(&scope.variables, request) {
                AbsenceOutcome::Decided(true) | AbsenceOutcome::Undetermined => {}
                AbsenceOutcome::Decided(false) => return false,
                unguarded @ AbsenceOutcome::Unguarded(_) => {
                    let pointer = format!("/spec/matchConditions/{position}/expression");
                    self.note(&pointer, Cure::And, request.absence, unguarded);
                    return false;
                }
            }
        }
        true
    }

    /// Tells that the expression at `pointer` has no value, if it is so, once for each name.
    fn note(&mut self, pointer: &str, cure: Cure, lack: Absence<'_>, without: AbsenceOutcome) {
        let AbsenceOutcome::Unguarded(UnguardedNull { name, taker, takes_bool }) = without else { return };
        if !self.told.insert((pointer.to_owned(), name.clone())) {
            return;
        }
        let done = match self.action {
            Action::Deny => "refused as policy_error",
            Action::Warn => "warned of as policy_error",
            Action::Audit => "audited as policy_error",
        };
        let (reads, those) = match lack {
            Absence::Value(_) => ("is null where null is sent", "requests that send it so"),
            _ => ("reads as null where it is absent", "requests without it"),
        };
        let message = format!("`{name}` {reads}, and `{taker}` takes no null: {those} would be {done}");
        let is_field = name.starts_with("body");
        let help = match (cure, taker.as_str()) {
            (_, "!") => format!("write `{name} != true`"),
            _ if takes_bool => format!("write `{name} == true`"),
            (Cure::Choice, _) => format!("write `{name} == null ? \"\" : ...`"),
            (Cure::Or, _) if is_field => format!("write `{name} == null || ...`"),
            _ => format!("write `{name} != null && ...`"),
        };
        self.found.push(self.source.at(pointer, message).with_help(help));
    }
}
