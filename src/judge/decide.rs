//! The decision.

use super::bundle::Bundle;
use super::findings::{deny_unless_object, from_contract, from_limit, from_parse_error, from_policy};
use super::observer::{JudgeStep, Observer};
use super::permit::Permit;
use super::violation::{Rule, Violation};
use super::waive::{evaluate_waivers_of, waive};
use crate::contract::field::Field;
use crate::contract::finding::SchemaFinding;
use crate::contract::strictness::InspectionRules;
use crate::contract::{BodySchema, Operation, VersionPlace, requested_version};
use crate::document::Document;
use crate::policy::{Action, Attributes, Limit, LimitOutcome, Policy, PolicyOutcome, Waiver, WaiverOutcome};
use crate::reason::Reason;
use bytes::Bytes;
use std::sync::Arc;

/// The judgement of one request.
#[derive(Debug)]
pub struct Judgement {
    /// The permit to forward the request, or why it is refused.
    pub verdict: Result<Permit, Reason>,
    /// Every violation that was found, whatever its action, in the order in which the rules were evaluated.
    pub violations: Vec<Violation>,
    /// The fields of the body that the contract does not have, whatever happens to them.
    pub unknown_fields: Vec<Field>,
    /// The outcome of each policy that was visited, in the order of the bundle. Those of the operation that are missing are for other
    /// environments: see [`Self::outcomes`].
    pub rules: Vec<(Arc<Policy>, PolicyOutcome)>,
    /// Whether the judge came to the policies: a body that cannot be read is refused before.
    is_evaluated: bool,
    /// The parsed body. `None` if the request has no body that the contract describes, or it is not valid JSON.
    pub document: Option<Arc<Document>>,
    /// The outcome of each limit for the operation, in the order of the bundle. A limit counts only requests that have a permit.
    pub limits: Vec<(Arc<Limit>, LimitOutcome)>,
    /// The outcome of each waiver that was evaluated, by policy and limit.
    pub waivers: Vec<(Arc<Waiver>, WaiverOutcome)>,
}

impl Judgement {
    /// The outcome of each policy for `operation` in `bundle`, which judged it, in their order; nothing if it did not come to them.
    pub fn outcomes<'a>(
        &'a self,
        bundle: &'a Bundle,
        operation: &Operation,
    ) -> impl Iterator<Item = (&'a Arc<Policy>, &'a PolicyOutcome)> {
        let mut visited = self.rules.iter().peekable();
        let policies = if self.is_evaluated { bundle.policies.of_operation(&operation.id) } else { &[] };
        policies.iter().map(move |policy| {
            let outcome = visited.next_if(|(known, _)| Arc::ptr_eq(known, policy)).map(|(_, outcome)| outcome);
            (policy, outcome.unwrap_or(&PolicyOutcome::OtherEnvironment))
        })
    }

    /// A judgement that so far holds only `violations`. It is refused for the first of them whose action is to deny.
    fn conclude(permit: Permit, violations: Vec<Violation>) -> Self {
        let denied = violations.iter().find(|violation| violation.action == Action::Deny);
        let verdict = denied.map_or(Ok(permit), |violation| Err(violation.reason));
        Self {
            verdict,
            violations,
            unknown_fields: Vec::new(),
            rules: Vec::new(),
            is_evaluated: false,
            document: None,
            waivers: Vec::new(),
            limits: Vec::new(),
        }
    }
}

