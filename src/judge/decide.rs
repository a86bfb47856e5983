//! The decision.

use super::bundle::Bundle;
use super::permit::Permit;
use super::violation::{Rule, Violation};
use super::waive::waive;
use crate::cel::{EvaluationError, TracePart};
use crate::contract::field::Field;
use crate::contract::finding::{FindingKind, SchemaFinding};
use crate::contract::strictness::{InspectionRules, Mode, UnknownFields};
use crate::contract::{BodySchema, Operation};
use crate::document::{Document, JsonKind, ParseError, Problem, View};
use crate::policy::{
    Action, Attributes, Limit, LimitOutcome, OutOfScope, Policy, PolicyOutcome, Waiver, WaiverOutcome,
};
use crate::reason::Reason;
use bytes::Bytes;
use std::sync::Arc;

/// What the judge says of one request.
#[derive(Debug)]
pub struct Judgement {
    /// The permit, or why there is none.
    pub verdict: Result<Permit, Reason>,
    /// Everything that rules found, whatever the action.
    pub violations: Vec<Violation>,
    /// What each policy for the operation said, in order.
    pub rules: Vec<(Arc<Policy>, PolicyOutcome)>,
    /// The body as it was read; none where there was none to read, or it could not be read as JSON.
    pub document: Option<Arc<Document>>,
    /// What each limit for the operation said, in order. What counts, counts only where the verdict is a permit.
    pub limits: Vec<(Arc<Limit>, LimitOutcome)>,
    /// What each waiver that was asked is to the request, by policy.
    pub waivers: Vec<(Arc<Waiver>, WaiverOutcome)>,
}

/// A step of the judge that is over; for who keeps the time, which the judge does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The body was read as JSON, or there was none to read.
    Parse,
    /// It was held against the schema.
    Schema,
}

/// [`decide_in_steps`], where nobody needs to hear of the steps.
pub fn decide(bundle: &Bundle, operation: &Operation, attributes: &Attributes<'_>, body: Bytes) -> Judgement {
    decide_in_steps(bundle, operation, attributes, body, |_| ())
}

/// Judges a request to `operation`. Pure: the same arguments always get the same judgement. `body` is the whole body; it is not
/// looked at where the contract has no schema for it.
///
/// An empty body passes the schema: an SDK's `updateUser(id)` sends none, and the upstream has an answer for it.
///
/// What the bundle does not inspect is judged by the strictest measure.
///
/// `after` hears of each step when it is over; policies are what comes last.
pub fn decide_in_steps(
    bundle: &Bundle,
    operation: &Operation,
    attributes: &Attributes<'_>,
    body: Bytes,
    after: impl FnMut(Step),
) -> Judgement {
    let ask = |policy: &Policy, document: Option<&Arc<Document>>| policy.evaluate(operation, document, attributes);
    judged(bundle, operation, attributes, body, after, ask)
}

/// The same, with the record of every expression that was evaluated: of each policy in [`Judgement::rules`] its conditions
/// and validations, as far as it came to them.
pub fn decide_recorded(
    bundle: &Bundle,
    operation: &Operation,
    attributes: &Attributes<'_>,
    body: Bytes,
) -> (Judgement, Vec<Vec<TracePart>>) {
    let mut parts = Vec::new();
    let ask = |policy: &Policy, document: Option<&Arc<Document>>| {
        let (outcome, evaluated) = policy.evaluate_recorded(operation, document, attributes);
        parts.push(evaluated);
        outcome
    };
    let judgement = judged(bundle, operation, attributes, body, |_| (), ask);
    (judgement, parts)
}

