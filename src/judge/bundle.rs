//! Everything that a request is judged by, as one immutable value.
//!
//! A reload makes a new bundle. A request keeps the one with which it began, so that it is never judged half by each.

use super::compile::{compile, compile_documents, compile_valid};
use super::head_reads::{HeadAmbiguity, HeadReads};
use super::permit::Permit;
use super::revision::revision;
use super::unchanged_rules::RuleLints;
use super::weaker_settings::weaker_settings;
use crate::contract::fallthrough::WriteFallthrough;
use crate::contract::strictness::{InspectionRules, Mode, PolicyEffect, Strictness};
use crate::contract::{Contract, Operation, RouteGuard, Routed, names_only};
use crate::diagnostic::Diagnostic;
use crate::policy::{
    Action, Instance, Limit, Loss, LostRule, Policies, Policy, PolicyDocuments, ProvableIdentity, lint_identity,
    lint_instance, lint_limit, lint_params, lint_policy, lint_shadowed, lint_waiver,
};
use http::HeaderMap;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// Values by operation id.
// ids are those of the contract, not of requests, so that the hash needs no secret
type OperationMap<V> = HashMap<Arc<str>, V, foldhash::fast::FixedState>;

/// The text of a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    /// Where it was read.
    pub file: PathBuf,
    /// The content.
    pub text: String,
}

/// Everything that a request is judged by.
#[derive(Debug)]
pub struct Bundle {
    /// Clerk's operations.
    pub contract: Arc<Contract>,
    /// The organisation's rules.
    pub policies: Policies,
    /// What [`Self::policies`] were compiled from, in the same order: lints and the coverage of tests point into the files.
    documents: Arc<PolicyDocuments>,
    /// How strictly the contract is enforced.
    strictness: Strictness,
    /// How requests are inspected, by operation id. Computed once: it is looked up for every request.
    // shared by the mutants of a rule, which are many
    inspections: Arc<OperationMap<InspectionRules>>,
    /// The operations that a rule may refuse. Compiled, too: a hostile path is compared with all of their paths.
    guard: Arc<RouteGuard>,
    /// What the rules for each operation read of heads, by operation id. An operation whose rules read nothing is not in it.
    head_reads: OperationMap<HeadReads>,
    /// What the gateway itself reads of heads.
    own_reads: HeadReads,
    /// The candidate that is judged beside it, and decides nothing. It is replaced with the bundle, as one value.
    shadow: Option<Arc<Self>>,
    /// A hash of all of it but the shadow bundle. Records carry it, so that decisions can be replayed with the bundle that made them.
    pub revision: Arc<str>,
}

/// The policy files have errors, each with its place.
#[derive(Debug, thiserror::Error)]
#[error("{} errors in policies", .0.len())]
pub struct BundleError(pub Vec<Diagnostic>);

impl Bundle {
    /// Compiles a bundle from a contract, policy files, and how strictly to enforce the contract.
    ///
    /// # Errors
    ///
    /// Returns every error in the policy files.
    pub fn compile(
        contract: impl Into<Arc<Contract>>,
        texts: &[PolicyText],
        strictness: Strictness,
    ) -> Result<Self, BundleError> {
        Self::compile_for(contract, texts, strictness, &BTreeSet::new())
    }

    /// As [`Self::compile`], with the names of environments that policies may match, besides those of credentials.
    ///
    /// # Errors
    ///
    /// As [`Self::compile`].
    pub fn compile_for(
        contract: impl Into<Arc<Contract>>,
        texts: &[PolicyText],
        strictness: Strictness,
        environments: &BTreeSet<String>,
    ) -> Result<Self, BundleError> {
        let contract = contract.into();
        let (documents, policies) = compile(texts, &contract, environments).map_err(BundleError)?;
        let revision = revision(&contract, texts, &strictness);
        Ok(Self::assemble(contract, policies, Arc::new(documents), strictness, revision, None))
    }

    /// The same bundle with `shadow` judged beside it.
    pub(super) fn beside(self, shadow: Arc<Self>) -> Self {
        let Self { contract, policies, documents, strictness, revision, .. } = self;
        Self::assemble(contract, policies, documents, strictness, revision, Some(shadow))
    }

    /// The candidate that is judged beside it; `None` if there is none.
    pub fn shadow(&self) -> Option<&Self> {
        self.shadow.as_deref()
    }