/// Judges a request to `operation`. Pure: the same arguments always give the same judgement.
///
/// `body` is the whole body. It is ignored if the contract has no schema for it. An empty body is not validated: an SDK's
/// `updateUser(id)` sends none, and the upstream has a response for it.
///
/// An operation that the bundle does not inspect is judged as strictly as one that it enforces.
///
/// `observer` may watch the steps and the evaluation of policies; `&mut ()` watches nothing.
pub fn decide<O: Observer>(
    bundle: &Bundle,
    operation: &Operation,
    attributes: &Attributes<'_>,
    body: Bytes,
    observer: &mut O,
) -> Judgement {
    let inspection = bundle.inspection(operation).unwrap_or(InspectionRules::STRICT);
    let (mut violations, mut unknown_fields) = (Vec::new(), Vec::new());
    let document = match (&operation.body, body.is_empty()) {
        (None, _) | (_, true) => None,
        (Some(schema), false) => match Document::parse(body.clone()) {
            Ok(document) => {
                observer.step_finished(JudgeStep::Parse);
                let findings = schema.check(&document);
                unknown_fields.extend(findings.iter().filter_map(SchemaFinding::unknown_field));
                violations =
                    contract_violations(bundle, operation, attributes, inspection, (schema, &document), findings);
                observer.step_finished(JudgeStep::Schema);
                Some(Arc::new(document))
            }
            Err(error) => {
                observer.step_finished(JudgeStep::Parse);
                violations.push(from_parse_error(inspection, schema, &error));
                return Judgement::conclude(Permit::for_judged(body), violations);
            }
        },
    };
    // Policies are written for bodies that fit the contract: in one that does not, an expression that fails is no news.
    let fits_contract = violations.iter().all(|violation| violation.action != Action::Deny);
    let policies = bundle.policies.of_environment(&operation.id, attributes.environment).iter();
    let rules: Vec<(Arc<Policy>, PolicyOutcome)> = policies
        .map(|policy| (policy.clone(), evaluate(policy, operation, document.as_ref(), attributes, observer)))
        .collect();
    let mut waivers = Vec::new();
    for (policy, outcome) in &rules {
        let failed = |part| policy.failed_part(part, operation, document.as_ref(), attributes);
        let mut found = from_policy(policy, outcome, fits_contract, failed);
        let own = found.len();
        waivers.extend(waive(policy, operation, document.as_ref(), attributes, fits_contract, &mut found));
        leave_out_explained(outcome, own, &mut found);
        violations.append(&mut found);
    }
    let limits = bundle.policies.limits_of_operation(&operation.id).iter();
    let limits: Vec<(Arc<Limit>, LimitOutcome)> =
        limits.map(|limit| (limit.clone(), limit.evaluate(operation, document.as_ref(), attributes))).collect();
    for (limit, outcome) in &limits {
        if matches!(outcome, LimitOutcome::Counted { .. }) && !limit.waivers.is_empty() {
            let (outcomes, failed) = evaluate_waivers_of(limit, operation, document.as_ref(), attributes);
            waivers.extend(outcomes);
            violations.extend(failed.into_iter().filter(|_| fits_contract));
        }
    }
    if fits_contract {
        violations.extend(limit_failures(&limits, operation, document.as_ref(), attributes));
    }
    observer.step_finished(JudgeStep::Policies);
    // A body without a schema was never buffered: it streams to the upstream, and only the head was judged.
    let permit = if operation.body.is_some() { Permit::for_judged(body) } else { Permit::for_exempt() };
    Judgement {
        unknown_fields,
        rules,
        is_evaluated: true,
        document,
        limits,
        waivers,
        ..Judgement::conclude(permit, violations)
    }
}

/// The violations of the limits that could not be evaluated.
fn limit_failures(
    limits: &[(Arc<Limit>, LimitOutcome)],
    operation: &Operation,
    document: Option<&Arc<Document>>,
    attributes: &Attributes<'_>,
) -> Vec<Violation> {
    let failures = limits.iter().filter_map(|(limit, outcome)| {
        let failed = limit.failed_part(outcome, operation, document, attributes);
        from_limit(limit, outcome, failed)
    });
    failures.collect()
}

