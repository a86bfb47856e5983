//! What happens when a rule does not hold.

/// What happens when a rule does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize, schemars::JsonSchema)]
pub enum Action {
    /// The request is refused.
    Deny,
    /// The request passes; the caller is told in `Warning` and `portcullis-warning` headers.
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
