//! A request that is judged now: by the gateway's own admission and the one judge, in a dry run.

use super::explanation::{
    Choice, ExplainedFinding, ExplainedLimit, ExplainedPolicy, Explanation, ExpressionResult, RuleDetails,
};
use super::input::ExplainInput;
use super::suggestions;
use crate::cel::{TracePart, TracedValue};
use crate::cli::outcome_text::{as_cost, describe_claim, failures, outcome_name};
use crate::config::gateway::EnvironmentOverride;
use crate::contract::credential::{Environment, KeyClass};
use crate::contract::strictness::Mode;
use crate::contract::{Operation, Routed, VersionPlace};
use crate::gateway::{DryRun, DryRunResult, Gate, JudgedRun, Refusal};
use crate::head::HeadDefect;
use crate::judge::violation::{Field, Rule, Violation};
use crate::judge::{Bundle, applied_waiver, waivers_of_limit};
use crate::policy::{Key, Limit, LimitOutcome, Policy, PolicyOutcome};
use crate::redact::method_label;
use bytes::Bytes;
use http::Request;
use std::sync::Arc;
use std::time::SystemTime;

/// By what requests are judged.
pub(super) struct Judge<'g> {
    pub(super) gate: &'g Arc<Gate>,
    pub(super) bundle: &'g Arc<Bundle>,
    pub(super) overriding: Option<EnvironmentOverride>,
    pub(super) time: SystemTime,
}

