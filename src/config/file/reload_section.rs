//! The section `reload` of the configuration file.

use crate::config::defaults;
use crate::config::removal_rules::Removals;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a running gateway takes changes of its files.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct ReloadSection {
    /// Whether changed files are loaded without a signal: this file, policies with their tests, and the contract.
    pub(in crate::config) watch: bool,
    /// Time between two reads of the files; at least `100ms`.
    #[schemars(example = &"2s")]
    pub(in crate::config) interval: String,
    /// Whether a reload may remove or weaken what denies.
    pub(in crate::config) removals: Removals,
}

impl Default for ReloadSection {
    fn default() -> Self {
        Self { watch: true, interval: defaults::RELOAD_INTERVAL.to_string(), removals: Removals::default() }
    }
}
