//! `kind: ContractOverlay` as it is written. The comments here are what editors show.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// What the vendor's specs get wrong.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ContractOverlay {
    /// The version of this format.
    #[serde(rename = "apiVersion")]
    pub(super) _api_version: OverlayApiVersion,
    /// What this file is.
    #[serde(rename = "kind")]
    pub(super) _kind: OverlayKind,
    /// The changes, laid over the contract in this order.
    pub(super) overlays: Vec<OverlaySource>,
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
    /// The API versions it is for; all where absent.
    #[schemars(length(min = 1))]
    pub(super) versions: Option<Vec<String>>,
    /// The fields of the body it is about: a JSON Pointer such as `/login_hint/mode` (`*` for the items of a list), or a bare
    /// name for every field of that name, however deep.
    #[schemars(length(min = 1))]
    pub(super) fields: Vec<String>,
    /// What it does to them.
    pub(super) change: ChangeSource,
    /// Why we know better than the spec: what was read, measured or sent, where.
    pub(super) evidence: String,
}

/// What a change does to a field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum ChangeSource {
    /// Declares the field, which the spec does not have, with this JSON Schema.
    Add(Value),
    /// Puts this JSON Schema in place of the spec's.
    Replace(Value),
    /// Lets the field hold null.
    Nullable,
    /// Marks what the field holds as a secret.
    Secret,
}