impl Judge<'_> {
    /// Judges `request`, which is that of `asked` or a variant of it.
    pub(super) fn run(&self, asked: &ExplainInput, request: &Request<Bytes>) -> DryRun {
        self.gate.dry_run(self.bundle, &asked.client, self.time, request)
    }

    pub(super) fn explain(&self, asked: &ExplainInput) -> Explanation {
        let run = self.run(asked, &asked.request);
        let refusal = match &run.result {
            Err(refusal) => Some(refusal),
            Ok(DryRunResult::Judged(judged)) => judged.refusal.as_ref(),
            Ok(_) => None,
        };
        Explanation {
            decision: if refusal.is_some() { "deny" } else { "allow" },
            reason: refusal.map(|refusal| refusal.reason.as_str()),
            status: refusal.map(Refusal::status),
            message: refusal.map_or_else(|| passes(&run).to_owned(), |refusal| refusal.message().to_owned()),
            findings: violations(&run).iter().map(finding).collect(),
            changes: Some(suggestions::search(self, asked, &run)),
            notes: asked.notes.iter().map(|note| (*note).to_owned()).collect(),
            rules: Some(self.rules(asked, &run)),
        }
    }

    fn rules(&self, asked: &ExplainInput, run: &DryRun) -> RuleDetails {
        let (operation, parameters) = match &run.routed {
            Some(Routed::Operation(operation, parameters)) => (Some(operation.as_ref()), parameters.as_slice()),
            _ => (None, &[][..]),
        };
        // of a head with a defect no more than that is known: its method is a placeholder
        let is_read = asked.request.extensions().get::<HeadDefect>().is_none();
        RuleDetails {
            method: is_read.then(|| method_label(asked.request.method()).to_owned()),
            route: operation.map_or_else(|| no_route(run.routed.as_ref()).to_owned(), |it| it.path.to_string()),
            operation: operation.map(|operation| operation.id.to_string()),
            parameters: parameters.iter().map(|(name, _)| name.to_string()).collect(),
            api_version: operation.map(|operation| self.version(operation, asked, run)),
            environment: Choice { value: run.environment.to_string(), why: environment(run, self.overriding) },
            key: run.key.as_str(),
            schema: self.schema(asked, run),
            policies: self.policies(operation, run),
            limits: limits(run),
            revision: self.bundle.revision.to_string(),
            kept: Vec::new(),
        }
    }

    /// The version by which it is judged, and why.
    fn version(&self, operation: &Operation, asked: &ExplainInput, run: &DryRun) -> Choice {
        // header and query must agree if both are given, so that either may be named
        let is_header = asked.request.headers().contains_key("clerk-api-version");
        let place = if is_header { VersionPlace::Header } else { VersionPlace::Query };
        let why = self.bundle.contract.version_reason(operation, run.asked_version.as_deref(), place);
        Choice { value: operation.api_version.to_string(), why }
    }

    /// The result of the schema validation of the body.
    fn schema(&self, asked: &ExplainInput, run: &DryRun) -> String {
        let Ok(DryRunResult::Judged(judged)) = &run.result else { return "not asked".to_owned() };
        // a policy's own schema is shown with the policy
        let found = judged.violations.iter().filter(|it| !matches!(it.rule, Rule::Policy(_))).count();
        let inspection = self.bundle.inspection(&judged.operation);
        let text = match (judged.operation.body.is_some(), asked.request.body().is_empty(), found) {
            (false, ..) => return "the contract has no JSON body here".to_owned(),
            (true, true, _) => "there is no body, which passes".to_owned(),
            (true, false, 0) => "the body fits".to_owned(),
            (true, false, 1) => "1 finding".to_owned(),
            (true, false, many) => format!("{many} findings"),
        };
        match inspection.map(|inspection| inspection.mode) {
            Some(Mode::Audit) => format!("{text}; only audited: violations are reported and not refused"),
            _ => text,
        }
    }

    /// The result of each policy: first those that were evaluated, then those for other operations.
    fn policies(&self, operation: Option<&Operation>, run: &DryRun) -> Vec<ExplainedPolicy> {
        let mut policies = Vec::new();
        if let Ok(DryRunResult::Judged(judged)) = &run.result {
            let parts = |policy: &Policy| judged.parts.get(&policy.name).map_or(&[][..], Vec::as_slice);
            let waived_by = |policy: &Policy| {
                let own = |violation: &&Violation| violation.rule == Rule::Policy(policy.name.clone());
                let waiver = judged.violations.iter().filter(own).find_map(|it| it.waived_by.as_ref());
                waiver.map(ToString::to_string)
            };
            policies.extend(judged.rules.iter().map(|(policy, outcome)| ExplainedPolicy {
                waived_by: waived_by(policy),
                ..explain_policy(policy, outcome, parts(policy))
            }));
        }
        let others = self.bundle.policies.all().iter();
        // without an operation this would list every policy, which explains nothing
        let others = others.filter(|policy| operation.is_some_and(|it| !policy.scope.operations.contains(&it.id)));
        policies.extend(others.map(|policy| ExplainedPolicy {
            name: policy.name.to_string(),
            action: policy.action.as_str(),
            outcome: "other_operation",
            waived_by: None,
            because: Vec::new(),
            expressions: Vec::new(),
        }));
        policies
    }
}

fn passes(run: &DryRun) -> &'static str {
    match (&run.result, &run.routed) {
        (Ok(DryRunResult::Unread(_)), Some(Routed::Unknown)) => {
            "no operation of the contract has its method and path, which `contract.fallthrough` only audits"
        }
        (Ok(DryRunResult::Unread(_)), _) => "its body cannot be read, but the operation is only audited",
        (Ok(DryRunResult::Exempt), Some(Routed::Operation(..))) => {
            "no policy is for this operation, and its body is not validated"
        }
        (Ok(DryRunResult::Exempt), _) => {
            "no operation of the contract has its method and path, which `contract.fallthrough` forwards"
        }
        _ => "nothing refuses it",
    }
}

fn violations(run: &DryRun) -> &[Violation] {
    match &run.result {
        Ok(DryRunResult::Judged(judged)) => &judged.violations,
        Ok(DryRunResult::Unread(violation)) => std::slice::from_ref(violation),
        _ => &[],
    }
}

