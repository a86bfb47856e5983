//! Lints expressions that fail for requests without a field, a header or a client property.
//!
//! What is absent reads as null, and hardly any operator accepts null. A rule that overlooks this refuses every such request as
//! `policy_error`.

use crate::cel::{
    AbsenceOutcome, Assumptions, Expression, Literals, MemberRead, MemberReads, OpenChoice, UnguardedNull,
};
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

/// The conditions and validations of `policy` that fail for requests that lack something, each with a fix.
pub(in crate::policy) fn lint_policy(
    manifest: &Manifest<RequestPolicy>,
    policy: &Policy,
    contract: &Contract,
) -> Vec<Diagnostic> {
    let schema = manifest.value.spec.schema.as_ref();
    // A field that the policy's own schema requires is never absent where the validations decide.
    let demanded = schema.and_then(|schema| schema.get("required")).map(strings).unwrap_or_default();
    let mut guards = Guards::new(&manifest.source, policy.action);
    let (mut literals, mut members) = (scope_literals(&policy.scope), scope_members(&policy.scope));
    for validation in &policy.validations {
        literals.add(&validation.expression);
        members.add(&validation.expression);
    }
    let read = ReadParts { scope: &policy.scope, reads: &policy.reads, literals: &literals, members: &members };
    read.for_each_absence(contract, &demanded, |request, assumed| {
        assumed.for_each_path(|assumptions| {
            let mut path = Path { scope: &policy.scope, request, assumptions, choice: None };
            if !guards.may_match(&mut path) {
                return None;
            }
            let outcomes: Vec<AbsenceOutcome> =
                policy.validations.iter().map(|it| path.outcome(&it.expression)).collect();
            // Another validation refuses the request anyway, and its message explains more than an error would.
            if outcomes.contains(&AbsenceOutcome::Decided(false)) {
                return None;
            }
            for (position, outcome) in outcomes.into_iter().enumerate() {
                guards.report(&format!("/spec/validations/{position}/expression"), Fix::Or, request.absence, outcome);
            }
            path.choice
        });
    });
    guards.found
}

/// The conditions, the key and the cost of `limit` that fail for requests that lack something, each with a fix.
pub(in crate::policy) fn lint_limit(
    manifest: &Manifest<RequestLimit>,
    limit: &Limit,
    contract: &Contract,
) -> Vec<Diagnostic> {
    let mut guards = Guards::new(&manifest.source, limit.action);
    let (mut literals, mut members) = (scope_literals(&limit.scope), scope_members(&limit.scope));
    for expression in limit.key.iter().chain(&limit.cost) {
        literals.add_value(expression);
        members.add_value(expression);
    }
    let read = ReadParts { scope: &limit.scope, reads: &limit.reads, literals: &literals, members: &members };
    read.for_each_absence(contract, &BTreeSet::new(), |request, assumed| {
        assumed.for_each_path(|assumptions| {
            let mut path = Path { scope: &limit.scope, request, assumptions, choice: None };
            if !guards.may_match(&mut path) {
                return None;
            }
            let parts = [("/spec/key", &limit.key), ("/spec/cost", &limit.cost)].into_iter();
            for (pointer, expression) in parts.filter_map(|(pointer, it)| Some((pointer, it.as_ref()?))) {
                let (outcome, choice) =
                    expression.absence_outcome::<UnknownBody>(&limit.scope.variables, request, assumptions);
                guards.report(pointer, Fix::Conditional, request.absence, outcome);
                path.choice = path.choice.or(choice);
            }
            path.choice
        });
    });
    guards.found
}

/// The literals of the match conditions and variables.
pub(super) fn scope_literals(scope: &Scope) -> Literals {
    let mut literals = Literals::of(&scope.variables);
    scope.conditions.iter().for_each(|(_, condition)| literals.add(condition));
    literals
}

/// The members that the match conditions and variables read.
pub(super) fn scope_members(scope: &Scope) -> MemberReads {
    let mut members = MemberReads::of(&scope.variables);
    scope.conditions.iter().for_each(|(_, condition)| members.add(condition));
    members
}

/// One path through the expressions of a document: a request that lacks something, and what is assumed of the rest of it.
struct Path<'p> {
    scope: &'p Scope,
    request: &'p PartialRequest<'p>,
    assumptions: &'p Assumptions<'p>,
    /// What to assume next.
    choice: Option<OpenChoice>,
}

impl Path<'_> {
    fn outcome(&mut self, expression: &Expression) -> AbsenceOutcome {
        let (outcome, choice) =
            expression.absence_outcome::<UnknownBody>(&self.scope.variables, self.request, self.assumptions);
        self.choice = self.choice.take().or(choice);
        outcome
    }
}

/// What the expressions of a document read, each part of which a request may lack.
struct ReadParts<'r> {
    scope: &'r Scope,
    reads: &'r Reads,
    literals: &'r Literals,
    members: &'r MemberReads,
}

impl ReadParts<'_> {
    /// Calls `visit` with each request in scope that lacks one thing, with one without any field, and with one that lacks everything,
    /// and with what is to be assumed of the expressions for it.
    fn for_each_absence(
        &self,
        contract: &Contract,
        demanded: &BTreeSet<String>,
        mut visit: impl FnMut(&PartialRequest<'_>, Assumptions<'_>),
    ) {
        let operations =
            contract.operations().into_iter().filter(|operation| self.scope.operations.contains(&operation.id));
        for operation in operations {
            // The contract refuses a body without these before any policy is evaluated.
            let required: BTreeSet<String> = required_fields(&operation).union(demanded).cloned().collect();
            // Each on its own: a rule may need a guard in one environment only.
            let environments = [Environment::Production, Environment::Development].into_iter();
            for environment in environments.filter(|environment| self.scope.may_be_for(*environment)) {
                let request =
                    |absence| PartialRequest { operation: &operation, environment, required: &required, absence };
                for absence in absences(self.scope, self.reads, &operation) {
                    visit(&request(absence), Assumptions::none(self.literals));
                }
                for member in self.members.iter() {
                    visit(&request(Absence::Member), Assumptions::without(self.literals, member, false));
                    if may_be_null(&operation, member) {
                        visit(&request(Absence::MemberValue), Assumptions::without(self.literals, member, true));
                    }
                }
            }
        }
    }
}

