//! Policies: CEL expressions about requests, in the form of Kubernetes' `ValidatingAdmissionPolicy`.
//!
//! An operator writes a [`RequestPolicy`]. Compiling it gives a [`Policy`]: names are checked against the contract, expressions
//! are type-checked and bounded. [`Policy::evaluate`] is pure and fails closed: what cannot be evaluated counts as a violation.

mod action;
mod attributes;
mod bindings;
pub(crate) mod comparison;
mod compile;
mod editor_schemas;
mod evaluate;
mod instance;
mod limit;
mod lint;
mod matched_environment;
mod operation_index;
mod params;
pub(crate) mod reads;
mod removal;
pub mod replay;
mod rule_hash;
mod scope;
mod source;
mod spec_schema;
mod vocabulary;
mod waiver;

pub use crate::cel::{Key, Unknown};
pub use action::Action;
pub use attributes::Attributes;
pub(crate) use bindings::{RequestPart, is_credential};
pub use comparison::Effect;
pub use compile::{Policy, PolicyDocuments, Validation, check_params, compile_limit, compile_policy, compile_waiver};
pub use editor_schemas::{limit_schema, params_schema, policy_schema, waiver_schema};
pub use evaluate::PolicyOutcome;
pub use instance::Instance;
pub use limit::{Limit, LimitOutcome, LimitPart, Rate, RequestLimit};
pub(crate) use limit::{Pace, Window, whole_seconds};
pub use lint::{
    ProvableIdentity, lint_identity, lint_instance, lint_limit, lint_params, lint_policy, lint_shadowed, lint_waiver,
};
pub use matched_environment::MatchedEnvironment;
pub use params::{ParamsSource, resolve_params};
pub use reads::Reads;
pub use removal::{Loss, LostRule};
pub use rule_hash::RuleHash;
pub use scope::{OutOfScope, Scope};
pub use source::{NamedExpression, RequestPolicy};
pub use vocabulary::{Vocabulary, Word, WordKind};
pub use waiver::{Expiry, Waiver, WaiverOutcome, WaiverSource};

use crate::contract::credential::Environment;
use operation_index::{OperationIndex, Scoped};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// All policies and limits of a bundle, by the operations they match.
#[derive(Debug)]
pub struct Policies {
    rules: OperationIndex<Policy>,
    limits: OperationIndex<Limit>,
    /// The headers, in lower case, that any of them reads. `None` if a request chooses which.
    // of all at once: a hostile head asks for a thousand names
    headers: Option<HashSet<String>>,
}

impl Policies {
    /// Orders policies and limits by the operations they match, each operation's in the order given.
    pub fn new(policies: Vec<Arc<Policy>>, limits: Vec<Arc<Limit>>) -> Self {
        let of_policies = policies.iter().map(|policy| &policy.scope);
        let of_waivers = policies.iter().flat_map(|policy| policy.waivers.iter().map(|waiver| &waiver.scope));
        let of_limits = limits.iter().flat_map(|limit| limit.scopes());
        let scopes = of_policies.chain(of_waivers).chain(of_limits);
        let headers = scopes.map(|scope| scope.headers.as_ref()).collect::<Option<Vec<_>>>();
        let headers = headers.map(|headers| headers.into_iter().flatten().cloned().collect());
        Self { rules: OperationIndex::new(policies), limits: OperationIndex::new(limits), headers }
    }

    /// Whether a policy, limit or waiver reads the header `name` (in lower case), or any header that the request chooses.
    //
    // The gateway refuses a `Connection` header that nominates such a header: it would be removed before the upstream sees it,
    // so that upstream and policies would decide by different requests.
    pub fn rely_on_header(&self, name: &str) -> bool {
        self.headers.as_ref().is_none_or(|headers| headers.contains(name))
    }

    /// Every waiver, by policy and limit.
    pub fn waivers(&self) -> impl Iterator<Item = &Arc<Waiver>> {
        let of_policies = self.all().iter().flat_map(|policy| &policy.waivers);
        of_policies.chain(self.limits().iter().flat_map(|limit| &limit.waivers))
    }

