//! Lints rules whose harm another operation or field can do.
//!
//! A rule on `UpdateUser` alone is worth nothing if `CreateUser` takes the same field, and one on `password` little if a
//! `password_digest` passes.

use crate::contract::harm::{Harm, HarmField};
use crate::contract::{Contract, Operation};
use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifest, Source};
use crate::policy::limit::{Limit, RequestLimit};
use crate::policy::scope::Scope;
use crate::policy::source::{Match, RequestPolicy};
use crate::policy::{Policy, Validation};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The write operations of the whole contract that bypass `policy`: those that it does not match and that take a field which
/// one of its rules reads, and those that take a field which does the same harm. Each with a fix.
pub(in crate::policy) fn lint_policy(
    manifest: &Manifest<RequestPolicy>,
    policy: &Policy,
    contract: &Contract,
) -> Vec<Diagnostic> {
    let mut fields = BTreeSet::new();
    for validation in &policy.validations {
        // a rule on the caller is about the fields for which it applies
        let reads = if validation.reads.is_empty() { &policy.condition_reads } else { &validation.reads };
        let reads = reads.by_name();
        // one that names the field that it is about may read others for context
        match named_field(validation).filter(|field| reads.contains(field)) {
            Some(field) => _ = fields.insert(field),
            None => fields.extend(reads),
        }
    }
    fields.extend(policy.schema.iter().flat_map(|schema| schema.reads.by_name()));
    let about = fields.iter().copied().chain(policy.validations.iter().filter_map(named_field)).collect();
    let is_of_all = |validation: &Validation| validation.reads.is_empty() && policy.condition_reads.is_empty();
    let rule = RuleFields {
        name: &policy.name,
        scope: &policy.scope,
        fields,
        about,
        known: policy.reads.by_name(),
        judges_all: policy.validations.iter().any(is_of_all),
    };
    rule.lint(contract, &manifest.value.spec.r#match, &manifest.source)
}

/// The outermost field of the one that the validation names to callers.
fn named_field(validation: &Validation) -> Option<&str> {
    validation.field.as_deref()?.split('/').find(|name| !name.is_empty())
}

/// The write operations that bypass `limit`, which it does not count.
pub(in crate::policy) fn lint_limit(
    manifest: &Manifest<RequestLimit>,
    limit: &Limit,
    contract: &Contract,
) -> Vec<Diagnostic> {
    let fields = limit.reads.by_name();
    let (about, known) = (fields.clone(), fields.clone());
    let rule =
        RuleFields { name: &limit.name, scope: &limit.scope, fields, about, known, judges_all: limit.reads.is_empty() };
    rule.lint(contract, &manifest.value.spec.r#match, &manifest.source)
}

/// A policy or limit.
struct RuleFields<'r> {
    name: &'r str,
    scope: &'r Scope,
    /// The fields that it decides by.
    fields: BTreeSet<&'r str>,
    /// These, and those that it names to callers.
    about: BTreeSet<&'r str>,
    /// All that it reads.
    known: BTreeSet<&'r str>,
    /// Whether it judges every request to its operations, whatever the body.
    judges_all: bool,
}

/// A field by which an operation does what a rule is against.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Neighbour<'r> {
    operation: Arc<str>,
    field: &'r str,
    /// The harm, if it is another field that does the same.
    harm: Option<&'r str>,
}

