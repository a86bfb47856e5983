//! One mutant of a policy or limit.

use super::change::ChangedLines;
use crate::contract::Contract;
use crate::judge::Bundle;
use crate::manifest::Manifest;
use crate::policy::{RequestLimit, RequestPolicy, compile_limit, compile_policy};
use std::sync::Arc;

/// A mutant of a rule.
#[derive(Clone, Debug)]
pub(super) struct Mutant {
    /// The kind of the change, in words.
    pub(super) what: &'static str,
    pub(super) lines: ChangedLines,
    pub(super) document: MutatedDocument,
}

/// A document after the change.
#[derive(Clone, Debug)]
pub(super) enum MutatedDocument {
    Policy(Box<Manifest<RequestPolicy>>),
    Limit(Box<Manifest<RequestLimit>>),
}

impl MutatedDocument {
    /// The name of the policy or limit.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Policy(manifest) => &manifest.value.metadata.name,
            Self::Limit(manifest) => &manifest.value.metadata.name,
        }
    }

    /// Puts it in the place of the rule of its name in each of `bundles`. `None` if it does not compile.
    pub(super) fn put_into(&self, contract: &Contract, bundles: &[&Bundle]) -> Option<Vec<Bundle>> {
        match self {
            Self::Policy(manifest) => {
                let policy = compile_policy(manifest, contract).ok()?;
                let original =
                    bundles.iter().flat_map(|bundle| bundle.policies.all()).find(|it| it.name == policy.name);
                let waivers = original.map(|original| original.waivers.clone()).unwrap_or_default();
                let policy = Arc::new(policy.with_waivers(waivers));
                Some(bundles.iter().map(|bundle| bundle.with_policy(&policy)).collect())
            }
            Self::Limit(manifest) => {
                let limit = compile_limit(manifest, contract).ok()?;
                let original =
                    bundles.iter().flat_map(|bundle| bundle.policies.limits()).find(|it| it.name == limit.name);
                let waivers = original.map(|original| original.waivers.clone()).unwrap_or_default();
                let limit = Arc::new(limit.with_waivers(waivers));
                Some(bundles.iter().map(|bundle| bundle.with_limit(&limit)).collect())
            }
        }
    }
}
