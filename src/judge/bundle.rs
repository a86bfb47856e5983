//! Everything that a request is judged by, as one value: a request is judged wholly by one bundle.

use super::permit::Permit;
use crate::contract::strictness::{Fallthrough, UnknownFields};
use crate::contract::{Contract, ContractError, Operation, Routed};
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

/// Why a bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The contract.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// What people wrote: everything that is wrong, each with its place.
    #[error("{} mistakes in policies", .0.len())]
    Policies(Vec<Diagnostic>),
}

impl Bundle {
    /// Compiles a bundle from the built-in contract and policy files.
    ///
    /// # Errors
    ///
    /// The default version is not known, or anything in the policy files is wrong: then all of it.
    pub fn compile(
        texts: &[PolicyText],
        default_version: &str,
        unknown_fields: UnknownFields,
        fallthrough: Fallthrough,
    ) -> Result<Self, BundleError> {
        let contract = Contract::built_in(default_version)?;
        let policies = policies(texts, &contract).map_err(BundleError::Policies)?;
        let revision = revision(texts, default_version, unknown_fields, fallthrough);
        Ok(Self { contract, policies: Policies::new(policies), unknown_fields, fallthrough, revision })
    }

    /// Whether requests to the operation must be judged: it has a body schema, or a policy matches it.
    pub fn is_inspected(&self, operation: &Operation) -> bool {
        operation.body.is_some() || !self.policies.of_operation(&operation.id).is_empty()
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

/// The first 12 hex digits of a SHA-256 over what decides: policy texts in order, and how the contract is applied. The
/// contract itself comes with the program, whose version is in it too.
fn revision(texts: &[PolicyText], version: &str, unknown: UnknownFields, fallthrough: Fallthrough) -> Arc<str> {
    let mut context = digest::Context::new(&digest::SHA256);
    let settings = format!("{}\0{version}\0{unknown:?}\0{fallthrough:?}\0", env!("CARGO_PKG_VERSION"));
    context.update(settings.as_bytes());
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
