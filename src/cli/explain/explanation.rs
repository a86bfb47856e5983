//! The explanation of a request, recorded once and in full. The levels only leave parts out; text and JSON only format it.

use super::args::DetailLevel;
use serde::Serialize;
use std::collections::BTreeMap;

/// The explanation of a request. Its field names are those of the JSON output, an interface that scripts rely on.
#[derive(Debug, Default, Serialize)]
pub(super) struct Explanation {
    /// `allow`, `deny`; of a decision in a log also `fail` and `abort`.
    pub(super) decision: &'static str,
    /// Why it is refused, from the closed list.
    pub(super) reason: Option<&'static str>,
    /// The status of the refusal.
    pub(super) status: Option<u16>,
    /// The same for people.
    pub(super) message: String,
    /// The violations of all rules, with any action.
    pub(super) findings: Vec<ExplainedFinding>,
    /// The changes that would avoid a refusal; `None` if they cannot be known.
    pub(super) changes: Option<Suggestions>,
    /// What a person should know of how the request was read, and what cannot be known of it.
    pub(super) notes: Vec<String>,
    #[serde(flatten)]
    pub(super) rules: Option<RuleDetails>,
}

/// One thing that a rule found.
#[derive(Debug, Serialize)]
pub(super) struct ExplainedFinding {
    pub(super) action: &'static str,
    pub(super) reason: &'static str,
    /// The policy, keyword or `gateway`.
    pub(super) rule: String,
    /// The waiver for which it is only audited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waived_by: Option<String>,
    pub(super) field: Option<String>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// The API version by which the contract refused it, and which versions have the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) judged_by: Option<String>,
    pub(super) owner: Option<String>,
}

/// What would change a refusal. All of it was tried.
#[derive(Debug, Default, Serialize)]
pub(super) struct Suggestions {
    /// How many changes were tried.
    pub(super) tried: usize,
    /// Each of these is enough.
    pub(super) any: Vec<SufficientChange>,
    /// If none is, these together are.
    pub(super) together: Vec<String>,
}

/// A change that is enough.
#[derive(Debug, Serialize)]
pub(super) struct SufficientChange {
    pub(super) change: String,
    /// The outcomes that the refusing policies then have, by name.
    pub(super) then: BTreeMap<String, String>,
}

/// What led to the decision.
#[derive(Debug, Serialize)]
pub(super) struct RuleDetails {
    /// `None` if the head was not read.
    pub(super) method: Option<String>,
    /// The path's template, or why there is none.
    pub(super) route: String,
    pub(super) operation: Option<String>,
    /// The names of the path's parameters.
    pub(super) parameters: Vec<String>,
    pub(super) api_version: Option<Choice>,
    pub(super) environment: Choice,
    /// The kind of credential.
    pub(super) key: &'static str,
    pub(super) schema: String,
    pub(super) policies: Vec<ExplainedPolicy>,
    /// How limits count it; whether it is one too many, only the gateway knows that counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) limits: Vec<ExplainedLimit>,
    pub(super) revision: String,
    /// What a log kept of the request: place and shape.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) kept: Vec<(String, String)>,
}

/// What was chosen, and why.
#[derive(Debug, Serialize)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) why: String,
}

/// The result of a policy.
#[derive(Debug, Serialize)]
pub(super) struct ExplainedPolicy {
    pub(super) name: String,
    pub(super) action: &'static str,
    /// `holds`, `violated`, `no_match`, `error`, `other_environment` or `other_operation`.
    pub(super) outcome: &'static str,
    /// The waiver by which the policy only audits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waived_by: Option<String>,
    /// Texts on what is not true, unless the outcome is `holds` or `other_operation`.
    pub(super) because: Vec<String>,
    /// The conditions and validations that were evaluated.
    pub(super) expressions: Vec<ExpressionResult>,
}

/// How a limit counts a request.
#[derive(Debug, Serialize)]
pub(super) struct ExplainedLimit {
    pub(super) name: String,
    pub(super) action: &'static str,
    /// For people.
    pub(super) claim: String,
}

/// An expression, or a part of one, with its result.
#[derive(Debug, Serialize)]
pub(super) struct ExpressionResult {
    /// `condition` or `validation`; `None` for a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    pub(super) expression: String,
    /// The value as a CEL literal; `None` if it is hidden or there is none.
    pub(super) value: Option<String>,
    /// The type of a value that may not be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) r#type: Option<&'static str>,
    /// The size of a value that may not be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<usize>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    pub(super) from_secret: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<ExpressionResult>,
}

impl Explanation {
    fn has_values(&self) -> bool {
        self.rules.iter().flat_map(|rules| &rules.policies).any(|policy| !policy.expressions.is_empty())
    }

    /// The part of the explanation that `level` shows.
    pub(super) fn at(mut self, level: DetailLevel) -> Self {
        if level == DetailLevel::Decision {
            self.rules = None;
        }
        if let (Some(rules), DetailLevel::Rules) = (&mut self.rules, level) {
            rules.kept.clear();
            for policy in &mut rules.policies {
                for expression in &mut policy.expressions {
                    expression.parts.clear();
                }
            }
        }
        if level == DetailLevel::Full && self.has_values() {
            self.notes
                .push("fields of the request are shown below, secrets aside: mind where you paste this".to_owned());
        }
        self
    }
}
