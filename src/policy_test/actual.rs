//! What became of the request of a case.

use super::request::Request;
use crate::contract::{Routed, names_only_the_version};
use crate::judge::violation::{Field, Rule, Violation};
use crate::judge::{Bundle, Judgement, decide};
use crate::policy::{Action, Attributes, Key, Limit, LimitOutcome, Policy, PolicyOutcome, Waiver, WaiverOutcome};
use crate::reason::Reason;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What became of the request of a case.
#[derive(Debug, Default)]
pub struct ActualDecision {
    /// Why it is refused; none where it passes.
    pub refused: Option<Reason>,
    /// Everything that rules found.
    pub violations: Vec<Violation>,
    /// What each policy for the operation said, in order.
    pub rules: Vec<(Arc<Policy>, PolicyOutcome)>,
    /// What each waiver that was asked is to the request.
    pub waivers: Vec<(Arc<Waiver>, WaiverOutcome)>,
    /// What each limit for the operation said, in order.
    pub limits: Vec<(Arc<Limit>, LimitOutcome)>,
}

impl ActualDecision {
    /// What `bundle` decides of `request`.
    pub(super) fn of(request: &Request, bundle: &Bundle) -> Self {
        let query = request.uri.query().unwrap_or_default();
        let routed = bundle.route(&request.method, request.uri.path(), request.version.as_deref());
        if bundle.exempt(&routed).is_some() {
            return Self::default();
        }
        match routed {
            Routed::Operation(operation, _) if !bundle.takes_query(&operation) && !names_only_the_version(query) => {
                Self::refused(Reason::AmbiguousRequest)
            }
            Routed::Operation(operation, parameters) => {
                let attributes = Attributes {
                    method: &request.method,
                    path: request.uri.path(),
                    parameters: &parameters,
                    query,
                    headers: &request.headers,
                    environment: request.environment,
                    key_fingerprint: request.key_fingerprint,
                    client: &request.client,
                    time: request.time,
                };
                let Judgement { verdict, violations, rules, waivers, limits, .. } =
                    decide(bundle, &operation, &attributes, request.body.clone(), &mut ());
                Self { refused: verdict.err(), violations, rules, waivers, limits }
            }
            Routed::Unknown => Self::refused(Reason::OperationNotAllowed),
            Routed::Ambiguous => Self::refused(Reason::AmbiguousPath),
            Routed::MethodUnknown => Self::refused(Reason::MethodNotAllowed),
        }
    }

    /// Refused before policies are asked.
    fn refused(reason: Reason) -> Self {
        Self { refused: Some(reason), ..Self::default() }
    }

    /// The policies that refuse.
    pub(super) fn policies(&self) -> BTreeSet<String> {
        let of_policy = |violation: &Violation| match (&violation.rule, violation.action) {
            (Rule::Policy(name), Action::Deny) => Some(name.to_string()),
            _ => None,
        };
        self.violations.iter().filter_map(of_policy).collect()
    }

    /// The waivers that let something pass.
    pub(super) fn waived(&self) -> BTreeSet<String> {
        self.violations.iter().filter_map(|violation| violation.waived_by.as_deref()).map(str::to_owned).collect()
    }

    /// The rules that found something which leads to `action`, and not only for a waiver.
    pub(super) fn rules_of(&self, action: Action) -> BTreeSet<String> {
        let found = self.violations.iter().filter(|it| it.action == action && it.waived_by.is_none());
        found.map(|violation| violation.rule.to_string()).collect()
    }

    /// The limits that count the request, each with the key by which it does.
    pub(super) fn counted(&self) -> BTreeMap<String, Key> {
        let counted = self.limits.iter().filter_map(|(limit, claim)| match claim {
            LimitOutcome::Counted(key) if self.refused.is_none() => Some((limit.name.to_string(), key.clone())),
            _ => None,
        });
        counted.collect()
    }

    /// The fields that something was found in.
    pub(super) fn fields(&self) -> BTreeSet<String> {
        let fields = self.violations.iter().filter_map(|violation| violation.field.as_ref());
        fields.map(Field::for_caller).collect()
    }
}