fn judged(
    bundle: &Bundle,
    operation: &Operation,
    attributes: &Attributes<'_>,
    body: Bytes,
    mut after: impl FnMut(Step),
    mut ask: impl FnMut(&Policy, Option<&Arc<Document>>) -> PolicyOutcome,
) -> Judgement {
    let inspection = bundle.inspection(operation).unwrap_or(InspectionRules::STRICT);
    let mut violations = Vec::new();
    let document = match (&operation.body, body.is_empty()) {
        (None, _) | (_, true) => None,
        (Some(schema), false) => match Document::parse(&body) {
            Ok(document) => {
                after(Step::Parse);
                let findings = schema.check(&document).into_iter();
                let is_misleading = |finding: &SchemaFinding| is_misleading(bundle, operation, attributes, finding);
                violations.extend(findings.filter_map(|finding| from_schema(inspection, finding, is_misleading)));
                deny_opaque(inspection, schema, &document, &mut violations);
                after(Step::Schema);
                Some(Arc::new(document))
            }
            Err(error) => {
                after(Step::Parse);
                violations.push(from_parse(inspection, schema, &error));
                return conclude(Permit::judged(body), violations, Vec::new(), Vec::new(), Vec::new());
            }
        },
    };
    let is_sound = violations.iter().all(|violation| violation.action != Action::Deny);
    let policies = bundle.policies.of_operation(&operation.id).iter();
    let rules: Vec<(Arc<Policy>, PolicyOutcome)> =
        policies.map(|policy| (policy.clone(), ask(policy, document.as_ref()))).collect();
    let mut waivers = Vec::new();
    for (policy, outcome) in &rules {
        let mut found = from_policy(policy, outcome, is_sound);
        waivers.extend(waive(policy, operation, document.as_ref(), attributes, is_sound, &mut found));
        violations.append(&mut found);
    }
    let limits = bundle.policies.limits_of_operation(&operation.id).iter();
    let limits: Vec<(Arc<Limit>, LimitOutcome)> =
        limits.map(|limit| (limit.clone(), limit.evaluate(operation, document.as_ref(), attributes))).collect();
    if is_sound {
        violations.extend(limits.iter().filter_map(|(limit, claim)| from_limit(limit, claim)));
    }
    // what the contract has no schema for is forwarded as it streams; only its head was judged
    let permit = if operation.body.is_some() { Permit::judged(body) } else { Permit::exempt() };
    Judgement { document, ..conclude(permit, violations, rules, waivers, limits) }
}

/// Refused for the first violation whose action is to deny; violations come in the order in which rules were asked.
fn conclude(
    permit: Permit,
    violations: Vec<Violation>,
    rules: Vec<(Arc<Policy>, PolicyOutcome)>,
    waivers: Vec<(Arc<Waiver>, WaiverOutcome)>,
    limits: Vec<(Arc<Limit>, LimitOutcome)>,
) -> Judgement {
    let denied = violations.iter().find(|violation| violation.action == Action::Deny);
    let verdict = denied.map_or(Ok(permit), |violation| Err(violation.reason));
    Judgement { verdict, violations, rules, document: None, waivers, limits }
}

fn from_parse(inspection: InspectionRules, schema: &BodySchema, error: &ParseError) -> Violation {
    let (reason, field, hint) = match &error.problem {
        Problem::DuplicateName(steps) => (
            Reason::AmbiguousJson,
            schema.field_tree().reportable_field(steps),
            "give each field once; decoders differ in which counts",
        ),
        Problem::Encoding => (Reason::MalformedJson, None, "send the body as UTF-8"),
        Problem::Syntax => (Reason::MalformedJson, None, "send one JSON value (RFC 8259)"),
        Problem::TooDeep => (Reason::MalformedJson, None, "flatten the body"),
    };
    Violation {
        reason,
        action: unreadable(inspection),
        rule: Rule::Gateway,
        field,
        message: error.to_string().into(),
        hint: Some(hint.into()),
        owner: None,
        waived_by: None,
    }
}

/// What a body that does not fit the schema leads to.
const fn misfit(inspection: InspectionRules) -> Action {
    match inspection.mode {
        Mode::Enforce => Action::Deny,
        Mode::Audit => Action::Audit,
    }
}

