//! The form of `kind: PolicyTest`. Its doc comments are the hover texts of editors.

use crate::contract::credential::Environment;
use crate::reason::Reason;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Cases that policies must decide as expected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PolicyTest {
    /// The version of this format.
    #[serde(rename = "apiVersion")]
    pub(super) _api_version: TestApiVersion,
    /// What this file is.
    #[serde(rename = "kind")]
    pub(super) _kind: TestKind,
    /// Its name.
    pub(super) metadata: TestMetadata,
    /// What is tested.
    pub(super) spec: TestSpec,
}

/// The version of this format.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ApiVersion")]
pub(super) enum TestApiVersion {
    /// The one version there is.
    #[serde(rename = "portcullis/v1")]
    V1,
}

/// What a test file is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Kind")]
pub(super) enum TestKind {
    /// Cases that policies must decide as expected.
    PolicyTest,
}

/// Its name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Metadata")]
pub(super) struct TestMetadata {
    /// The name under which results are reported, such as the policy's.
    pub(super) name: String,
}

/// What is tested.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Spec")]
pub(super) struct TestSpec {
    /// Names of the policies that judge the cases, and no others. Default: those of the file beside this one, `NAME.yaml` for
    /// `NAME.test.yaml`.
    pub(super) policies: Option<Vec<String>>,
    /// The API version of requests that ask for none themselves. Default: the configuration's `contract.defaultApiVersion`.
    pub(super) clerk_api_version: Option<String>,
    /// Requests, each with the decision that is expected.
    #[schemars(length(min = 1))]
    pub(super) cases: Vec<CaseSource>,
}

/// A request, with the decision that is expected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseSource {
    /// The name that results show, in a sentence.
    pub(super) name: String,
    /// What is sent, as far as it matters to the policies.
    pub(super) request: RequestSource,
    /// How often it is sent, each time as soon as the one before it is complete. The expectation is that of the last. Default: 1.
    #[schemars(range(min = 1, max = 100_000))]
    #[serde(default = "once")]
    pub(super) repeat: u32,
    /// The case follows the one above it, this long after that: limits still count the requests before. A whole number and
    /// `ms`, `s`, `m` or `h`, such as `1m`; at most `24h`. Default: the case begins with limits that have counted nothing.
    pub(super) after: Option<String>,
    /// The decision that is expected.
    pub(super) expect: TestExpectation,
}

/// A request: an `operation`, or a `method` and a `path`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RequestSource {
    /// An operation id of Clerk's contract, such as `UpdateUser`, in place of `method` and `path`.
    pub(super) operation: Option<String>,
    /// The method, such as `PATCH`.
    pub(super) method: Option<String>,
    /// The path, with its query if it has one, such as `/v1/users/user_1`.
    pub(super) path: Option<String>,
    /// Parameters of the query by name, each with its value, or a list of values for one that is given more than once.
    #[serde(default)]
    pub(super) query: BTreeMap<String, QueryValue>,
    /// Headers by name, such as `Clerk-API-Version`.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// The environment of the instance. Default: `production`.
    pub(super) environment: Option<Environment>,
    /// The keyed fingerprint of its credential, `instance.keyFingerprint`: 16 hexadecimal digits, in quotes. Default: no
    /// credential.
    pub(super) key_fingerprint: Option<String>,
    /// What the gateway that judges it is called. Default: nothing, whatever the configuration sets.
    #[serde(default)]
    pub(super) instance: InstanceSource,
    /// Properties of the client.
    #[serde(default)]
    pub(super) client: ClientSource,
    /// The time of the request (RFC 3339). Default: 2026-01-01T00:00:00Z; with `after`, that long after the case above.
    pub(super) time: Option<String>,
    /// The body, as JSON or YAML. Default: no body.
    #[serde(default, deserialize_with = "present")]
    pub(super) body: Option<Value>,
}

/// The value of a parameter of the query, or its values.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum QueryValue {
    /// The parameter is given once.
    One(QueryScalar),
    /// The parameter is given once for each value, in this order.
    Many(Vec<QueryScalar>),
}

/// One value of a parameter of the query, which is sent as text.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum QueryScalar {
    /// Sent as it is here, with the escapes that a query needs.
    Text(String),
    /// A number, such as `500`.
    Number(serde_json::Number),
    /// `true` or `false`.
    Bool(bool),
}

impl QueryValue {
    /// Each value as text.
    pub(super) fn texts(&self) -> Vec<String> {
        let values = match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        };
        let texts = values.iter().map(|value| match value {
            QueryScalar::Text(text) => text.clone(),
            QueryScalar::Number(number) => number.to_string(),
            QueryScalar::Bool(value) => value.to_string(),
        });
        texts.collect()
    }
}