impl RuleFields<'_> {
    fn lint(&self, contract: &Contract, matched: &Match, source: &Source) -> Vec<Diagnostic> {
        let neighbours = self.neighbours(contract);
        let mut used = BTreeSet::new();
        let mut grouped: BTreeMap<(&str, Option<&str>), Vec<String>> = BTreeMap::new();
        for Neighbour { operation, field, harm } in &neighbours {
            let excepts: Vec<usize> = matched.exceptions_for(operation, field).collect();
            if excepts.is_empty() {
                grouped.entry((operation.as_ref(), *harm)).or_default().push(format!("`{field}`"));
            }
            used.extend(excepts);
        }
        let by_field: BTreeSet<&str> = neighbours.iter().map(|neighbour| neighbour.operation.as_ref()).collect();
        let mut counterparts = self.counterparts(contract);
        counterparts.retain(|other, _| !by_field.contains(other.as_ref()));
        counterparts.retain(|other, _| {
            // an exception for all fields is one for the operation
            let excepts: Vec<usize> = matched.exceptions_for(other, "").collect();
            used.extend(&excepts);
            excepts.is_empty()
        });
        let found = self.warnings(source, grouped).into_iter();
        let found = found.chain(counterparts.iter().map(|(other, own)| {
            let name = self.name;
            let message =
                format!("`{other}` is `{own}` in another API on the same host, and `{name}` does not match it");
            let help = format!(
                "add `{other}` to `operations`; if it is left out on purpose, add it to `match.except` with a `reason`"
            );
            source.at("/spec/match/operations", message).with_help(help)
        }));
        let unused = (0..matched.except.len()).filter(|position| !used.contains(position)).map(|position| {
            let message = "it excepts nothing: no such operation takes a field that the rule is about";
            source.at(&format!("/spec/match/except/{position}"), message).with_help("remove it")
        });
        found.chain(unused).collect()
    }

    /// The write operations of other APIs that do what an operation of the rule does, each with that one.
    fn counterparts(&self, contract: &Contract) -> BTreeMap<Arc<str>, Arc<str>> {
        let operations = contract.operations();
        let (own, others): (Vec<_>, Vec<_>) =
            operations.iter().partition(|operation| self.scope.operations.contains(&operation.id));
        let writes = others.into_iter().filter(|operation| operation.is_write());
        let repeated = writes.filter_map(|other| {
            let meant = own.iter().find(|operation| other.repeats(operation))?;
            Some((Arc::clone(&other.id), Arc::clone(&meant.id)))
        });
        repeated.collect()
    }

    fn neighbours<'n>(&'n self, contract: &'n Contract) -> BTreeSet<Neighbour<'n>> {
        let operations = contract.operations();
        let (own, others): (Vec<_>, Vec<_>) =
            operations.iter().partition(|operation| self.scope.operations.contains(&operation.id));
        let mut found = BTreeSet::new();
        for operation in &others {
            let taken = self.fields.iter().filter(|field| operation.takes([**field]));
            found.extend(taken.map(|field| Neighbour { operation: operation.id.clone(), field, harm: None }));
        }
        for harm in contract.harms().iter().filter(|harm| self.is_against(harm, &own)) {
            let other_field = |operation: &&Arc<Operation>, field: &HarmField| {
                let is_matched = self.scope.operations.contains(&operation.id);
                let is_judged = is_matched && (self.judges_all || self.reads(field.name()));
                field.is_in(operation) && !is_judged && !self.is_same(operation, field)
            };
            for operation in &operations {
                let fields = harm.fields.iter().filter(|field| other_field(&operation, field));
                found.extend(fields.map(|field| Neighbour {
                    operation: operation.id.clone(),
                    field: field.name(),
                    harm: Some(&harm.name),
                }));
            }
        }
        found
    }

    fn reads(&self, field: &str) -> bool {
        self.known.contains(field) || self.about.contains(field)
    }

    /// Whether the field is one of the rule's own, at an operation that it does not match.
    fn is_same(&self, operation: &Operation, field: &HarmField) -> bool {
        !self.scope.operations.contains(&operation.id)
            && self.fields.contains(field.name())
            && operation.takes([field.name()])
    }

    /// Whether the rule is about a field of `harm` at one of its own operations.
    fn is_against(&self, harm: &Harm, own: &[&Arc<Operation>]) -> bool {
        let is_own = |field: &&HarmField| self.about.contains(field.name()) && own.iter().any(|it| field.is_in(it));
        harm.fields.iter().any(|field| is_own(&field))
    }

    /// A warning for all operations that take the same fields: a name such as `public_metadata` is one of many operations.
    fn warnings(&self, source: &Source, fields_of: BTreeMap<(&str, Option<&str>), Vec<String>>) -> Vec<Diagnostic> {
        let mut operations_with: BTreeMap<(String, Option<&str>, bool), Vec<&str>> = BTreeMap::new();
        for ((id, harm), fields) in fields_of {
            let is_matched = self.scope.operations.contains(id);
            operations_with.entry((fields.join(", "), harm, is_matched)).or_default().push(id);
        }
        let warnings = operations_with.into_iter().map(|((fields, harm, is_matched), ids)| {
            let (name, list) = (self.name, ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", "));
            let one = ids.len() == 1;
            let takes = if one { "takes" } else { "take" };
            let lack = match (is_matched, one) {
                (true, _) => "read it",
                (false, true) => "match it",
                (false, false) => "match them",
            };
            let message = match harm {
                None => format!("{list} {takes} {fields} too, and `{name}` does not {lack}"),
                Some(harm) => {
                    format!(
                        "{list} {takes} {fields}, which does the same harm (`{harm}`), and `{name}` does not {lack}"
                    )
                }
            };
            let fix = if is_matched { "validate it too".to_owned() } else { format!("add {list} to `operations`") };
            let (are, them) = if one || is_matched { ("it is", "it") } else { ("they are", "them") };
            let help = format!("{fix}; if {are} left out on purpose, add {them} to `match.except` with a `reason`");
            source.at("/spec/match/operations", message).with_help(help)
        });
        warnings.collect()
    }
}
