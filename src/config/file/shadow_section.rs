//! The section `shadow` of the configuration file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Candidate policies. Each request is judged by them besides those in force; what they would decide otherwise is only recorded.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ShadowSection {
    /// Files and folders with the candidate policies, all of them, relative to this file. Limits among them must be those in force.
    #[schemars(example = ["../candidate"], length(min = 1))]
    pub(in crate::config) policies: Vec<String>,
}
