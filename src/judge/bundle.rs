//! Everything that a request is judged by, as one value: a request is judged wholly by one bundle.

use super::permit::Permit;
use crate::contract::strictness::{Fallthrough, UnknownFields};
use crate::contract::{Contract, INSPECTED, Operation, Routed};
use crate::manifest;
use crate::policy::{Policies, Policy, RequestPolicy, compile};
use crate::span::Diagnostic;
use aws_lc_rs::digest;
use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

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
    pub contract: Contract,
    /// The organisation's rules.
    pub policies: Policies,
    /// What happens to fields that the contract does not declare.
    pub unknown_fields: UnknownFields,
    /// What happens to requests that are no operation of the contract.
    pub fallthrough: Fallthrough,
    /// A hash of all of it, by which records tell bundles apart.
    pub revision: Arc<str>,
}

/// What people wrote cannot be used: everything that is wrong, each with its place.
#[derive(Debug, thiserror::Error)]
#[error("{} mistakes in policies", .0.len())]
pub struct BundleError(pub Vec<Diagnostic>);

impl Bundle {
    /// Compiles a bundle from a contract and policy files.
    ///
    /// # Errors
    ///
    /// Everything in the policy files that is wrong, each with its place.
    pub fn compile(
        contract: Contract,
        texts: &[PolicyText],
        unknown_fields: UnknownFields,
        fallthrough: Fallthrough,
    ) -> Result<Self, BundleError> {
        let policies = policies(texts, &contract).map_err(BundleError)?;
        let revision = revision(&contract, texts, unknown_fields, fallthrough);
        Ok(Self { contract, policies: Policies::new(policies), unknown_fields, fallthrough, revision })
    }

    /// Whether requests to the operation must be judged: it always must be, or a policy matches it.
    pub fn is_inspected(&self, operation: &Operation) -> bool {
        INSPECTED.contains(&operation.id.as_ref()) || !self.policies.of_operation(&operation.id).is_empty()
    }

    /// What a request is, by the contract, with what of it must be judged.
    pub fn route(&self, method: &str, path: &str, version: Option<&str>) -> Routed {
        self.contract.route(method, path, version, |operation| self.is_inspected(operation))
    }

    /// A permit for a request whose routing shows that there is nothing to judge; none where there is.
    pub fn exempt(&self, routed: &Routed) -> Option<Permit> {
        match routed {
            Routed::Operation(operation, _) => (!self.is_inspected(operation)).then(Permit::exempt),
            Routed::Unknown => (self.fallthrough == Fallthrough::Forward).then(Permit::exempt),
            Routed::Ambiguous | Routed::MethodUnknown => None,
        }
    }
}

fn policies(texts: &[PolicyText], contract: &Contract) -> Result<Vec<Policy>, Vec<Diagnostic>> {
    let (mut policies, mut mistakes) = (Vec::new(), Vec::new());
    let mut places: HashMap<String, PathBuf> = HashMap::new();
    for text in texts {
        let manifests = manifest::read::<RequestPolicy>(&text.file, &text.text).unwrap_or_else(|found| {
            mistakes.extend(found);
            Vec::new()
        });
        for manifest in manifests {
            let name = manifest.value.metadata.name.clone();
            if let Some(first) = places.insert(name.clone(), text.file.clone()) {
                let message = format!("`{name}` is the name of another policy, in {}", first.display());
                mistakes.push(manifest.source.at("/metadata/name", message));
            }
            match compile(&manifest, contract) {
                Ok(policy) => policies.push(policy),
                Err(found) => mistakes.extend(found),
            }
        }
    }
    if mistakes.is_empty() { Ok(policies) } else { Err(mistakes) }
}

/// The first 12 hex digits of a SHA-256 over what decides: the contract and how it is applied, policy texts in order, and the
/// program's own version.
fn revision(contract: &Contract, texts: &[PolicyText], unknown: UnknownFields, fallthrough: Fallthrough) -> Arc<str> {
    let mut context = digest::Context::new(&digest::SHA256);
    let version = contract.default_version();
    let settings = format!("{}\0{version}\0{unknown:?}\0{fallthrough:?}\0", env!("CARGO_PKG_VERSION"));
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
