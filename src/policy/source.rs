//! The form of `kind: RequestPolicy`. Its doc comments are the hover texts of editors.

use super::{Action, MatchedEnvironment};
use crate::contract::glob::matches;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A rule for requests.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestPolicy {
    /// The version of this format.
    pub api_version: PolicyApiVersion,
    /// What this file is.
    pub kind: PolicyKind,
    /// Name and labels.
    pub metadata: PolicyMetadata,
    /// The rule.
    pub spec: PolicySpec,
}

/// The version of this format.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ApiVersion")]
pub enum PolicyApiVersion {
    /// The one version there is.
    #[serde(rename = "portcullis/v1")]
    V1,
}

/// What a policy file is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Kind")]
pub enum PolicyKind {
    /// A rule for requests.
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
    /// Labels of any name. `owner` appears in refusals, so that the caller knows whom to ask.
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
    /// The requests that the rule applies to.
    pub r#match: Match,
    /// Further conditions, all of which must be true for the rule to apply. One that cannot be evaluated counts as a
    /// violation.
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
    /// Names of `kind: Params` documents, whose values are `params.NAME`, too. A name that `params` or another of them has as well
    /// is an error.
    #[serde(default)]
    #[schemars(example = ["internal-services"])]
    pub params_from: Vec<String>,
    /// The values of those documents, once all documents are read.
    #[serde(skip)]
    pub shared_params: BTreeMap<String, Value>,
    /// Expressions that must be true. The refusal lists each that is not, not only the first.
    #[serde(default)]
    pub validations: Vec<ValidationSource>,
    /// A JSON Schema (2020-12) that the body must match, in addition to the contract's. `$ref` stays within it and is not
    /// recursive, formats are asserted, and names of fields are validated against the contract. A missing body counts as `{}`.
    #[serde(default)]
    #[schemars(with = "Map<String, Value>")]
    pub schema: Option<Map<String, Value>>,
    /// What happens when a validation is not true, or the body does not match the schema: `Deny` refuses the request, `Warn`
    /// lets it pass with a warning header in the response, `Audit` (shadow mode) lets it pass and only records it. One of them;
    /// `Audit` may be listed beside another.
    #[schemars(example = ["Audit"])]
    pub actions: Vec<Action>,
}

impl PolicySpec {
    /// All values that expressions may use as `params.NAME`.
    pub(super) fn all_params(&self) -> BTreeMap<String, Value> {
        let shared = self.shared_params.iter().map(|(name, value)| (name.clone(), value.clone()));
        self.params.clone().into_iter().chain(shared).collect()
    }
}

/// The requests that a rule applies to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Operation ids of Clerk's contract; `*` stands for any letters. List every operation that takes the field, or the rule can be
    /// bypassed: `portcullis check` warns of missing ones.
    #[schemars(example = ["CreateUser", "UpdateUser"])]
    pub operations: Vec<String>,
    /// `production` and `development`, which the credential of a request decides, or names of `environment.names` in the
    /// configuration, such as `staging`. One of them suffices. Default: all.
    #[serde(default)]
    #[schemars(example = ["production"])]
    pub environments: Vec<MatchedEnvironment>,
    /// What the rule leaves out on purpose, so that `portcullis check` does not warn of it.
    #[serde(default)]
    pub except: Vec<Exception>,
}

/// Operations that a rule leaves out on purpose, although they take a field that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// Operation ids; `*` stands for any letters.
    #[schemars(example = ["VerifyPassword"])]
    pub operations: Vec<String>,
    /// The fields that are left out. Default: all that the rule is about.
    #[serde(default)]
    #[schemars(example = ["password_digest"])]
    pub fields: Vec<String>,
    /// Why: who judges them instead, or why they do no harm.
    pub reason: String,
}

impl Match {
    /// The positions of the exceptions for `field` of `operation`.
    pub(super) fn exceptions_for(&self, operation: &str, field: &str) -> impl Iterator<Item = usize> {
        let covers = move |exception: &Exception| {
            let is_field = exception.fields.is_empty() || exception.fields.iter().any(|it| it == field);
            is_field && exception.operations.iter().any(|glob| matches(glob, operation))
        };
        self.except.iter().enumerate().filter(move |(_, it)| covers(it)).map(|(position, _)| position)
    }
}

/// An expression with a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = BTreeMap::from([("name", "NAME"), ("expression", "EXPRESSION")]))]
#[schemars(rename = "Named")]
pub struct NamedExpression {
    /// The name. Of a variable: letters, digits and `_`, as in `variables.NAME`. Of a condition: any text.
    #[schemars(example = &"changes_password")]
    pub name: String,
    /// A CEL expression: a condition must be true or false, a variable may be anything.
    #[schemars(example = &"body.password != null || body.password_digest != null")]
    pub expression: String,
}

/// An expression that must be true.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = BTreeMap::from([("expression", "EXPRESSION"), ("message", "MESSAGE")]))]
pub struct ValidationSource {
    /// A CEL expression that must be true, or the action is taken. Names: `body`, `request`, `client`, `instance`, `params`,
    /// `variables`. A field that is absent from the body reads as null.
    #[schemars(example = &"body.skip_password_checks != true")]
    pub expression: String,
    /// The field of the body to name in the refusal. SDKs show it as `param_name`.
    #[schemars(example = &"skip_password_checks")]
    pub field: Option<String>,
    /// What is wrong, for the caller. A fixed text: it cannot contain a value of the request.
    #[schemars(example = &"skip_password_checks is not allowed in production")]
    pub message: String,
    /// What the caller can do about it.
    #[schemars(example = &"use a compliant password, or a waiver from identity-security")]
    pub hint: Option<String>,
}
