//! Values that several policies share, as `kind: Params`.
//!
//! A policy lists the documents by name. Their values are then among its own: an expression does not show where a value is from,
//! so that a name can have one value only.

mod source;

pub use source::ParamsSource;

use super::PolicyDocuments;
use super::compile::did_you_mean;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::policy::source::RequestPolicy;
use crate::suggest::nearest;
use std::collections::BTreeMap;

/// Gives each policy the values that it shares, and returns the errors of its references.
pub fn resolve_params(documents: &mut PolicyDocuments) -> Vec<Diagnostic> {
    let PolicyDocuments { policies, params, .. } = documents;
    policies.iter_mut().flat_map(|policy| resolve(policy, params)).collect()
}

fn resolve(policy: &mut Manifest<RequestPolicy>, all: &[Manifest<ParamsSource>]) -> Vec<Diagnostic> {
    let (source, spec) = (&policy.source, &mut policy.value.spec);
    let mut errors = Vec::new();
    // the document that each shared value is from
    let mut origins: BTreeMap<&str, &str> = BTreeMap::new();
    for (position, name) in spec.params_from.iter().enumerate() {
        let pointer = format!("/spec/paramsFrom/{position}");
        if spec.params_from.iter().take(position).any(|earlier| earlier == name) {
            errors.push(source.at(&pointer, format!("`{}` is listed twice", name.escape_debug())));
            continue;
        }
        let Some(found) = all.iter().find(|params| params.value.metadata.name == *name) else {
            let message = format!("`{}` is not a `kind: Params` that was loaded", name.escape_debug());
            let known = all.iter().map(|params| params.value.metadata.name.as_str());
            errors.push(did_you_mean(source.at(&pointer, message), nearest(name, known)));
            continue;
        };
        for (key, value) in &found.value.spec.params {
            let other = match origins.get(key.as_str()) {
                Some(origin) => Some(format!("`paramsFrom` has it from `{origin}`")),
                None => spec.params.contains_key(key).then(|| "`params` of the policy has it".to_owned()),
            };
            if let Some(other) = other {
                let message = format!("`{}` of `{name}` has another value here: {other}, too", key.escape_debug());
                errors.push(source.at(&pointer, message).with_help("rename one of them: neither replaces the other"));
                continue;
            }
            origins.insert(key, name);
            spec.shared_params.insert(key.clone(), value.clone());
        }
    }
    errors
}
