//! How strictly the contract is applied.

/// What happens to a field that the contract does not declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownFields {
    /// The request is refused.
    Deny,
    /// The request passes with a warning.
    Warn,
    /// The request passes.
    Allow,
}

/// What happens to a request that is no operation of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fallthrough {
    /// It is forwarded as it came.
    Forward,
    /// It is refused.
    Deny,
}
