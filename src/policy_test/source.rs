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
    /// Headers by name, such as `Clerk-API-Version`.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// The environment of the instance. Default: `production`.
    pub(super) environment: Option<Environment>,
    /// The keyed fingerprint of its credential, `instance.keyFingerprint`: 16 hexadecimal digits, in quotes. Default: no
    /// credential.
    pub(super) key_fingerprint: Option<String>,
    /// Properties of the client.
    #[serde(default)]
    pub(super) client: ClientSource,
    /// The time of the request (RFC 3339). Default: 2026-01-01T00:00:00Z.
    pub(super) time: Option<String>,
    /// The body, as JSON or YAML. Default: no body.
    #[serde(default, deserialize_with = "present")]
    pub(super) body: Option<Value>,
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
#[serde(deny_unknown_fields)]
#[schemars(rename = "Expectation")]
pub(super) struct TestExpectation {
    /// `allow` or `deny`.
    pub(super) decision: ExpectedDecision,
    /// The reason of the refusal. Default: `policy_denied`. With `policy_error` a rule must fail to be evaluated, whatever its
    /// action; without it, none may.
    #[schemars(schema_with = "reasons")]
    #[serde(default)]
    pub(super) reason: Option<String>,
    /// All policies that refuse it. Not checked if absent.
    pub(super) policies: Option<BTreeSet<String>>,
    /// All limits that count it, each with the key: a string, whole number, `true`, `false` or `null`; or with `key` and
    /// `cost`, such as `{ key: billing, cost: 12 }`. Not checked if absent. How many requests may pass is not tested: the
    /// gateway counts.
    pub(super) limits: Option<BTreeMap<String, ExpectedCount>>,
    /// All fields that violations name. Not checked if absent.
    pub(super) fields: Option<BTreeSet<String>>,
    /// All policies (or rules of the contract) that warn. Default: none.
    #[serde(default)]
    pub(super) warnings: BTreeSet<String>,
    /// All policies (or rules of the contract) that only audit. Default: none.
    #[serde(default)]
    pub(super) audits: BTreeSet<String>,
    /// All waivers that apply. Default: none. What they waive is not in `audits`.
    #[serde(default)]
    pub(super) waived: BTreeSet<String>,
}

impl TestExpectation {
    /// Whether a rule that cannot be evaluated is expected.
    pub(super) fn expects_failure(&self) -> bool {
        self.reason.as_deref() == Some(Reason::PolicyError.as_str())
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

fn reasons(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Reason::ALL.map(Reason::as_str) })
}
