//! What a rule found wrong with a request, in words that may be shown to anyone.

use crate::reason::Reason;
use std::fmt;
use std::sync::Arc;

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
    /// The word used in logs, metrics and spans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Warn => "warn",
            Self::Audit => "audit",
        }
    }
}

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

/// The place in the body that a violation is about.
///
/// Names that the contract or a policy declares may be shown anywhere. A name that only the request knows may itself be a
/// secret: it goes back to the caller, escaped and cut, and never into a log, a span or a metric.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// A JSON Pointer (RFC 6901) or field name made of declared names and array positions only.
    Declared(String),
    /// A name that no one declared, below the declared JSON Pointer `parent`.
    Undeclared {
        /// JSON Pointer of the object that holds the name; empty for the body itself.
        parent: String,
        /// The name, escaped and cut at 64 characters.
        name: String,
    },
}

impl Field {
    /// The field as logs, spans and metrics may show it.
    pub fn for_log(&self) -> String {
        match self {
            Self::Declared(pointer) => pointer.clone(),
            Self::Undeclared { parent, .. } => format!("{parent}/*"),
        }
    }

    /// The field as the caller sees it: the bare name at the top level, a JSON Pointer below it.
    pub fn for_caller(&self) -> String {
        let pointer = match self {
            Self::Declared(pointer) => pointer.clone(),
            Self::Undeclared { parent, name } => format!("{parent}/{name}"),
        };
        match pointer.strip_prefix('/') {
            Some(name) if !name.contains('/') => name.to_owned(),
            _ => pointer,
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