/// Whether `null` can be sent in `member`: a contract that does not declare the member permits every type.
fn may_be_null(operation: &Operation, member: MemberRead<'_>) -> bool {
    let declared = || {
        let mut path = member.path()?;
        let body = path.next().filter(|root| *root == "body").and(operation.body.as_ref())?;
        path.try_fold(body.field_tree(), |tree, name| tree.member(name))
    };
    declared().is_none_or(|tree| tree.types().is_empty() || is_nullable(tree))
}

fn is_nullable(tree: &FieldTree) -> bool {
    tree.types().iter().any(|name| name.as_ref() == "null")
}

/// What a request to `operation` may lack, of all that the expressions read.
fn absences<'s>(scope: &'s Scope, reads: &'s Reads, operation: &Operation) -> Vec<Absence<'s>> {
    let takes_null = |name: &&str| {
        let declared = operation.body.as_ref().and_then(|body| body.field_tree().member(name));
        declared.is_some_and(is_nullable)
    };
    let fields = reads.by_name();
    let mut absences: Vec<Absence<'_>> = fields.iter().copied().map(Absence::Field).collect();
    absences.extend([Absence::Fields, Absence::Everything]);
    absences.extend(fields.iter().copied().filter(takes_null).map(Absence::Value));
    absences.extend(scope.headers.iter().flatten().map(|name| Absence::Header(name)));
    absences.extend(scope.query.iter().flatten().map(|name| Absence::Parameter(name)));
    absences.extend(scope.labels.iter().map(|name| Absence::Label(name)));
    absences.extend([Absence::SpiffeId, Absence::Certificate, Absence::UnixUid, Absence::Key]);
    absences.extend([Absence::InstanceName, Absence::EnvironmentName]);
    absences
}

/// The fields that the contract requires in a body of `operation`.
fn required_fields(operation: &Arc<Operation>) -> BTreeSet<String> {
    let schema = operation.body.as_ref().and_then(|body| body.effective().ok()).map(|effective| effective.schema);
    schema.as_ref().and_then(|schema| schema.get("required")).map(strings).unwrap_or_default()
}

fn strings(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What happens to a request for which a rule with this action has no value.
pub(super) const fn as_policy_error(action: Action) -> &'static str {
    match action {
        Action::Deny => "refused as policy_error",
        Action::Warn => "warned of as policy_error",
        Action::Audit => "audited as policy_error",
    }
}

/// How to make an expression accept null.
#[derive(Clone, Copy)]
enum Fix {
    /// `X == null || ...`, for a validation: there is nothing to object to.
    Or,
    /// `X != null && ...`, for a match condition: the rule is not for such requests.
    And,
    /// `X == null ? "" : ...`, for a key: all such requests are counted together.
    Conditional,
}

/// The lints of one document.
struct Guards<'s> {
    source: &'s Source,
    action: Action,
    /// What was reported: the pointer of an expression, and the name that reads as null in it. Many requests fail alike.
    reported: BTreeSet<(String, String)>,
    found: Vec<Diagnostic>,
}

impl<'s> Guards<'s> {
    const fn new(source: &'s Source, action: Action) -> Self {
        Self { source, action, reported: BTreeSet::new(), found: Vec::new() }
    }

    /// Whether the match conditions may all be true on this path. Reports those that fail.
    fn may_match(&mut self, path: &mut Path<'_>) -> bool {
        for (position, (_, condition)) in path.scope.conditions.iter().enumerate() {
            match path.outcome(condition) {
                AbsenceOutcome::Decided(true) | AbsenceOutcome::Undetermined => {}
                AbsenceOutcome::Decided(false) => return false,
                unguarded @ AbsenceOutcome::Unguarded(_) => {
                    let pointer = format!("/spec/matchConditions/{position}/expression");
                    self.report(&pointer, Fix::And, path.request.absence, unguarded);
                    return false;
                }
            }
        }
        true
    }

    /// Reports that the expression at `pointer` fails, once for each name. Does nothing for other outcomes.
    fn report(&mut self, pointer: &str, fix: Fix, absence: Absence<'_>, outcome: AbsenceOutcome) {
        let AbsenceOutcome::Unguarded(UnguardedNull { name, taker, takes_bool }) = outcome else { return };
        if !self.reported.insert((pointer.to_owned(), name.clone())) {
            return;
        }
        let done = as_policy_error(self.action);
        let (reads, those) = match absence {
            Absence::Value(_) | Absence::MemberValue => ("is null where null is sent", "requests that send it so"),
            _ => ("reads as null where it is absent", "requests without it"),
        };
        let message = format!("`{name}` {reads}, and `{taker}` takes no null: {those} would be {done}");
        let is_field = name.starts_with("body");
        let help = match (fix, taker.as_str()) {
            (_, "!") => format!("write `{name} != true`"),
            _ if takes_bool => format!("write `{name} == true`"),
            (Fix::Conditional, _) => format!("write `{name} == null ? \"\" : ...`"),
            (Fix::Or, _) if is_field => format!("write `{name} == null || ...`"),
            _ => format!("write `{name} != null && ...`"),
        };
        self.found.push(self.source.at(pointer, message).with_help(help));
    }
}
