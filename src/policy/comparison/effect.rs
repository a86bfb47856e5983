//! The effect of a rule on a request.

use crate::policy::Action;

/// What a rule does to a request, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Nothing: it holds, or is not for such requests.
    Pass,
    /// The request passes, and is recorded.
    Audit,
    /// The request passes, and its caller is warned.
    Warn,
    /// The request is refused.
    Refuse,
}

impl Effect {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Audit => "audit",
            Self::Warn => "warn",
            Self::Refuse => "deny",
        }
    }
}

impl From<Action> for Effect {
    fn from(action: Action) -> Self {
        match action {
            Action::Deny => Self::Refuse,
            Action::Warn => Self::Warn,
            Action::Audit => Self::Audit,
        }
    }
}
