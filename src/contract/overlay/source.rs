//! The format of `kind: ContractOverlay`. Doc comments here become the texts of the editor schema.

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
    pub(super) overlays: Vec<OverlaySource>,
    /// Fields that do the same harm, under a name for it such as `sets_password`: `field` for every write operation that takes
    /// it, or `Operation/field`, in which `*` stands for any letters. `check` warns of a policy on one that leaves out another.
    #[serde(default)]
    pub(super) harm: BTreeMap<String, Vec<String>>,
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
