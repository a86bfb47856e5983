//! From findings to violations: what the parser, the contract, policies and limits found, in words for the caller.

use super::violation::{Rule, Violation};
use super::waive::apply;
use crate::cel::EvaluationError;
use crate::contract::BodySchema;
use crate::contract::field::Field;
use crate::contract::finding::{FindingKind, SchemaFinding};
use crate::contract::strictness::{InspectionRules, Mode, UnknownFields};
use crate::document::{Document, JsonKind, ParseError, Problem, View};
use crate::policy::replay::PolicyPart;
use crate::policy::{Action, Limit, LimitOutcome, OutOfScope, Policy, PolicyOutcome, Waiver, WaiverOutcome};
use crate::reason::Reason;
use std::sync::Arc;

/// Most characters of an expression in a message.
const LONGEST_PART: usize = 120;

/// The violation for a body that is not valid JSON, or has more than one meaning.
pub(super) fn from_parse_error(inspection: InspectionRules, schema: &BodySchema, error: &ParseError) -> Violation {
    let (reason, field, hint) = match &error.problem {
        Problem::DuplicateName(steps) => (
            Reason::AmbiguousJson,
            schema.field_tree().reportable_field(steps),
            "give each field once; decoders differ in which counts",
        ),
        Problem::Encoding => (Reason::MalformedJson, None, "send the body as UTF-8"),
        Problem::Syntax => (Reason::MalformedJson, None, "send one JSON value (RFC 8259)"),
        Problem::HalfSurrogate => {
            (Reason::MalformedJson, None, "cut texts between characters, in JavaScript with `toWellFormed()`")
        }
        Problem::TooDeep => (Reason::MalformedJson, None, "flatten the body"),
    };
    Violation {
        reason,
        action: ambiguous_action(inspection),
        rule: Rule::Gateway,
        field,
        // Line and column, but nothing of the text: a body that does not parse may still contain a password.
        message: error.to_string().into(),
        hint: Some(hint.into()),
        owner: None,
        judged_by: None,
        waived_by: None,
    }
}

/// The action for a body that does not fit the contract's schema.
const fn schema_action(inspection: InspectionRules) -> Action {
    match inspection.mode {
        Mode::Enforce => Action::Deny,
        Mode::Audit => Action::Audit,
    }
}

/// Where a policy matches, makes a body that should be an object and is not refused, even if the contract is only audited.
///
/// Policies read fields by name. In a list or a string every field would be absent, and a rule such as
/// `body.skip_password_checks != true` would hold whatever the body contains.
pub(super) fn deny_unless_object(
    inspection: InspectionRules,
    schema: &BodySchema,
    document: &Document,
    violations: &mut [Violation],
) {
    let has_fields = schema.field_tree().types().iter().any(|name| name.as_ref() == "object");
    if has_fields && document.root().kind() != JsonKind::Object {
        for violation in violations {
            // `min` is the stricter of the two actions.
            violation.action = violation.action.min(ambiguous_action(inspection));
        }
    }
}

/// The action for a body that has no meaning, or more than one.
pub(super) fn ambiguous_action(inspection: InspectionRules) -> Action {
    if inspection.is_shadow() { Action::Audit } else { Action::Deny }
}

/// The violation for a finding of the contract's schema. `None` if the configuration allows it. `misleads` is whether a
/// denying policy reads the field: then it is refused even where the contract is only audited.
pub(super) fn from_contract(
    inspection: InspectionRules,
    finding: SchemaFinding,
    misleads: impl Fn(&SchemaFinding) -> bool,
) -> Option<Violation> {
    let (reason, action) = match (finding.kind, inspection.unknown_fields) {
        // Even under audit: the policy that reads this field was type-checked for the declared type.
        (FindingKind::Invalid, _) if inspection.mode == Mode::Audit && misleads(&finding) => {
            (Reason::SchemaViolation, Action::Deny)
        }
        (FindingKind::Invalid, _) | (FindingKind::Unknown, UnknownFields::Deny) => {
            (Reason::SchemaViolation, schema_action(inspection))
        }
        // Refused as unknown anyway, so the plainer reason is given.
        (FindingKind::UnknownConfusable, UnknownFields::Deny) if inspection.mode == Mode::Enforce => {
            (Reason::SchemaViolation, Action::Deny)
        }
        // A lenient decoder may take the name for the declared one, whose value policies have not seen.
        (FindingKind::Confusable | FindingKind::UnknownConfusable, _) => {
            (Reason::AmbiguousJson, ambiguous_action(inspection))
        }
        (FindingKind::Unknown, UnknownFields::Warn) => {
            // `max` is the milder: a warning where the contract is enforced, an audit where it is only audited.
            (Reason::SchemaViolation, schema_action(inspection).max(Action::Warn))
        }
        (FindingKind::Unknown, UnknownFields::Allow) => return None,
    };
    Some(Violation {
        reason,
        action,
        rule: Rule::Keyword(finding.keyword),
        message: message_of(&finding),
        field: finding.field,
        hint: finding.suggestion.map(|meant| format!("did you mean `{meant}`?").into()),
        owner: None,
        judged_by: None,
        waived_by: None,
    })
}

