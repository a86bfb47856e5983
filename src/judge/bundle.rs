//! Everything that a request is judged by, as one value: a request is judged wholly by one bundle.

use super::permit::Permit;
use crate::contract::strictness::{Fallthrough, InspectionRules, Mode, PolicyEffect, Strictness};
use crate::contract::{Contract, Operation, Routed};
use crate::diagnostic::Diagnostic;
use crate::manifest::Source;
use crate::policy::{
    Action, Policies, PolicyDocuments, Waiver, compile_limit, compile_policy, compile_waiver, lint_limit, lint_policy,
    lint_shadowed, lint_waiver,
};
use aws_lc_rs::digest;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// The text of a policy file.
#[derive(Clone, Debug)]
pub struct PolicyText {
    /// Where it was read.
    pub file: PathBuf,
    /// What it says.
    pub text: String,
}

/// Everything that a request is judged by.
#[derive(Debug)]
pub struct Bundle {
    /// Clerk's operations.
    pub contract: Arc<Contract>,
    /// The organisation's rules.
    pub policies: Policies,
    /// How strictly the contract is applied.
    strictness: Strictness,
    /// How requests are inspected, by operation id.
    inspections: HashMap<Arc<str>, InspectionRules>,
    /// A hash of all of it, by which records tell bundles apart.
    pub revision: Arc<str>,
}

/// What people wrote cannot be used: everything that is wrong, each with its place.
#[derive(Debug, thiserror::Error)]
#[error("{} errors in policies", .0.len())]
pub struct BundleError(pub Vec<Diagnostic>);

impl Bundle {
    /// Compiles a bundle from a contract, how strictly to apply it, and policy files.
    ///
    /// # Errors
    ///
    /// Everything in the policy files that is wrong, each with its place.
    pub fn compile(contract: Contract, texts: &[PolicyText], strictness: Strictness) -> Result<Self, BundleError> {
        let policies = policies(texts, &contract).map_err(BundleError)?;
        let revision = revision(&contract, texts, &strictness);
        Ok(Self::assemble(Arc::new(contract), policies, strictness, revision))
    }

    /// The same with the policies of these names only, and the contract applied as strictly as by default: so that tests of
    /// policies say the same under every configuration.
    #[must_use]
    pub fn only(&self, names: &BTreeSet<String>) -> Self {
        let policies = self.policies.all().iter().filter(|policy| names.contains(policy.name.as_ref())).cloned();
        let limits = self.policies.limits().iter().filter(|limit| names.contains(limit.name.as_ref())).cloned();
        let policies = Policies::new(policies.collect(), limits.collect());
        Self::assemble(self.contract.clone(), policies, Strictness::default(), self.revision.clone())
    }

    fn assemble(contract: Arc<Contract>, policies: Policies, strictness: Strictness, revision: Arc<str>) -> Self {
        let inspections = contract.operations().into_iter().filter_map(|operation| {
            let id = &operation.id;
            let of_policies = policies.of_operation(id).iter().map(|policy| policy.action);
            let of_limits = policies.limits_of_operation(id).iter().map(|limit| limit.action);
            let policy_effect = match of_policies.chain(of_limits).min() {
                None => PolicyEffect::None,
                Some(Action::Deny) => PolicyEffect::Denies,
                Some(Action::Warn | Action::Audit) => PolicyEffect::Audits,
            };
            Some((id.clone(), strictness.inspection(&operation, policy_effect)?))
        });
        Self { inspections: inspections.collect(), contract, policies, strictness, revision }
    }

    /// What is allowed in the policy files and yet likely a mistake at `now`. `texts` are those that the bundle was compiled
    /// from.
    pub fn lints(&self, texts: &[PolicyText], now: SystemTime) -> Vec<Diagnostic> {
        let (manifests, _) = manifests(texts);
        let policies: Vec<_> = manifests.policies.iter().zip(self.policies.all()).collect();
        let of_policies = policies.iter().flat_map(|(manifest, policy)| lint_policy(manifest, policy, &self.contract));
        let limits = manifests.limits.iter().zip(self.policies.limits());
        let of_limits = limits.flat_map(|(manifest, limit)| lint_limit(manifest, limit, &self.contract));
        let waivers = manifests.waivers.iter().flat_map(|manifest| {
            let name = manifest.value.metadata.name.as_str();
            let mut all =
                self.policies.all().iter().flat_map(|policy| policy.waivers.iter().map(move |it| (it, policy)));
            let found = all.find(|(waiver, _)| waiver.name.as_ref() == name);
            found.into_iter().flat_map(move |(waiver, policy)| lint_waiver(manifest, waiver, policy, now))
        });
        of_policies.chain(lint_shadowed(&policies)).chain(of_limits).chain(waivers).collect()
    }

    /// How requests to the operation are inspected; none where there is nothing to judge.
    pub fn inspection(&self, operation: &Operation) -> Option<InspectionRules> {
        let inspection = self.inspections.get(&operation.id).copied();
        // another version may have a body where this one has none
        inspection.filter(|inspection| inspection.policy_effect != PolicyEffect::None || operation.body.is_some())
    }

