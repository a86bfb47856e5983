//! What a reload may remove.

/// What a reload may remove or weaken of the rules that deny.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemovalRules {
    /// The names of policies, limits and operations that it may.
    pub removed: Vec<String>,
    /// Whether it may remove all others, too.
    pub removals: Removals,
}

impl RemovalRules {
    /// Whether a reload may remove the rule or operation `name`.
    pub fn allow(&self, name: &str) -> bool {
        self.removals == Removals::Allow || self.removed.iter().any(|removed| removed == name)
    }
}

/// Whether a reload may remove or weaken what denies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Removals {
    /// Only what `removed` names.
    #[default]
    Refuse,
    /// Anything: something else guards what is deployed.
    Allow,
}
