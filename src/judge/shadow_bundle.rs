//! The shadow bundle of a bundle: a candidate that is judged beside it.

use super::bundle::{Bundle, BundleError};
use crate::policy::{Action, RequestLimit, RuleHash};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// How a policy of the shadow bundle differs from the policy in force of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShadowChange {
    /// It is in the shadow bundle only.
    Added,
    /// It is in force only.
    Removed,
    /// Its outcome, its action or its waivers may differ.
    Changed,
}

impl ShadowChange {
    /// Every change.
    pub const ALL: [Self; 3] = [Self::Added, Self::Changed, Self::Removed];

    /// The word for the change.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

impl fmt::Display for ShadowChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Bundle {
    /// The same bundle with `shadow` judged beside it.
    ///
    /// Operations that only policies of the shadow bundle match are inspected from then on, as if these were audited.
    ///
    /// # Errors
    ///
    /// A limit of the shadow bundle is not the one in force of its name.
    pub fn with_shadow(self, shadow: Self) -> Result<Self, BundleError> {
        let (in_force, candidates) = (&self.documents().limits, &shadow.documents().limits);
        let is_same = |one: &RequestLimit, other: &RequestLimit| {
            one.metadata.name == other.metadata.name && one.spec == other.spec
        };
        let is_known = |limit: &RequestLimit| in_force.iter().any(|it| is_same(&it.value, limit));
        let foreign = candidates.iter().filter(|limit| !is_known(&limit.value));
        let errors = foreign.map(|limit| {
            let message =
                format!("`{}` is not the limit in force: `shadow` counts no requests", limit.value.metadata.name);
            let help = "a limit with `actions: [Audit]` in `policies` counts them and refuses none";
            limit.source.at("/metadata/name", message).with_help(help)
        });
        let errors: Vec<_> = errors.collect();
        if errors.is_empty() { Ok(self.beside(Arc::new(shadow))) } else { Err(BundleError(errors)) }
    }

    /// The policies of the shadow bundle that differ from those in force, by name. Empty without a shadow bundle.
    pub fn shadow_changes(&self) -> BTreeMap<Arc<str>, ShadowChange> {
        let Some(shadow) = self.shadow() else { return BTreeMap::new() };
        let (before, after) = (rules(self), rules(shadow));
        let removed = before.keys().filter(|name| !after.contains_key(*name));
        let removed = removed.map(|name| (Arc::clone(name), ShadowChange::Removed));
        let others = after.iter().filter_map(|(name, rule)| match before.get(name) {
            None => Some((Arc::clone(name), ShadowChange::Added)),
            Some(known) => (known != rule).then(|| (Arc::clone(name), ShadowChange::Changed)),
        });
        removed.chain(others).collect()
    }
}

/// What decides the effect of each policy.
fn rules(bundle: &Bundle) -> BTreeMap<Arc<str>, (RuleHash, Option<RuleHash>, Action)> {
    let policies = bundle.policies.all().iter();
    policies.map(|it| (Arc::clone(&it.name), (it.hash, it.waivers_hash, it.action))).collect()
}