/// What a gateway is called, by the names that policies use.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InstanceSource {
    /// What `instance.name` is.
    pub(super) name: Option<String>,
    /// What `instance.environmentName` is, such as `staging`.
    pub(super) environment_name: Option<String>,
    /// What `instance.labels` are, by name.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

/// Properties of the client, by the names that policies use.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClientSource {
    /// Its address.
    pub(super) ip: Option<IpAddr>,
    /// The user at the other end of a Unix socket.
    pub(super) unix_uid: Option<u32>,
    /// The SPIFFE ID of its certificate.
    pub(super) spiffe_id: Option<String>,
    /// The DNS names of its certificate.
    pub(super) dns_names: Option<Vec<String>>,
    /// The SHA-256 of its certificate, in lower-case hexadecimal.
    pub(super) cert_sha256: Option<String>,
}

/// The decision that is expected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Expectation")]
pub(super) struct TestExpectation {
    /// `allow` or `deny`. May be left out beside `violates` or `limited`: then the actions of the policies and limits decide.
    pub(super) decision: Option<ExpectedDecision>,
    /// All policies (or rules of the contract) that the request violates, whatever their actions, waived or not. Beside it,
    /// `warnings`, `audits` and `waived` are not checked if absent, so that promoting a policy breaks no test.
    pub(super) violates: Option<BTreeSet<String>>,
    /// All limits that the request is above, whatever their actions. Beside it, what holds beside `violates`.
    pub(super) limited: Option<BTreeSet<String>>,
    /// In how many seconds the request may pass, if it is above a limit: the value of `Retry-After`. Not checked if absent.
    pub(super) retry_after: Option<u64>,
    /// The reason of the refusal. Default: `policy_denied`, or `rate_limited` with names in `limited`. With `policy_error` a rule must fail to be evaluated, whatever its
    /// action; without it, none may.
    #[schemars(schema_with = "reasons")]
    #[serde(default)]
    pub(super) reason: Option<String>,
    /// All policies that refuse it. Not checked if absent.
    pub(super) policies: Option<BTreeSet<String>>,
    /// All limits that count it, each with the key: a string, whole number, `true`, `false` or `null`; or with `key` and
    /// `cost`, such as `{ key: billing, cost: 12 }`. Not checked if absent.
    pub(super) limits: Option<BTreeMap<String, ExpectedCount>>,
    /// All fields that violations name. Not checked if absent.
    pub(super) fields: Option<BTreeSet<String>>,
    /// All policies (or rules of the contract) that warn. Default: none.
    pub(super) warnings: Option<BTreeSet<String>>,
    /// All policies (or rules of the contract) that only audit. Default: none.
    pub(super) audits: Option<BTreeSet<String>>,
    /// All waivers that apply. Default: none. What they waive is not in `audits`.
    pub(super) waived: Option<BTreeSet<String>>,
}

impl TestExpectation {
    /// Whether a rule that cannot be evaluated is expected.
    pub(super) fn expects_failure(&self) -> bool {
        self.reason.as_deref() == Some(Reason::PolicyError.as_str())
    }

    /// Whether it leaves what follows from violations to the actions of policies and limits.
    pub(super) const fn is_action_free(&self) -> bool {
        self.violates.is_some() || self.limited.is_some()
    }

    /// `reason`, or the one that is assumed if it is left out.
    pub(super) fn reason_of_refusal(&self) -> &str {
        let is_limited = self.limited.as_ref().is_some_and(|limited| !limited.is_empty());
        // in a test of policies, a refusal without a reason is one by a policy
        let default = if is_limited { Reason::RateLimited } else { Reason::PolicyDenied };
        self.reason.as_deref().unwrap_or(default.as_str())
    }
}

/// How a limit counts a request: its key, or its key and cost.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum ExpectedCount {
    /// The key, and what the limit counts the request as.
    KeyAndCost(KeyAndCost),
    /// Only the key: what the limit counts the request as is not checked.
    Key(Value),
}

/// The key by which a limit counts a request, and what it counts it as.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyAndCost {
    /// A string, whole number, `true`, `false` or `null`.
    pub(super) key: Value,
    /// What the limit counts the request as.
    pub(super) cost: u32,
}

impl ExpectedCount {
    pub(super) const fn key(&self) -> &Value {
        match self {
            Self::KeyAndCost(KeyAndCost { key, .. }) | Self::Key(key) => key,
        }
    }

    /// What the limit counts the request as, if that is expected.
    pub(super) const fn cost(&self) -> Option<u32> {
        match self {
            Self::KeyAndCost(count) => Some(count.cost),
            Self::Key(_) => None,
        }
    }
}

/// Whether a request passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Decision")]
pub(super) enum ExpectedDecision {
    /// It passes.
    Allow,
    /// It is refused.
    Deny,
}

/// Deserializes `null` to `Some`: it is a body, and serde would take it for an absent one.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

const fn once() -> u32 {
    1
}

fn reasons(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Reason::ALL.map(Reason::as_str) })
}
