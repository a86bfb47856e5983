//! `kind: RequestPolicy` as it is written. The comments here are what editors show.

use super::Action;
use crate::contract::credential::Environment;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A rule that requests must keep.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestPolicy {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// What this file is.
    pub kind: Kind,
    /// Name and labels.
    pub metadata: Metadata,
    /// The rule.
    pub spec: Spec,
}

/// The version of this format.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The one version there is.
    #[serde(rename = "portcullis/v1")]
    V1,
}

/// What a policy file is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum Kind {
    /// A rule that requests must keep.
    RequestPolicy,
}

/// Name and labels.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The policy's name, in refusals, logs, metrics and traces: lower-case letters, digits and `-`.
    pub name: String,
    /// Free words. `owner` is named in refusals.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl Metadata {
    /// The `owner` label.
    pub(super) fn owner(&self) -> Option<Arc<str>> {
        self.labels.get("owner").map(|owner| owner.as_str().into())
    }
}

/// The rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// Which requests the rule is for.
    pub r#match: Match,
    /// Further conditions, all of which must be true for the rule to apply.
    #[serde(default)]
    pub match_conditions: Vec<Named>,
    /// Expressions with a name, for use in those below as `variables.NAME`. Each is evaluated when first used.
    #[serde(default)]
    pub variables: Vec<Named>,
    /// Values for use in expressions as `params.NAME`.
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
    /// What must be true.
    #[serde(default)]
    pub validations: Vec<ValidationSource>,
    /// A JSON Schema (2020-12) that the body must fit besides the contract's: no `$ref` leads out of it or back to itself,
    /// formats are asserted, and names of fields are held against the contract. A request without a body has nothing to fit.
    #[serde(default)]
    #[schemars(with = "Map<String, Value>")]
    pub schema: Option<Map<String, Value>>,
    /// What happens when it is not: `Deny`, `Warn` or `Audit`.
    pub actions: Vec<Action>,
}

/// Which requests a rule is for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Operation ids of Clerk's contract, such as `UpdateUser`.
    pub operations: Vec<String>,
    /// `production`, `development`; both where absent.
    #[serde(default)]
    pub environments: Vec<Environment>,
}

/// An expression with a name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The name.
    pub name: String,
    /// A CEL expression.
    pub expression: String,
}

/// What must be true.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidationSource {
    /// A CEL expression; the action is taken unless it is true.
    pub expression: String,
    /// The field of the body that the caller should look at.
    pub field: Option<String>,
    /// What is wrong, for the caller.
    pub message: String,
    /// What the caller can do about it.
    pub hint: Option<String>,
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_for_editors_is_the_codes() {
        assert!(
            include_str!("../../policies/policy.schema.json") == format!("{:#}\n", crate::policy::schema()),
            "policies/policy.schema.json is out of date; run `cargo run -- schema policy > policies/policy.schema.json`"
        );
    }
}
