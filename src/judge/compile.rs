//! Compiles the policy files of a bundle.

use super::bundle::PolicyText;
use crate::contract::Contract;
use crate::diagnostic::Diagnostic;
use crate::manifest::Source;
use crate::policy::{
    MatchedEnvironment, Policies, PolicyDocuments, Waiver, check_params, compile_limit, compile_policy, compile_waiver,
    resolve_params,
};
use crate::suggest::nearest;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Parses and compiles policy files, which may match `environments` besides those of credentials. The parsed documents come with the policies, each kind in the same order.
///
/// # Errors
///
/// Every error in the files, file by file, each from its top.
pub(super) fn compile(
    texts: &[PolicyText],
    contract: &Contract,
    environments: &BTreeSet<String>,
) -> Result<(PolicyDocuments, Policies), Vec<Diagnostic>> {
    let mut documents = PolicyDocuments::default();
    let mut errors: Vec<Diagnostic> = texts.iter().flat_map(|text| documents.read(&text.file, &text.text)).collect();
    // Policies and limits share one namespace: both appear as `policy` in refusals, logs and metrics.
    let names = documents.policies.iter().map(|manifest| (manifest.value.metadata.name.as_str(), &manifest.source));
    let limits = documents.limits.iter().map(|manifest| (manifest.value.metadata.name.as_str(), &manifest.source));
    errors.extend(repeated_names("policy", names.chain(limits)));
    let shared = documents.params.iter().map(|manifest| (manifest.value.metadata.name.as_str(), &manifest.source));
    errors.extend(repeated_names("`kind: Params`", shared));
    errors.extend(documents.params.iter().filter_map(|params| check_params(params).err()).flatten());
    errors.extend(resolve_params(&mut documents));
    errors.extend(unknown_environments(&documents, environments));
    // All documents are compiled even after an error, so that one run of `portcullis check` reports everything.
    let policies = compile_documents(&documents, contract, &mut errors);
    if errors.is_empty() { Ok((documents, policies)) } else { Err(in_order(errors, texts)) }
}

/// The documents of `texts` that have no error of their own, with what they compile to.
pub(super) fn compile_valid(texts: &[PolicyText], contract: &Contract) -> (PolicyDocuments, Policies) {
    let mut documents = PolicyDocuments::default();
    for text in texts {
        // the errors were reported by `compile`
        documents.read(&text.file, &text.text);
    }
    resolve_params(&mut documents);
    documents.policies.retain(|it| compile_policy(it, contract).is_ok());
    documents.limits.retain(|it| compile_limit(it, contract).is_ok());
    let all = documents.clone();
    documents.waivers.retain(|it| compile_waiver(it, &all, contract).is_ok());
    let policies = compile_documents(&documents, contract, &mut Vec::new());
    (documents, policies)
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
            Ok(limit) => {
                let own = waivers.iter().filter(|waiver| waiver.policy == limit.name).cloned().collect();
                limits.push(Arc::new(limit.with_waivers(own)));
            }
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

/// An error for each environment that policies and limits match and that is none of credentials or of `known`.
//
// A misspelt one would be no rule for production, and yet look like one.
fn unknown_environments(documents: &PolicyDocuments, known: &BTreeSet<String>) -> Vec<Diagnostic> {
    let policies = documents.policies.iter().map(|it| (&it.source, &it.value.spec.r#match.environments));
    let limits = documents.limits.iter().map(|it| (&it.source, &it.value.spec.r#match.environments));
    let matched = policies.chain(limits).flat_map(|(source, all)| all.iter().enumerate().map(move |it| (source, it)));
    let mut errors = Vec::new();
    for (source, (position, environment)) in matched {
        let MatchedEnvironment::Named(name) = environment else { continue };
        if known.contains(name.as_ref()) {
            continue;
        }
        let message = format!(
            "`{}` is not an environment: there are `production`, `development`, and those that the configuration names",
            name.escape_debug()
        );
        let of_credentials = MatchedEnvironment::OF_CREDENTIALS;
        let all = of_credentials.iter().map(MatchedEnvironment::as_str).chain(known.iter().map(String::as_str));
        let help = match nearest(name, all) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "list it in `environment.names` of the configuration".to_owned(),
        };
        errors.push(source.at(&format!("/spec/match/environments/{position}"), message).with_help(help));
    }
    errors
}

/// Sorts errors as an operator reads them: file by file, each from its top.
fn in_order(mut errors: Vec<Diagnostic>, texts: &[PolicyText]) -> Vec<Diagnostic> {
    errors.sort_by_key(|error| {
        let file = texts.iter().position(|text| text.file == error.file);
        (file, error.span.as_ref().map(|span| span.start))
    });
    errors
}