    /// What this bundle refuses and `after` would not: rules that are gone or narrower, operations that the contract of
    /// `after` no longer has, and how strictly it is enforced.
    pub fn removals(&self, after: &Self) -> Vec<LostRule> {
        let rules = self.policies.removals(&after.policies);
        let operations = after.contract.operations();
        let lost = self.contract.operations().into_iter().filter(|operation| self.is_guarded(operation));
        let lost = lost.filter_map(|operation| {
            let is_same = |it: &&Arc<Operation>| {
                (&it.id, &it.method, &it.path) == (&operation.id, &operation.method, &operation.path)
            };
            let mut same = operations.iter().filter(is_same).peekable();
            let what = if same.peek().is_none() {
                Loss::Operation { method: operation.method.clone(), path: operation.path.clone() }
            } else if operation.body.is_some() && same.all(|it| it.body.is_none()) {
                Loss::Body
            } else {
                return None;
            };
            Some((operation.id.clone(), what))
        });
        // once for all API versions of an operation
        let lost: BTreeMap<Arc<str>, Loss> = lost.collect();
        let lost = lost.into_iter().map(|(name, what)| LostRule { name, what });
        let settings = weaker_settings(&self.strictness, &after.strictness, &after.contract);
        let settings = settings.into_iter().map(|key| LostRule { name: key.into(), what: Loss::Setting });
        rules.into_iter().chain(lost).chain(settings).collect()
    }

    /// The same contract with only the policies and limits of these names, and the default strictness.
    ///
    /// Tests of policies use it: their result must not depend on the configuration of a gateway.
    #[must_use]
    pub fn only(&self, names: &BTreeSet<String>) -> Self {
        let policies = self.policies.all().iter().filter(|policy| names.contains(policy.name.as_ref())).cloned();
        let limits = self.policies.limits().iter().filter(|limit| names.contains(limit.name.as_ref())).cloned();
        let policies = Policies::new(policies.collect(), limits.collect());
        let (contract, documents) = (self.contract.clone(), self.documents.clone());
        Self::assemble(contract, policies, documents, Strictness::default(), self.revision.clone(), None)
    }

    /// The same bundle with `Deny` as the action of each policy and limit: what their promotion would refuse.
    ///
    /// # Errors
    ///
    /// None that the bundle itself does not have, for an action is no part of what can be wrong with another.
    pub fn denying(&self) -> Result<Self, BundleError> {
        let (mut documents, mut errors) = (PolicyDocuments::clone(&self.documents), Vec::new());
        for manifest in &mut documents.policies {
            manifest.value.spec.actions = vec![Action::Deny];
        }
        for manifest in &mut documents.limits {
            manifest.value.spec.actions = vec![Action::Deny];
        }
        let policies = compile_documents(&documents, &self.contract, &mut errors);
        if !errors.is_empty() {
            return Err(BundleError(errors));
        }
        let (contract, strictness, revision) = (self.contract.clone(), self.strictness.clone(), self.revision.clone());
        Ok(Self::assemble(contract, policies, Arc::new(documents), strictness, revision, None))
    }

    /// The same bundle with `policy` in the place of the one of its name.
    pub(crate) fn with_policy(&self, policy: &Arc<Policy>) -> Self {
        let replace = |it: &Arc<Policy>| if it.name == policy.name { Arc::clone(policy) } else { Arc::clone(it) };
        let before = self.policies.all().iter().find(|it| it.name == policy.name);
        let is_same_kind =
            before.is_some_and(|it| (it.action, &it.scope.operations) == (policy.action, &policy.scope.operations));
        let policies = self.policies.all().iter().map(replace).collect();
        self.with_policies(Policies::new(policies, self.policies.limits().to_vec()), is_same_kind)
    }

    /// The same bundle with `limit` in the place of the one of its name.
    pub(crate) fn with_limit(&self, limit: &Arc<Limit>) -> Self {
        let replace = |it: &Arc<Limit>| if it.name == limit.name { Arc::clone(limit) } else { Arc::clone(it) };
        let before = self.policies.limits().iter().find(|it| it.name == limit.name);
        let is_same_kind =
            before.is_some_and(|it| (it.action, &it.scope.operations) == (limit.action, &limit.scope.operations));
        let limits = self.policies.limits().iter().map(replace).collect();
        self.with_policies(Policies::new(self.policies.all().to_vec(), limits), is_same_kind)
    }

    /// The same bundle with other policies; `is_same_kind` if operations and actions are the same, on which inspections depend.
    fn with_policies(&self, policies: Policies, is_same_kind: bool) -> Self {
        let (contract, documents) = (self.contract.clone(), self.documents.clone());
        let (strictness, revision) = (self.strictness.clone(), self.revision.clone());
        if !is_same_kind {
            return Self::assemble(contract, policies, documents, strictness, revision, None);
        }
        let (inspections, guard) = (Arc::clone(&self.inspections), Arc::clone(&self.guard));
        let ids = inspections.keys();
        let head_reads = ids.filter_map(|id| Some((Arc::clone(id), HeadReads::of(&policies, id)?))).collect();
        let own_reads = HeadReads::of_gateway();
        let shadow = None;
        Self { contract, policies, documents, strictness, inspections, guard, head_reads, own_reads, shadow, revision }
    }

