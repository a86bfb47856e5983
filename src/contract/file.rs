//! The shape of a contract file (`policies/contract/clerk/<version>.json`), and the ones built into the program.

use serde::Deserialize;
use serde_json::Value;

/// The contract files built into the program, oldest first.
pub(super) const BUILT_IN: [&str; 2] = [
    include_str!("../../policies/contract/clerk/2025-11-10.json"),
    include_str!("../../policies/contract/clerk/2026-05-12.json"),
];

/// One API version of the contract.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ContractFile {
    pub(super) api_version: Box<str>,
    pub(super) operations: Vec<OperationFile>,
}

/// One operation of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperationFile {
    pub(super) id: Box<str>,
    pub(super) method: Box<str>,
    pub(super) path: Box<str>,
    pub(super) statuses: Vec<u16>,
    pub(super) body: Option<BodyFile>,
}

/// The JSON body of an operation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BodyFile {
    pub(super) schema: Value,
    /// Kept in the file for readers; a missing body is the upstream's to answer (an SDK's `updateUser(id)` sends none).
    #[serde(rename = "required")]
    pub(super) _required: bool,
}