    /// The action of the policy or limit called `name`.
    pub(crate) fn action_of(&self, name: &str) -> Option<Action> {
        let policies = self.all().iter().map(|policy| (&policy.name, policy.action));
        let mut all = policies.chain(self.limits().iter().map(|limit| (&limit.name, limit.action)));
        all.find(|(known, _)| known.as_ref() == name).map(|(_, action)| action)
    }

    /// The scopes of the policies, limits and waivers for the operation `id`.
    fn scopes_of(&self, id: &str) -> impl Iterator<Item = &Scope> {
        let policies = self.of_operation(id).iter();
        let of_policies = policies
            .flat_map(|policy| std::iter::once(&policy.scope).chain(policy.waivers.iter().map(|waiver| &waiver.scope)));
        of_policies.chain(self.limits_of_operation(id).iter().flat_map(|limit| limit.scopes()))
    }

    /// The headers, in lower case, that policies, limits and waivers for the operation called `id` read by name.
    pub fn headers_read(&self, id: &str) -> BTreeSet<&str> {
        self.scopes_of(id).filter_map(|scope| scope.headers.as_ref()).flatten().map(String::as_str).collect()
    }

    /// The parameters of the query that policies, limits and waivers for the operation `id` read by name.
    pub fn query_read(&self, id: &str) -> BTreeSet<&str> {
        self.scopes_of(id).filter_map(|scope| scope.query.as_ref()).flatten().map(String::as_str).collect()
    }

    /// Whether one of them reads headers that the request chooses.
    pub fn reads_any_header(&self, id: &str) -> bool {
        self.scopes_of(id).any(|scope| scope.headers.is_none())
    }

    /// Whether one of them reads parameters of the query that the request chooses.
    pub fn reads_any_query(&self, id: &str) -> bool {
        self.scopes_of(id).any(|scope| scope.query.is_none())
    }

    /// Every policy, in the order they were loaded.
    pub fn all(&self) -> &[Arc<Policy>] {
        self.rules.all()
    }

    /// Every limit, in the order they were loaded.
    pub fn limits(&self) -> &[Arc<Limit>] {
        self.limits.all()
    }

    /// The names of the policies that match the operation `id` and read `field` of its body, a JSON Pointer. Without a field,
    /// of all that match the operation.
    pub fn readers(&self, id: &str, field: Option<&str>) -> BTreeSet<Arc<str>> {
        let reads = |policy: &&Arc<Policy>| field.is_none_or(|field| policy.reads.touch(field));
        self.of_operation(id).iter().filter(reads).map(|policy| policy.name.clone()).collect()
    }

    /// Whether a policy or limit with the action `Deny`, for the operation `id` in the environment of `attributes`, reads `field`
    /// of the body, a JSON Pointer.
    pub fn deny_by(&self, id: &str, attributes: &Attributes<'_>, field: &str) -> bool {
        let policies = self.of_operation(id).iter().map(|policy| (policy.action, &policy.scope, &policy.reads));
        let limits = self.limits_of_operation(id).iter().map(|limit| (limit.action, &limit.scope, &limit.reads));
        let mut denying = policies.chain(limits).filter(|(action, ..)| *action == Action::Deny);
        denying.any(|(_, scope, reads)| scope.is_for(attributes.environment, attributes.instance) && reads.touch(field))
    }

    /// The policies that match the operation called `id`.
    pub fn of_operation(&self, id: &str) -> &[Arc<Policy>] {
        self.rules.of_operation(id)
    }

    /// Those of them that may be for requests of `environment`.
    pub(crate) fn of_environment(&self, id: &str, environment: Environment) -> &[Arc<Policy>] {
        self.rules.of_environment(id, environment)
    }

    /// The limits that match the operation called `id`.
    pub fn limits_of_operation(&self, id: &str) -> &[Arc<Limit>] {
        self.limits.of_operation(id)
    }
}

impl Scoped for Policy {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

impl Scoped for Limit {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

#[cfg(test)]
mod tests;