    /// How many operations have their bodies inspected in this mode.
    pub fn inspected(&self, mode: Mode) -> usize {
        let operations = self.contract.operations().into_iter().filter(|operation| operation.body.is_some());
        let ids: BTreeSet<Arc<str>> = operations.map(|operation| operation.id.clone()).collect();
        ids.iter().filter(|id| self.inspections.get(*id).is_some_and(|inspection| inspection.mode == mode)).count()
    }

    /// Whether something may refuse requests to the operation, so that none must get past under another spelling.
    fn is_guarded(&self, operation: &Operation) -> bool {
        self.inspection(operation).is_some_and(|inspection| !inspection.is_shadow())
    }

    /// Whether requests to the operation may have a query. Where fields of a body are judged, a lenient upstream could take
    /// them from the query instead.
    pub fn takes_query(&self, operation: &Operation) -> bool {
        operation.body.is_none() || !self.is_guarded(operation)
    }

    /// What a request is, by the contract, with what of it must be judged.
    pub fn route(&self, method: &str, path: &str, version: Option<&str>) -> Routed {
        self.contract.route(method, path, version, |operation| self.is_guarded(operation))
    }

    /// A permit for a request whose routing shows that there is nothing to judge; none where there is.
    pub fn exempt(&self, routed: &Routed) -> Option<Permit> {
        match routed {
            Routed::Operation(operation, _) => self.inspection(operation).is_none().then(Permit::exempt),
            Routed::Unknown => (self.strictness.fallthrough == Fallthrough::Forward).then(Permit::exempt),
            Routed::Ambiguous | Routed::MethodUnknown => None,
        }
    }
}

/// What policy files hold, and what is wrong with them as far as that is seen without the contract.
pub(crate) fn manifests(texts: &[PolicyText]) -> (PolicyDocuments, Vec<Diagnostic>) {
    let mut manifests = PolicyDocuments::default();
    let errors = texts.iter().flat_map(|text| manifests.read(&text.file, &text.text)).collect();
    (manifests, errors)
}

fn policies(texts: &[PolicyText], contract: &Contract) -> Result<Policies, Vec<Diagnostic>> {
    let (manifests, mut errors) = manifests(texts);
    let names = manifests.policies.iter().map(|manifest| (manifest.value.metadata.name.as_str(), &manifest.source));
    let limits = manifests.limits.iter().map(|manifest| (manifest.value.metadata.name.as_str(), &manifest.source));
    errors.extend(repeated_names("policy", names.chain(limits)));
    let waivers = waivers(&manifests, contract, &mut errors);
    let (mut policies, mut limits) = (Vec::new(), Vec::new());
    for manifest in &manifests.policies {
        match compile_policy(manifest, contract) {
            Ok(mut policy) => {
                policy.waivers = waivers.iter().filter(|waiver| waiver.policy == policy.name).cloned().collect();
                policies.push(Arc::new(policy));
            }
            Err(found) => errors.extend(found),
        }
    }
    for manifest in &manifests.limits {
        match compile_limit(manifest, contract) {
            Ok(limit) => limits.push(Arc::new(limit)),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(Policies::new(policies, limits)) } else { Err(in_order(errors, texts)) }
}

fn waivers(manifests: &PolicyDocuments, contract: &Contract, errors: &mut Vec<Diagnostic>) -> Vec<Arc<Waiver>> {
    let names = manifests.waivers.iter().map(|manifest| (manifest.value.metadata.name.as_str(), &manifest.source));
    errors.extend(repeated_names("waiver", names));
    let mut waivers = Vec::new();
    for manifest in &manifests.waivers {
        match compile_waiver(manifest, manifests, contract) {
            Ok(waiver) => waivers.push(Arc::new(waiver)),
            Err(found) => errors.extend(found),
        }
    }
    waivers
}

/// An error for each of `names` that another document of the same kind has before it.
fn repeated_names<'m>(
    kind: &str,
    names: impl Iterator<Item = (&'m str, &'m Source)>,
) -> impl Iterator<Item = Diagnostic> {
    let mut places: HashMap<&str, &Source> = HashMap::new();
    names.filter_map(move |(name, source)| {
        let first = places.insert(name, source)?;
        let message = format!("`{name}` is the name of another {kind}, in {}", first.file().display());
        Some(source.at("/metadata/name", message))
    })
}

/// Mistakes in the order in which people read: file by file, each from its top.
fn in_order(mut errors: Vec<Diagnostic>, texts: &[PolicyText]) -> Vec<Diagnostic> {
    errors.sort_by_key(|error| {
        let file = texts.iter().position(|text| text.file == error.file);
        (file, error.span.as_ref().map(|span| span.start))
    });
    errors
}

/// The first 12 hex digits of a SHA-256 over what decides: the contract and how it is applied, policy texts in order, and the
/// program's own version.
fn revision(contract: &Contract, texts: &[PolicyText], strictness: &Strictness) -> Arc<str> {
    let mut context = digest::Context::new(&digest::SHA256);
    let version = contract.default_version();
    let settings = format!("{}\0{version}\0{strictness:?}\0", env!("CARGO_PKG_VERSION"));
    context.update(settings.as_bytes());
    context.update(contract.fingerprint());
    for text in texts {
        context.update(&text.text.len().to_le_bytes());
        context.update(text.text.as_bytes());
    }
    let mut revision = String::new();
    for byte in context.finish().as_ref().iter().take(6) {
        // writing to a `String` cannot fail
        let _ = write!(revision, "{byte:02x}");
    }
    revision.into()
}