fn finding(violation: &Violation) -> ExplainedFinding {
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    ExplainedFinding {
        action: violation.action.as_str(),
        reason: violation.reason.as_str(),
        rule: violation.rule.to_string(),
        waived_by: text(&violation.waived_by),
        field: violation.field.as_ref().map(Field::for_caller),
        message: violation.message.to_string(),
        hint: text(&violation.hint),
        judged_by: text(&violation.judged_by),
        owner: text(&violation.owner),
    }
}

fn limits(run: &DryRun) -> Vec<ExplainedLimit> {
    let Ok(DryRunResult::Judged(judged)) = &run.result else { return Vec::new() };
    let limits = judged.limits.iter().map(|(limit, claim)| ExplainedLimit {
        name: limit.name.to_string(),
        action: limit.action.as_str(),
        // without the key: it holds values of the request
        claim: match claim {
            LimitOutcome::Counted { key, cost } if *key != Key::Null => {
                format!("counts it{} by its key{}", as_cost(limit, *cost), above_it(judged, limit))
            }
            _ => format!("{}{}", describe_claim(limit, claim), above_it(judged, limit)),
        },
    });
    limits.collect()
}

/// What happens above the limit, if a waiver covers the request.
fn above_it(judged: &JudgedRun, limit: &Limit) -> String {
    let waiver = applied_waiver(&waivers_of_limit(limit, &judged.waivers)).map(|waiver| waiver.name.clone());
    waiver.map(|waiver| format!("; above it, it is only logged: waived by {waiver}")).unwrap_or_default()
}

const fn no_route(routed: Option<&Routed>) -> &'static str {
    match routed {
        None => "not asked: the head was refused before",
        Some(Routed::Ambiguous) => "ambiguous: the path of an inspected operation, but not in its canonical spelling",
        Some(Routed::MethodUnknown) => "the path of an inspected operation, but the contract has no such method there",
        Some(Routed::Unknown | Routed::Operation(..)) => "none of the contract",
    }
}

/// Why the environment is what it is.
fn environment(run: &DryRun, overriding: Option<EnvironmentOverride>) -> String {
    let read = match run.key {
        KeyClass::Test if run.read_environment == Environment::Production => {
            "the key is one of a development instance (sk_test), but not spelled `Bearer` and the key, or beside a key of production"
        }
        KeyClass::Test => "the key is one of a development instance (sk_test)",
        KeyClass::Live => "the key is one of a production instance (sk_live)",
        KeyClass::Other => "the credential is no key of Clerk's",
        KeyClass::None => "there is no credential",
    };
    match overriding {
        Some(overriding) if overriding.over(run.read_environment) != run.read_environment => {
            format!("set by `environment.override`, though {read}")
        }
        _ => read.to_owned(),
    }
}

fn explain_policy(policy: &Policy, result: &PolicyOutcome, parts: &[TracePart]) -> ExplainedPolicy {
    // traces are in the order of evaluation: conditions before validations
    let roles = std::iter::repeat_n("condition", policy.scope.conditions()).chain(std::iter::repeat("validation"));
    let expressions =
        parts.iter().zip(roles).map(|(part, role)| ExpressionResult { role: Some(role), ..expression_result(part) });
    ExplainedPolicy {
        name: policy.name.to_string(),
        action: policy.action.as_str(),
        outcome: outcome_name(result),
        waived_by: None,
        because: failures(policy, result),
        expressions: expressions.collect(),
    }
}

fn expression_result(part: &TracePart) -> ExpressionResult {
    let (mut value, mut r#type, mut size, mut error) = (None, None, None, None);
    match &part.value {
        TracedValue::Value(text) => value = Some(text.clone()),
        TracedValue::Masked { kind, size: known } => (r#type, size) = (Some(*kind), *known),
        TracedValue::Failed(why) => error = Some(why.to_string()),
    }
    ExpressionResult {
        role: None,
        expression: part.expression.to_string(),
        value,
        r#type,
        size,
        error,
        from_secret: part.from_secret,
        parts: part.parts.iter().map(expression_result).collect(),
    }
}
