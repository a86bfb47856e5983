//! The action of a rule: what happens to a request that violates it.

/// What happens to a request that violates a rule, the strictest first.
//
// The order is relied on: `min` of several actions is the one that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize, schemars::JsonSchema)]
pub enum Action {
    /// The request is refused.
    Deny,
    /// The request passes, with `Warning` and `portcullis-warning` headers in the response.
    Warn,
    /// The request passes; only logs, metrics and spans show it.
    Audit,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 3] = [Self::Deny, Self::Warn, Self::Audit];

    /// The word used in logs, metrics and spans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Warn => "warn",
            Self::Audit => "audit",
        }
    }
}
