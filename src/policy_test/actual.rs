//! The actual decision for the request of a case.

use super::counters::Exceeding;
use super::request::TestRequest;
use crate::contract::Routed;
use crate::judge::violation::{Field, Rule, Violation};
use crate::judge::{Bundle, Judgement, decide};
use crate::policy::{
    Action, Attributes, Key, Limit, LimitOutcome, Policy, PolicyOutcome, Waiver, WaiverOutcome, whole_seconds,
};
use crate::reason::Reason;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The actual decision for the request of a case.
#[derive(Debug, Default)]
pub struct ActualDecision {
    /// Why the request is refused. `None` if it passes.
    pub refused: Option<Reason>,
    /// Every violation that was found.
    pub violations: Vec<Violation>,
    /// The outcome of each policy for the operation, in order.
    pub rules: Vec<(Arc<Policy>, PolicyOutcome)>,
    /// The outcome of each waiver that was evaluated.
    pub waivers: Vec<(Arc<Waiver>, WaiverOutcome)>,
    /// The outcome of each limit for the operation, in order.
    pub limits: Vec<(Arc<Limit>, LimitOutcome)>,
    /// The limits that the request is above. Each is a violation, too.
    pub(super) exceeded: Vec<Exceeding>,
}

impl ActualDecision {
    /// The decision of `bundle` for `request`.
    //
    // Routing and the check of the query come first, in the order of the gateway, so that a test decides as the gateway does.
    pub(crate) fn of(request: &TestRequest, bundle: &Bundle) -> Self {
        let query = request.uri.query().unwrap_or_default();
        let routed = bundle.route(&request.method, request.uri.path(), request.version.as_deref());
        if bundle.exempt(request.method.as_str(), &routed).is_some() {
            return Self::default();
        }
        match routed {
            Routed::Operation(operation, _) if !bundle.takes_query(&operation, query) => {
                Self::refused_before_policies(Reason::AmbiguousRequest)
            }
            Routed::Operation(operation, _) if bundle.check_head(&operation, query, &request.headers).is_err() => {
                Self::refused_before_policies(Reason::AmbiguousRequest)
            }
            Routed::Operation(operation, parameters) => {
                let path = operation.canonical_path(request.uri.path(), &parameters);
                let attributes = Attributes {
                    method: &request.method,
                    path: &path,
                    parameters: &parameters,
                    query,
                    headers: &request.headers,
                    environment: request.environment,
                    key_fingerprint: request.key_fingerprint,
                    instance: &request.instance,
                    client: &request.client,
                    time: request.time,
                };
                let judgement = decide(bundle, &operation, &attributes, request.body.clone(), &mut ());
                let outcomes = judgement.outcomes(bundle, &operation);
                let rules = outcomes.map(|(policy, outcome)| (policy.clone(), outcome.clone())).collect();
                let Judgement { verdict, violations, waivers, limits, .. } = judgement;
                Self { refused: verdict.err(), violations, rules, waivers, limits, exceeded: Vec::new() }
            }
            Routed::Unknown => Self::refused_before_policies(Reason::OperationNotAllowed),
            Routed::Ambiguous => Self::refused_before_policies(Reason::AmbiguousPath),
            Routed::MethodUnknown => Self::refused_before_policies(Reason::MethodNotAllowed),
        }
    }

    /// The decision as YAML in one line, as the `expect` of a case.
    pub(crate) fn expectation(&self) -> String {
        let names = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
        let mut parts = vec![format!("decision: {}", if self.refused.is_some() { "deny" } else { "allow" })];
        let failed = (!self.failed_rules().is_empty()).then_some(Reason::PolicyError);
        let reason = failed.or(self.refused).filter(|reason| *reason != Reason::PolicyDenied);
        parts.extend(reason.map(|reason| format!("reason: {}", reason.as_str())));
        parts.push(format!("violates: [{}]", names(self.violated_rules(failed.is_some()))));
        let limited = self.exceeded_limits();
        parts.extend((!limited.is_empty()).then(|| format!("limited: [{}]", names(limited))));
        for (key, action) in [("warnings", Action::Warn), ("audits", Action::Audit)] {
            let of_action = self.rules_of(action, failed.is_some());
            if !of_action.is_empty() {
                parts.push(format!("{key}: [{}]", names(of_action)));
            }
        }
        format!("{{ {} }}", parts.join(", "))
    }

