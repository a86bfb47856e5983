//! The form of `kind: Params`. Its doc comments are the hover texts of editors.

use crate::policy::source::{PolicyApiVersion, PolicyMetadata};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Values that several policies share.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Params")]
pub struct ParamsSource {
    /// The version of this format.
    pub api_version: PolicyApiVersion,
    /// What this file is.
    pub kind: ParamsKind,
    /// Name and labels. Policies list the name in `paramsFrom`.
    pub metadata: PolicyMetadata,
    /// The values.
    pub spec: ParamsSpec,
}

/// What a policy file is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum ParamsKind {
    /// Values that several policies share.
    Params,
}

/// The values.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParamsSpec {
    /// Values for use in expressions as `params.NAME`, in the policies that list this document in `paramsFrom`: numbers, texts,
    /// lists and maps.
    #[schemars(extend("minProperties" = 1))]
    #[schemars(example = BTreeMap::from([("services", ["spiffe://example.org/billing"])]))]
    pub params: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_for_editors_is_the_codes() {
        assert!(
            include_str!("../../../policies/params.schema.json") == format!("{:#}\n", crate::policy::params_schema()),
            "run `cargo run -- schema params > policies/params.schema.json`"
        );
    }
}