    fn assemble(
        contract: Arc<Contract>,
        policies: Policies,
        documents: Arc<PolicyDocuments>,
        strictness: Strictness,
        revision: Arc<str>,
        shadow: Option<Arc<Self>>,
    ) -> Self {
        let inspections = contract.operations().into_iter().filter_map(|operation| {
            let id = &operation.id;
            // The strictest action counts: one policy that denies guards the operation.
            let of_policies = policies.of_operation(id).iter().map(|policy| policy.action);
            let of_limits = policies.limits_of_operation(id).iter().map(|limit| limit.action);
            let policy_effect = match of_policies.chain(of_limits).min() {
                None => PolicyEffect::None,
                Some(Action::Deny) => PolicyEffect::Denies,
                Some(Action::Warn | Action::Audit) => PolicyEffect::Audits,
            };
            Some((id.clone(), strictness.inspection(&operation, policy_effect)?))
        });
        let mut inspections: OperationMap<_> = inspections.collect();
        if let Some(shadow) = &shadow {
            audit_candidates(&mut inspections, &contract, &strictness, &shadow.policies);
        }
        let inspections = Arc::new(inspections);
        let guard = Arc::new(contract.guard(|operation| is_guarded(&inspections, operation)));
        let ids = inspections.keys();
        let head_reads = ids.filter_map(|id| Some((Arc::clone(id), HeadReads::of(&policies, id)?))).collect();
        let own_reads = HeadReads::of_gateway();
        Self { contract, policies, documents, strictness, inspections, guard, head_reads, own_reads, shadow, revision }
    }

    /// Lints: what the policy files may contain and yet is likely an error at `now`, for clients of which `provable` can be proven.
    pub fn lints(&self, now: SystemTime, provable: ProvableIdentity) -> Vec<Diagnostic> {
        self.lints_with(&self.lint_rules(&RuleLints::new()), now, provable)
    }

    /// As [`Self::lints`], with what [`Self::lint_rules`] found.
    pub(crate) fn lints_with(&self, rules: &RuleLints, now: SystemTime, provable: ProvableIdentity) -> Vec<Diagnostic> {
        let mut lints = self.rule_lints(rules, now, provable);
        lints.extend(lint_params(&self.documents));
        lints
    }

    /// The lints of those documents in `texts` that have no error, for a report beside the errors of the others.
    pub fn lints_of_valid(
        contract: impl Into<Arc<Contract>>,
        texts: &[PolicyText],
        now: SystemTime,
        provable: ProvableIdentity,
    ) -> Vec<Diagnostic> {
        let contract = contract.into();
        let (documents, policies) = compile_valid(texts, &contract);
        let bundle =
            Self::assemble(contract, policies, Arc::new(documents), Strictness::default(), Arc::from(""), None);
        // without those of shared params: a policy with an error may use what the others do not
        bundle.rule_lints(&bundle.lint_rules(&RuleLints::new()), now, provable)
    }

    /// What linters find in each rule by itself. Rules in `known` are not linted again.
    pub(crate) fn lint_rules(&self, known: &RuleLints) -> RuleLints {
        let (documents, contract) = (&self.documents, &self.contract);
        let policies = documents.policies.iter().zip(self.policies.all()).map(|(manifest, policy)| {
            let name = &manifest.value.metadata.name;
            (name.clone(), known.get(name).cloned().unwrap_or_else(|| lint_policy(manifest, policy, contract)))
        });
        let limits = documents.limits.iter().zip(self.policies.limits()).map(|(manifest, limit)| {
            let name = &manifest.value.metadata.name;
            (name.clone(), known.get(name).cloned().unwrap_or_else(|| lint_limit(manifest, limit, contract)))
        });
        policies.chain(limits).collect()
    }

    fn rule_lints(&self, rules: &RuleLints, now: SystemTime, provable: ProvableIdentity) -> Vec<Diagnostic> {
        let documents = &self.documents;
        let of_rule = |name: &str| rules.get(name).cloned().unwrap_or_default();
        let policies: Vec<_> = documents.policies.iter().zip(self.policies.all()).collect();
        let of_policies = policies.iter().flat_map(|(manifest, policy)| {
            let mut found = of_rule(&policy.name);
            found.extend(lint_identity(manifest, policy, &self.contract, provable));
            found
        });
        let of_limits = self.policies.limits().iter().flat_map(|limit| of_rule(&limit.name));
        let waivers = documents.waivers.iter().flat_map(|manifest| {
            let name = manifest.value.metadata.name.as_str();
            let found = self.policies.waivers().find(|waiver| waiver.name.as_ref() == name);
            let action = found.and_then(|waiver| self.policies.action_of(&waiver.policy));
            found.zip(action).into_iter().flat_map(move |(waiver, action)| lint_waiver(manifest, waiver, action, now))
        });
        of_policies.chain(lint_shadowed(&policies)).chain(of_limits).chain(waivers).collect()
    }