fn message_of(finding: &SchemaFinding) -> Arc<str> {
    let subject =
        finding.field.as_ref().map_or_else(|| "the body".to_owned(), |field| format!("`{}`", field.for_caller()));
    format!("{subject} {}", finding.message).into()
}

/// The violation for a finding of a policy's schema.
fn from_policy_schema(policy: &Policy, finding: &SchemaFinding) -> Violation {
    Violation {
        reason: Reason::PolicyDenied,
        action: policy.action,
        rule: Rule::Policy(policy.name.clone()),
        message: message_of(finding),
        field: finding.field.clone(),
        hint: None,
        owner: policy.owner.clone(),
        judged_by: None,
        waived_by: None,
    }
}

/// The violations of a policy. Expressions that fail are left out unless the body `fits_contract`: they are written for bodies
/// that do, and the contract's violations already name the cause. `failed_part` finds what fails in an expression.
pub(super) fn from_policy<'p>(
    policy: &Policy,
    outcome: &PolicyOutcome,
    fits_contract: bool,
    failed_part: impl Fn(PolicyPart) -> Option<&'p str>,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    match outcome {
        PolicyOutcome::OtherEnvironment | PolicyOutcome::NoMatch(_) | PolicyOutcome::Holds => {}
        PolicyOutcome::Failed(position, error) => {
            if fits_contract {
                let part = format!("match condition `{}`", policy.scope.condition(*position));
                let failed = failed_part(PolicyPart::Condition(*position));
                violations.push(from_failure(policy.into(), &part, failed, *error));
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
                        judged_by: None,
                        waived_by: None,
                    }),
                    (_, Some(error)) if fits_contract => {
                        let failed = failed_part(PolicyPart::Validation(*position));
                        let part = format!("validation {}", position + 1);
                        violations.push(from_failure(policy.into(), &part, failed, *error));
                    }
                    _ => {}
                }
            }
        }
    }
    violations
}

/// The violation of a limit whose condition, key or cost cannot be evaluated: it is unknown whether the limit counts the request.
/// `failed` is the part of the expression that has no value, if it is known.
pub(super) fn from_limit(limit: &Limit, outcome: &LimitOutcome, failed: Option<&str>) -> Option<Violation> {
    match outcome {
        LimitOutcome::Counted { .. }
        | LimitOutcome::NotCounted(OutOfScope::OtherEnvironment | OutOfScope::NoMatch(_)) => None,
        LimitOutcome::NotCounted(OutOfScope::Failed(position, error)) => {
            let part = format!("match condition `{}`", limit.scope.condition(*position));
            Some(from_failure(limit.into(), &part, failed, *error))
        }
        LimitOutcome::Failed(part, error) => Some(from_failure(limit.into(), part.as_str(), failed, *error)),
    }
}

/// The hint for a request that no wait helps.
const SEND_LESS: &str = "send less with one request: alone it is above the limit, so that a repetition is refused too";

/// The violation of a limit by a request that is above it; `is_too_large` if it would be above it even as the only one.
/// `waivers` are those of the limit that were evaluated for the request.
pub fn above_limit(limit: &Limit, is_too_large: bool, waivers: &[(Arc<Waiver>, WaiverOutcome)]) -> Violation {
    let mut violation = Violation {
        reason: Reason::RateLimited,
        action: limit.action,
        rule: Rule::Policy(limit.name.clone()),
        field: None,
        message: limit.message.clone(),
        hint: if is_too_large { Some(SEND_LESS.into()) } else { limit.hint.clone() },
        owner: limit.owner.clone(),
        judged_by: None,
        waived_by: None,
    };
    if limit.action != Action::Audit {
        apply(waivers, &mut violation);
    }
    violation
}

/// A part of an expression on one line, without its end if it is long.
fn shorten(part: &str) -> String {
    let words = part.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(LONGEST_PART) {
        Some((end, _)) => format!("{}...", words.get(..end).unwrap_or_default()),
        None => words,
    }
}

/// A policy or limit that could not be evaluated.
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

/// The violation for an expression that has no value. It has the rule's own action: a `Deny` rule that cannot be evaluated is
/// not known to hold, so the request is refused (fail closed).
fn from_failure(of: Unevaluated<'_>, part: &str, failed: Option<&str>, error: EvaluationError) -> Violation {
    let failed = failed.map(|failed| format!("`{}`: ", shorten(failed))).unwrap_or_default();
    Violation {
        reason: Reason::PolicyError,
        action: of.action,
        rule: Rule::Policy(of.name.clone()),
        field: None,
        message: format!("policy `{}` could not be evaluated: {part}: {failed}{error}", of.name).into(),
        hint: Some("ask the owner of the policy to fix it; your request is not at fault".into()),
        owner: of.owner.cloned(),
        judged_by: None,
        waived_by: None,
    }
}
