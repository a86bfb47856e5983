//! The format of `kind: ContractOverlay`. Doc comments here become the texts of the editor schema.

use crate::contract::operation_risk::OperationRisk;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Corrections of the vendor's specs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ContractOverlay {
    /// The version of this format.
    #[serde(rename = "apiVersion")]
    pub(super) _api_version: OverlayApiVersion,
    /// What this file is.
    #[serde(rename = "kind")]
    pub(super) _kind: OverlayKind,
    /// The changes, applied to the contract in this order.
    #[serde(default)]
    pub(super) overlays: Vec<OverlaySource>,
    /// Fields that do the same harm, under a name for it such as `sets_password`: `field` for every write operation that takes
    /// it, or `Operation/field`, in which `*` stands for any letters. `check` warns of a policy on one that leaves out another.
    #[serde(default)]
    pub(super) harm: BTreeMap<String, Vec<String>>,
    /// Ids of operations that do harm by themselves, by what a caller can do with them. `contract coverage` lists which of them
    /// no policy or limit covers.
    #[serde(default)]
    pub(super) risk: BTreeMap<OperationRisk, Vec<String>>,
    /// Other paths and query parameters of operations, which the specs do not have.
    #[serde(default)]
    pub(super) routes: Vec<RouteSource>,
    /// Operations that no spec has.
    #[serde(default)]
    pub(super) operations: Vec<OperationSource>,
}

/// The version of this format.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) enum OverlayApiVersion {
    /// The one version there is.
    #[serde(rename = "portcullis/v1")]
    V1,
}

/// What an overlay file is.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) enum OverlayKind {
    /// Changes to the contract.
    ContractOverlay,
}

/// One change to the contract.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OverlaySource {
    /// Operation ids, such as `UpdateUser`; `*` stands for any letters.
    #[schemars(length(min = 1))]
    pub(super) operations: Vec<String>,
    /// The API versions that it applies to; all if absent.
    #[schemars(length(min = 1))]
    pub(super) versions: Option<Vec<String>>,
    /// The fields that it changes: a JSON Pointer into the body such as `/login_hint/mode` (`*` for the items of an array), or a
    /// name for every field of that name at any depth.
    #[schemars(length(min = 1))]
    pub(super) fields: Vec<String>,
    /// The change to each of the fields.
    pub(super) change: ChangeSource,
    /// Why the spec is wrong: what was read, measured or sent, and where.
    pub(super) evidence: String,
}

/// A change to a field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum ChangeSource {
    /// Declares the field, which the spec does not have, with this JSON Schema.
    Add(Value),
    /// Replaces the JSON Schema of the field.
    Replace(Value),
    /// Makes the field accept null.
    Nullable,
    /// Marks the value of the field as secret.
    Secret,
}

/// Other paths and query parameters of an operation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::contract) struct RouteSource {
    /// The operation id.
    pub(super) operation: String,
    /// Other paths that clients use for it, with the parameters of its own path. They are the same operation to policies, limits
    /// and records, and are forwarded as sent.
    #[schemars(length(min = 1))]
    pub(super) also_at: Option<Vec<String>>,
    /// The query parameters that it takes although its body is inspected.
    #[serde(default)]
    pub(super) query: Vec<String>,
    /// What was read, measured or sent, and where.
    pub(super) evidence: String,
}

/// An operation that no spec has.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::contract) struct OperationSource {
    /// The operation id, by which policies name it.
    #[schemars(regex(pattern = r"^[A-Za-z][A-Za-z0-9_]*$"))]
    pub(super) id: String,
    /// The HTTP method.
    #[schemars(regex(pattern = r"^[A-Z]+$"))]
    pub(super) method: String,
    /// The path template, such as `/v1/users/{user_id}`.
    pub(super) path: String,
    /// The API versions that have it; all if absent.
    #[schemars(length(min = 1))]
    pub(super) versions: Option<Vec<String>>,
    /// The statuses of its responses, if they are known. With 422, so is a refused body; otherwise it is 400.
    #[serde(default)]
    pub(super) statuses: Vec<u16>,
    /// The query parameters that it takes although its body is inspected.
    #[serde(default)]
    pub(super) query: Vec<String>,
    /// The JSON Schema of its body; absent if it has no JSON body.
    pub(super) body: Option<Value>,
    /// What was read, measured or sent, and where.
    pub(super) evidence: String,
}
