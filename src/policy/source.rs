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
    pub kind: PolicyKind,
    /// Name and labels.
    pub metadata: PolicyMetadata,
    /// The rule.
    pub spec: PolicySpec,
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
#[schemars(rename = "Kind")]
pub enum PolicyKind {
    /// A rule that requests must keep.
    RequestPolicy,
}

/// Name and labels.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Metadata")]
pub struct PolicyMetadata {
    /// The policy's name, in refusals, logs, metrics and traces: 1 to 63 lower-case letters, digits and `-`.
    #[schemars(example = &"no-skip-password-checks")]
    pub name: String,
    /// Free words. `owner` is named in refusals, so that the caller knows whom to ask.
    #[serde(default)]
    #[schemars(example = BTreeMap::from([("owner", "identity-security")]))]
    pub labels: BTreeMap<String, String>,
}

impl PolicyMetadata {
    /// The `owner` label.
    pub(super) fn owner(&self) -> Option<Arc<str>> {
        self.labels.get("owner").map(|owner| owner.as_str().into())
    }
}

/// The rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Spec")]
pub struct PolicySpec {
    /// Which requests the rule is for.
    pub r#match: Match,
    /// Further conditions, all of which must be true for the rule to apply. One that cannot be evaluated counts as a rule
    /// that does not hold.
    #[serde(default)]
    pub match_conditions: Vec<NamedExpression>,
    /// Expressions with a name, for use in `matchConditions`, in `validations` and in later variables as
    /// `variables.NAME`. Each is evaluated when first used, at most once a request.
    #[serde(default)]
    pub variables: Vec<NamedExpression>,
    /// Values for use in expressions as `params.NAME`: numbers, texts, lists and maps. What a copy of this policy would
    /// change belongs here.
    #[serde(default)]
    #[schemars(example = BTreeMap::from([("services", ["spiffe://example.org/billing"])]))]
    pub params: BTreeMap<String, Value>,
    /// What must be true. Each that is not is told to the caller, not only the first.
    #[serde(default)]
    pub validations: Vec<ValidationSource>,
    /// A JSON Schema (2020-12) that the body must fit besides the contract's: no `$ref` leads out of it or back to itself,
    /// formats are asserted, and names of fields are held against the contract. A request without a body has no field.
    #[serde(default)]
    #[schemars(with = "Map<String, Value>")]
    pub schema: Option<Map<String, Value>>,
    /// What happens when a validation is not true, or the schema not kept: `Deny` refuses; `Warn` lets pass and tells the
    /// caller; `Audit`, shadow mode, lets pass and tells operators only, which the others do, too. One of them; `Audit` may
    /// stand beside another.
    #[schemars(example = ["Audit"])]
    pub actions: Vec<Action>,
}

/// Which requests a rule is for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Operation ids of Clerk's contract. Name every operation that takes the field, or the rule can be walked around:
    /// `portcullis check` warns of those that are missing.
    #[schemars(example = ["CreateUser", "UpdateUser"])]
    pub operations: Vec<String>,
    /// `production`, `development`; both where absent.
    #[serde(default)]
    #[schemars(example = ["production"])]
    pub environments: Vec<Environment>,
}

/// An expression with a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = BTreeMap::from([("name", "NAME"), ("expression", "EXPRESSION")]))]
#[schemars(rename = "Named")]
pub struct NamedExpression {
    /// The name: of a variable letters, digits and `_`, as it stands in `variables.NAME`; of a condition as it is shown.
    #[schemars(example = &"changes_password")]
    pub name: String,
    /// A CEL expression: a condition must be true or false, a variable may be anything.
    #[schemars(example = &"body.password != null || body.password_digest != null")]
    pub expression: String,
}

/// What must be true.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = BTreeMap::from([("expression", "EXPRESSION"), ("message", "MESSAGE")]))]
pub struct ValidationSource {
    /// A CEL expression that says what must be true; the action is taken unless it is. Names: `body`, `request`, `client`,
    /// `instance`, `params`, `variables`. A field that the body does not have reads as null.
    #[schemars(example = &"body.skip_password_checks != true")]
    pub expression: String,
    /// The field of the body that the caller should look at; SDKs show it as `param_name`.
    #[schemars(example = &"skip_password_checks")]
    pub field: Option<String>,
    /// What is wrong, for the caller. The same for every request: no value of a request can get into it.
    #[schemars(example = &"skip_password_checks is not allowed in production")]
    pub message: String,
    /// What the caller can do about it.
    #[schemars(example = &"use a compliant password, or a waiver from identity-security")]
    pub hint: Option<String>,
}