    /// A refusal before policies are evaluated.
    fn refused_before_policies(reason: Reason) -> Self {
        Self { refused: Some(reason), ..Self::default() }
    }

    /// The rules that could not be evaluated.
    pub(super) fn failed_rules(&self) -> BTreeSet<String> {
        self.violations.iter().filter(|it| is_failure(it)).map(|violation| violation.rule.to_string()).collect()
    }

    /// The violations of rules that are false, and if `with_failures`, those of rules that could not be evaluated.
    fn violations(&self, with_failures: bool) -> impl Iterator<Item = &Violation> {
        self.violations.iter().filter(move |violation| with_failures || !is_failure(violation))
    }

    /// The policies that refuse.
    pub(super) fn policies(&self, with_failures: bool) -> BTreeSet<String> {
        let of_policy = |violation: &Violation| match (&violation.rule, violation.action) {
            (Rule::Policy(name), Action::Deny) => Some(name.to_string()),
            _ => None,
        };
        self.violations(with_failures).filter_map(of_policy).collect()
    }

    /// The waivers that lifted a violation.
    pub(super) fn applied_waivers(&self) -> BTreeSet<String> {
        self.violations.iter().filter_map(|violation| violation.waived_by.as_deref()).map(str::to_owned).collect()
    }

    /// The rules with a violation whose action is `action`, unless a waiver made it so.
    pub(super) fn rules_of(&self, action: Action, with_failures: bool) -> BTreeSet<String> {
        let found = self.violations(with_failures).filter(|it| it.action == action && it.waived_by.is_none());
        found.map(|violation| violation.rule.to_string()).collect()
    }

    /// The policies and rules of the contract that the request violates, whatever follows and whether or not it is waived.
    //
    // Without the limits it is above, which depend on other requests.
    pub(super) fn violated_rules(&self, with_failures: bool) -> BTreeSet<String> {
        let violated = self.violations(with_failures).filter(|violation| violation.reason != Reason::RateLimited);
        violated.map(|violation| violation.rule.to_string()).collect()
    }

    /// The limits that the request is above.
    pub(super) fn exceeded_limits(&self) -> BTreeSet<String> {
        self.exceeded.iter().map(|above| above.violation.rule.to_string()).collect()
    }

    /// The value of `Retry-After`, if every limit that the request is above denies. `None` if it is above none.
    pub(super) fn retry_after(&self) -> Option<u64> {
        self.exceeded.iter().map(|above| whole_seconds(above.wait)).max()
    }

    /// Adds what limits found. A request above one that denies is refused.
    pub(super) fn exceed(&mut self, exceeded: Vec<Exceeding>) {
        self.violations.extend(exceeded.iter().map(|above| above.violation.clone()));
        if exceeded.iter().any(|above| above.violation.action == Action::Deny) {
            self.refused = Some(Reason::RateLimited);
        }
        self.exceeded = exceeded;
    }

    /// The limits that count the request, each with its key and its cost.
    pub(super) fn counting_limits(&self) -> BTreeMap<String, (Key, u32)> {
        let counted = self.limits.iter().filter_map(|(limit, claim)| match claim {
            // As in the gateway, which counts only requests that pass.
            LimitOutcome::Counted { key, cost } if self.refused.is_none() => {
                Some((limit.name.to_string(), (key.clone(), *cost)))
            }
            _ => None,
        });
        counted.collect()
    }

    /// The fields that violations name.
    pub(super) fn fields(&self) -> BTreeSet<String> {
        let fields = self.violations.iter().filter_map(|violation| violation.field.as_ref());
        fields.map(Field::for_caller).collect()
    }
}

/// Whether it is of a rule that could not be evaluated, so that it is unknown whether the request violates it.
fn is_failure(violation: &Violation) -> bool {
    violation.reason == Reason::PolicyError
}
