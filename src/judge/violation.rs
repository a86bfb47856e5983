//! Violations: what is wrong with a request, in words that may be shown to anyone.

pub use crate::contract::field::Field;
pub use crate::policy::Action;
use crate::reason::Reason;
use std::fmt;
use std::sync::Arc;

/// A rule that a request can violate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A policy, by its `metadata.name`.
    Policy(Arc<str>),
    /// A keyword of the contract's JSON Schema, such as `type` or `additionalProperties`.
    Keyword(&'static str),
    /// A rule of the gateway itself, about JSON or HTTP. The reason identifies it.
    Gateway,
}

impl Rule {
    /// The name of the rule, for use as a metric label.
    pub fn label(&self) -> Arc<str> {
        match self {
            Self::Policy(name) => Arc::clone(name),
            Self::Keyword(keyword) => Arc::from(*keyword),
            Self::Gateway => Arc::from("gateway"),
        }
    }
}

/// One violation of a rule.
//
// It goes to callers, logs, metrics and spans, so it contains no value of the request: only names, and texts of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Why, from the closed list.
    pub reason: Reason,
    /// What happens to the request because of it.
    pub action: Action,
    /// The violated rule.
    pub rule: Rule,
    /// The field of the body. `None` if the rule is about the request as a whole.
    pub field: Option<Field>,
    /// The message for the caller: lower case, no full stop.
    pub message: Arc<str>,
    /// What the caller can do about it.
    pub hint: Option<Arc<str>>,
    /// The policy's `owner` label.
    pub owner: Option<Arc<str>>,
    /// The API version by which the contract refused it and why by that one, with the versions that have the field.
    pub judged_by: Option<Arc<str>>,
    /// The waiver that turned the action into audit, if one did.
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
