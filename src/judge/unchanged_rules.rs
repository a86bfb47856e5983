//! Which rules of a bundle are as they were in an earlier one, so that what was found in them need not be found again.

use super::bundle::Bundle;
use crate::diagnostic::Diagnostic;
use crate::manifest::Source;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What linters find in each rule by itself, by the name of the rule.
pub type RuleLints = HashMap<String, Vec<Diagnostic>>;

impl Bundle {
    /// The names of the policies and limits that are as in `before`: in files whose texts are the same, as are those of all waivers
    /// and of all params that policies share, and by the same contract.
    pub(crate) fn unchanged_rules(&self, before: &Self) -> BTreeSet<String> {
        let [own, earlier] = [self, before].map(|bundle| (bundle.rule_sources(), bundle.shared_texts()));
        if !Arc::ptr_eq(&self.contract, &before.contract) || own.1 != earlier.1 {
            return BTreeSet::new();
        }
        let earlier: HashMap<&str, &Source> = earlier.0.into_iter().collect();
        let is_same = |name: &str, source: &Source| {
            earlier.get(name).is_some_and(|known| known.file() == source.file() && known.text() == source.text())
        };
        own.0.into_iter().filter(|(name, source)| is_same(name, source)).map(|(name, _)| name.to_owned()).collect()
    }

    /// Each policy and limit with the file that it is in.
    fn rule_sources(&self) -> Vec<(&str, &Source)> {
        let documents = self.documents();
        let policies = documents.policies.iter().map(|it| (it.value.metadata.name.as_str(), &it.source));
        policies.chain(documents.limits.iter().map(|it| (it.value.metadata.name.as_str(), &it.source))).collect()
    }

    /// The texts of the files whose documents can change rules of other files.
    fn shared_texts(&self) -> Vec<&str> {
        let documents = self.documents();
        let waivers = documents.waivers.iter().map(|it| it.source.text());
        waivers.chain(documents.params.iter().map(|it| it.source.text())).collect()
    }
}
