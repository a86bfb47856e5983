//! What a rule found wrong with a request, in words that may be shown to anyone.

pub use crate::contract::field::Field;
pub use crate::policy::Action;
use crate::reason::Reason;
use std::fmt;
use std::sync::Arc;

/// The rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A policy, by its `metadata.name`.
    Policy(Arc<str>),
    /// A keyword of the contract's JSON Schema, such as `type` or `additionalProperties`.
    Keyword(&'static str),
    /// A rule of the gateway itself about JSON or HTTP; the reason says which.
    Gateway,
}

impl Rule {
    /// The rule's name as a value to keep, such as a metric's label.
    pub fn label(&self) -> Arc<str> {
        match self {
            Self::Policy(name) => Arc::clone(name),
            Self::Keyword(keyword) => Arc::from(*keyword),
            Self::Gateway => Arc::from("gateway"),
        }
    }
}

/// One thing a rule found wrong. Holds no value of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Why, from the closed list.
    pub reason: Reason,
    /// What happens because of it.
    pub action: Action,
    /// The rule that did not hold.
    pub rule: Rule,
    /// The place in the body; none where the rule is about the request as a whole.
    pub field: Option<Field>,
    /// What is wrong, for the caller: lower case, no full stop.
    pub message: Arc<str>,
    /// What the caller can do about it.
    pub hint: Option<Arc<str>>,
    /// Who owns the rule (the policy's `owner` label).
    pub owner: Option<Arc<str>>,
    /// The waiver for which a rule that would refuse or warn is only audited.
    pub waived_by: Option<Arc<str>>,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(name) => f.write_str(name),
            Self::Keyword(keyword) => f.write_str(keyword),
            Self::Gateway => f.write_str("gateway"),
        }
    }
}