    /// What the policy files read of the gateway that its configuration does not set.
    pub fn lint_instance(&self, instance: &Instance) -> Vec<Diagnostic> {
        lint_instance(&self.documents, instance)
    }

    /// The documents that the bundle was compiled from. After [`Self::only`] they are still those of the whole bundle.
    pub(crate) fn documents(&self) -> &PolicyDocuments {
        &self.documents
    }

    /// How requests to the operation are inspected. `None` if there is nothing to judge.
    pub fn inspection(&self, operation: &Operation) -> Option<InspectionRules> {
        inspection(&self.inspections, operation)
    }

    /// How many operations have their bodies inspected in `mode`.
    pub fn count_inspected(&self, mode: Mode) -> usize {
        let operations = self.contract.operations().into_iter().filter(|operation| operation.body.is_some());
        let ids: BTreeSet<Arc<str>> = operations.map(|operation| operation.id.clone()).collect();
        ids.iter().filter(|id| self.inspections.get(*id).is_some_and(|inspection| inspection.mode == mode)).count()
    }

    /// Whether a rule may refuse requests to the operation. Then no other spelling of its path may reach the upstream.
    pub fn is_guarded(&self, operation: &Operation) -> bool {
        is_guarded(&self.inspections, operation)
    }

    /// Whether requests to the operation may have the query `query`.
    //
    // Where fields of the body are judged, a lenient upstream could take the same fields from the query, which no rule saw.
    pub fn takes_query(&self, operation: &Operation, query: &str) -> bool {
        operation.body.is_none() || names_only(query, &operation.query) || !self.is_guarded(operation)
    }

    /// Checks that a request to the operation has nothing in more than one way that a rule reads from its query or headers, if a
    /// rule may refuse it.
    ///
    /// # Errors
    ///
    /// What it has in more than one way.
    pub fn check_head(&self, operation: &Operation, query: &str, headers: &HeaderMap) -> Result<(), HeadAmbiguity> {
        // no lookup for most requests: few rules read heads
        if query.is_empty() && self.head_reads.is_empty() || !self.is_guarded(operation) {
            return Ok(());
        }
        self.head_reads.get(&operation.id).unwrap_or(&self.own_reads).check(query, headers)
    }

    /// The operation that a request calls, by the contract. Paths are matched strictly if a rule may refuse the operation.
    pub fn route(&self, method: &str, path: &str, version: Option<&str>) -> Routed {
        self.contract.route(method, path, version, &self.guard)
    }

    /// What happens to a request with `method` that is for no operation of the contract.
    pub fn fallthrough(&self, method: &str) -> WriteFallthrough {
        self.strictness.fallthrough.of(method)
    }

    /// A permit for a request with nothing to judge. `None` if it must be judged or refused.
    pub fn exempt(&self, method: &str, routed: &Routed) -> Option<Permit> {
        match routed {
            Routed::Operation(operation, _) => self.inspection(operation).is_none().then(Permit::for_exempt),
            Routed::Unknown => (self.fallthrough(method) != WriteFallthrough::Deny).then(Permit::for_exempt),
            // Never exempt: another server could read these as an operation that must be judged.
            Routed::Ambiguous | Routed::MethodUnknown => None,
        }
    }
}

/// Adds the operations that only the policies `candidates` of a shadow bundle match, as audited.
fn audit_candidates(
    inspections: &mut OperationMap<InspectionRules>,
    contract: &Contract,
    strictness: &Strictness,
    candidates: &Policies,
) {
    let operations = contract.operations().into_iter();
    // an operation that is inspected anyway stays as it is: a candidate makes nothing stricter, and nothing milder
    let is_new = |it: &Arc<Operation>| !candidates.of_operation(&it.id).is_empty() && !inspections.contains_key(&it.id);
    for operation in operations.filter(is_new).collect::<Vec<_>>() {
        let audited = strictness.inspection(&operation, PolicyEffect::Audits);
        let audited = audited.map(|rules| InspectionRules { mode: Mode::Audit, ..rules });
        inspections.extend(audited.map(|rules| (Arc::clone(&operation.id), rules)));
    }
}

fn inspection(inspections: &OperationMap<InspectionRules>, operation: &Operation) -> Option<InspectionRules> {
    let inspection = inspections.get(&operation.id).copied();
    // The id is the same in every API version, but one version may have a body where another has none.
    inspection.filter(|inspection| inspection.policy_effect != PolicyEffect::None || operation.body.is_some())
}

fn is_guarded(inspections: &OperationMap<InspectionRules>, operation: &Operation) -> bool {
    inspection(inspections, operation).is_some_and(|inspection| !inspection.is_shadow())
}
