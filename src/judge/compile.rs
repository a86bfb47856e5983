//! Compiles the policy files of a bundle.

use super::bundle::PolicyText;
use crate::contract::Contract;
use crate::diagnostic::Diagnostic;
use crate::manifest::Source;
use crate::policy::{Policies, PolicyDocuments, Waiver, compile_limit, compile_policy, compile_waiver};
use std::collections::HashMap;
use std::sync::Arc;

/// Parses and compiles policy files. The parsed documents come with the policies, each kind in the same order.
///
/// # Errors
///
/// Every error in the files, file by file, each from its top.
pub(super) fn compile(
    texts: &[PolicyText],
    contract: &Contract,
) -> Result<(PolicyDocuments, Policies), Vec<Diagnostic>> {
    let mut documents = PolicyDocuments::default();
    let mut errors: Vec<Diagnostic> = texts.iter().flat_map(|text| documents.read(&text.file, &text.text)).collect();
    // Policies and limits share one namespace: both appear as `policy` in refusals, logs and metrics.
    let names = documents.policies.iter().map(|manifest| (manifest.value.metadata.name.as_str(), &manifest.source));
    let limits = documents.limits.iter().map(|manifest| (manifest.value.metadata.name.as_str(), &manifest.source));
    errors.extend(repeated_names("policy", names.chain(limits)));
    // All documents are compiled even after an error, so that one run of `portcullis check` reports everything.
    let policies = compile_documents(&documents, contract, &mut errors);
    if errors.is_empty() { Ok((documents, policies)) } else { Err(in_order(errors, texts)) }
}

/// Compiles documents that were parsed before, each kind in the same order. With errors the result is not complete.
pub(super) fn compile_documents(
    documents: &PolicyDocuments,
    contract: &Contract,
    errors: &mut Vec<Diagnostic>,
) -> Policies {
    let waivers = compile_waivers(documents, contract, errors);
    let (mut policies, mut limits) = (Vec::new(), Vec::new());
    for manifest in &documents.policies {
        match compile_policy(manifest, contract) {
            Ok(policy) => {
                let own = waivers.iter().filter(|waiver| waiver.policy == policy.name).cloned().collect();
                policies.push(Arc::new(policy.with_waivers(own)));
            }
            Err(found) => errors.extend(found),
        }
    }
    for manifest in &documents.limits {
        match compile_limit(manifest, contract) {
            Ok(limit) => limits.push(Arc::new(limit)),
            Err(found) => errors.extend(found),
        }
    }
    Policies::new(policies, limits)
}

fn compile_waivers(documents: &PolicyDocuments, contract: &Contract, errors: &mut Vec<Diagnostic>) -> Vec<Arc<Waiver>> {
    let names = documents.waivers.iter().map(|manifest| (manifest.value.metadata.name.as_str(), &manifest.source));
    errors.extend(repeated_names("waiver", names));
    let mut waivers = Vec::new();
    for manifest in &documents.waivers {
        match compile_waiver(manifest, documents, contract) {
            Ok(waiver) => waivers.push(Arc::new(waiver)),
            Err(found) => errors.extend(found),
        }
    }
    waivers
}

/// An error for each of `names` that an earlier document has too.
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

/// Sorts errors as an operator reads them: file by file, each from its top.
fn in_order(mut errors: Vec<Diagnostic>, texts: &[PolicyText]) -> Vec<Diagnostic> {
    errors.sort_by_key(|error| {
        let file = texts.iter().position(|text| text.file == error.file);
        (file, error.span.as_ref().map(|span| span.start))
    });
    errors
}