/// Where a policy matches, a body that should be an object and is none is refused even if it is only audited: policies see no
/// fields in it, whatever it holds.
fn deny_opaque(inspection: InspectionRules, schema: &BodySchema, document: &Document, violations: &mut [Violation]) {
    let has_fields = schema.field_tree().types().iter().any(|name| name.as_ref() == "object");
    if has_fields && document.root().kind() != JsonKind::Object {
        for violation in violations {
            violation.action = violation.action.min(unreadable(inspection));
        }
    }
}

/// What a body that has no meaning, or more than one, leads to.
fn unreadable(inspection: InspectionRules) -> Action {
    if inspection.is_shadow() { Action::Audit } else { Action::Deny }
}

/// What lets a request to `operation` pass whose body cannot be read, for `reason`, and what to tell of it: there is such a
/// thing only where the operation is but looked at.
pub fn permit_unread(bundle: &Bundle, operation: &Operation, reason: Reason) -> Option<(Permit, Violation)> {
    let violation = Violation {
        reason,
        action: Action::Audit,
        rule: Rule::Gateway,
        field: None,
        message: reason.meaning().into(),
        hint: None,
        owner: None,
        waived_by: None,
    };
    bundle.inspection(operation).filter(|inspection| inspection.is_shadow()).map(|_| (Permit::exempt(), violation))
}

/// Whether a field has another type than the rule that is to refuse by it was proven for: what that makes of it, nobody said,
/// and an upstream that takes `"true"` for `true` is told what the rule did not see.
fn is_misleading(bundle: &Bundle, operation: &Operation, attributes: &Attributes<'_>, finding: &SchemaFinding) -> bool {
    let Some(Field::Declared(field)) = &finding.field else { return false };
    let pointer = if field.starts_with('/') { field.clone() } else { format!("/{field}") };
    matches!(finding.keyword, "type" | "anyOf" | "allOf")
        && bundle.policies.deny_by(&operation.id, attributes.environment, &pointer)
}

/// The violation for a finding of the schema; none where the configuration lets it pass. What misleads is refused even
/// where the contract is only audited.
fn from_schema(
    inspection: InspectionRules,
    finding: SchemaFinding,
    is_misleading: impl Fn(&SchemaFinding) -> bool,
) -> Option<Violation> {
    let (reason, action) = match (finding.kind, inspection.unknown_fields) {
        (FindingKind::Invalid, _) if inspection.mode == Mode::Audit && is_misleading(&finding) => {
            (Reason::SchemaViolation, Action::Deny)
        }
        (FindingKind::Invalid, _) | (FindingKind::Unknown, UnknownFields::Deny) => {
            (Reason::SchemaViolation, misfit(inspection))
        }
        (FindingKind::UnknownConfusable, UnknownFields::Deny) if inspection.mode == Mode::Enforce => {
            (Reason::SchemaViolation, Action::Deny)
        }
        // a decoder may take it for the declared name, which no one would then have judged
        (FindingKind::Confusable | FindingKind::UnknownConfusable, _) => {
            (Reason::AmbiguousJson, unreadable(inspection))
        }
        (FindingKind::Unknown, UnknownFields::Warn) => (Reason::SchemaViolation, misfit(inspection).max(Action::Warn)),
        (FindingKind::Unknown, UnknownFields::Allow) => return None,
    };
    Some(Violation {
        reason,
        action,
        rule: Rule::Keyword(finding.keyword),
        message: sentence(&finding),
        field: finding.field,
        hint: finding.suggestion.map(|meant| format!("did you mean `{meant}`?").into()),
        owner: None,
        waived_by: None,
    })
}

fn sentence(finding: &SchemaFinding) -> Arc<str> {
    let subject =
        finding.field.as_ref().map_or_else(|| "the body".to_owned(), |field| format!("`{}`", field.for_caller()));
    format!("{subject} {}", finding.message).into()
}