/// The violations of the contract by a body of which its schema has `findings`.
pub(super) fn contract_violations(
    bundle: &Bundle,
    operation: &Operation,
    attributes: &Attributes<'_>,
    inspection: InspectionRules,
    (schema, document): (&BodySchema, &Document),
    findings: Vec<SchemaFinding>,
) -> Vec<Violation> {
    let misleads = |finding: &SchemaFinding| misleads_policies(bundle, operation, attributes, finding);
    let found = findings.into_iter().filter_map(|finding| from_contract(inspection, finding, misleads));
    let mut violations: Vec<Violation> = found.collect();
    deny_unless_object(inspection, schema, document, &mut violations);
    name_version(bundle, operation, attributes, &mut violations);
    violations
}

/// Leaves out that validations could not be evaluated for a body that does not fit the policy's schema: they are written for bodies that
/// do. If a waiver lifts what the schema found, they stay. The first `own` of `found` are the policy's, the others its waivers'.
fn leave_out_explained(outcome: &PolicyOutcome, own: usize, found: &mut Vec<Violation>) {
    if let PolicyOutcome::SchemaViolated(findings, _) = outcome
        && found.iter().take(findings.len()).any(|violation| violation.waived_by.is_none())
    {
        let mut position = 0..;
        found.retain(|it| position.next().is_some_and(|at| at >= own) || it.reason != Reason::PolicyError);
    }
}

fn evaluate<O: Observer>(
    policy: &Policy,
    operation: &Operation,
    document: Option<&Arc<Document>>,
    attributes: &Attributes<'_>,
    observer: &mut O,
) -> PolicyOutcome {
    // A constant of the observer's type: the branch that is not taken is not compiled into the proxy's hot path.
    if O::TRACES_POLICIES {
        let (outcome, trace) = policy.evaluate_recorded(operation, document, attributes);
        observer.policy_evaluated(trace);
        outcome
    } else {
        policy.evaluate(operation, document, attributes)
    }
}

/// The permit for a request to `operation` whose body cannot be read for `reason`, with the violation to record. `None` if the
/// request must be refused: only an operation in shadow mode passes unread.
pub fn permit_unread(bundle: &Bundle, operation: &Operation, reason: Reason) -> Option<(Permit, Violation)> {
    let violation = Violation {
        reason,
        action: Action::Audit,
        rule: Rule::Gateway,
        field: None,
        message: reason.meaning().into(),
        hint: None,
        owner: None,
        judged_by: None,
        waived_by: None,
    };
    bundle.inspection(operation).filter(|inspection| inspection.is_shadow()).map(|_| (Permit::for_exempt(), violation))
}

/// Adds to the violations by which the contract refuses the request the API version that it was judged by.
fn name_version(bundle: &Bundle, operation: &Operation, attributes: &Attributes<'_>, violations: &mut [Violation]) {
    // only where it refuses: what passes needs no explanation, and must not pay for one
    if !violations.iter().any(|violation| violation.action == Action::Deny) {
        return;
    }
    let header = attributes.headers.get("clerk-api-version").and_then(|value| value.to_str().ok());
    let place = if header.is_some() { VersionPlace::Header } else { VersionPlace::Query };
    let asked = requested_version(header, Some(attributes.query)).ok().flatten();
    for violation in violations.iter_mut().filter(|violation| violation.action == Action::Deny) {
        let field = violation.field.as_ref();
        violation.judged_by = Some(bundle.contract.judged_by(operation, (asked.as_deref(), place), field).into());
    }
}

/// Whether `finding` is a field of the wrong type that a denying policy reads.
///
/// The policy was type-checked for the declared type. An upstream that decodes `"true"` as `true` would act on a value that the
/// policy compared as a string, so such a field is refused even where the contract is only audited.
fn misleads_policies(
    bundle: &Bundle,
    operation: &Operation,
    attributes: &Attributes<'_>,
    finding: &SchemaFinding,
) -> bool {
    let Some(Field::Declared(field)) = &finding.field else { return false };
    let pointer = if field.starts_with('/') { field.clone() } else { format!("/{field}") };
    matches!(finding.keyword, "type" | "anyOf" | "allOf")
        && bundle.policies.deny_by(&operation.id, attributes, &pointer)
}