/// The violation for what does not fit a policy's schema.
fn from_policy_schema(policy: &Policy, finding: &SchemaFinding) -> Violation {
    Violation {
        reason: Reason::PolicyDenied,
        action: policy.action,
        rule: Rule::Policy(policy.name.clone()),
        message: sentence(finding),
        field: finding.field.clone(),
        hint: None,
        owner: policy.owner.clone(),
        waived_by: None,
    }
}

/// The violations that a policy found. Where the body does not fit the schema, a rule's failure says nothing new: it was
/// written for bodies that do.
fn from_policy(policy: &Policy, outcome: &PolicyOutcome, is_sound: bool) -> Vec<Violation> {
    let mut violations = Vec::new();
    match outcome {
        PolicyOutcome::OtherEnvironment | PolicyOutcome::NoMatch(_) | PolicyOutcome::Holds => {}
        PolicyOutcome::Failed(position, error) => {
            if is_sound {
                let part = format!("match condition `{}`", policy.scope.condition(*position));
                violations.push(failed(policy.into(), &part, *error));
            }
        }
        PolicyOutcome::Violated(positions) | PolicyOutcome::SchemaViolated(_, positions) => {
            if let PolicyOutcome::SchemaViolated(findings, _) = outcome {
                violations.extend(findings.iter().map(|finding| from_policy_schema(policy, finding)));
            }
            for (position, error) in positions {
                match (policy.validations.get(*position), error) {
                    (Some(validation), None) => violations.push(Violation {
                        reason: Reason::PolicyDenied,
                        action: policy.action,
                        rule: Rule::Policy(policy.name.clone()),
                        field: validation.field.as_deref().map(|field| Field::Declared(field.to_owned())),
                        message: validation.message.clone(),
                        hint: validation.hint.clone(),
                        owner: policy.owner.clone(),
                        waived_by: None,
                    }),
                    (_, Some(error)) if is_sound => {
                        violations.push(failed(policy.into(), &format!("validation {}", position + 1), *error));
                    }
                    _ => {}
                }
            }
        }
    }
    violations
}

/// The violation of a limit of which nobody can say whether and by what it counts the request.
fn from_limit(limit: &Limit, claim: &LimitOutcome) -> Option<Violation> {
    match claim {
        LimitOutcome::Counted(_) | LimitOutcome::NotCounted(OutOfScope::OtherEnvironment | OutOfScope::NoMatch(_)) => {
            None
        }
        LimitOutcome::NotCounted(OutOfScope::Failed(position, error)) => {
            let part = format!("match condition `{}`", limit.scope.condition(*position));
            Some(failed(limit.into(), &part, *error))
        }
        LimitOutcome::Failed(error) => Some(failed(limit.into(), "key", *error)),
    }
}

/// What could not be evaluated.
#[derive(Clone, Copy)]
struct Unevaluated<'p> {
    name: &'p Arc<str>,
    owner: Option<&'p Arc<str>>,
    action: Action,
}

impl<'p> From<&'p Policy> for Unevaluated<'p> {
    fn from(policy: &'p Policy) -> Self {
        Self { name: &policy.name, owner: policy.owner.as_ref(), action: policy.action }
    }
}

impl<'p> From<&'p Limit> for Unevaluated<'p> {
    fn from(limit: &'p Limit) -> Self {
        Self { name: &limit.name, owner: limit.owner.as_ref(), action: limit.action }
    }
}

/// A rule that fails is not known to hold: whoever wrote `Deny` gets a refusal.
fn failed(of: Unevaluated<'_>, part: &str, error: EvaluationError) -> Violation {
    Violation {
        reason: Reason::PolicyError,
        action: of.action,
        rule: Rule::Policy(of.name.clone()),
        field: None,
        message: format!("policy `{}` could not be evaluated: {part}: {error}", of.name).into(),
        hint: Some("this is a mistake in the policy, not in your request; tell its owner".into()),
        owner: of.owner.cloned(),
        waived_by: None,
    }
}
