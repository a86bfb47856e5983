//! The sections on the gateway itself: what it is called, and the environment of its requests.

use crate::contract::credential::Environment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What this gateway is called.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::config) struct InstanceSection {
    /// Its name, `instance.name` in policies: letters, digits, `-`, `_`, `.` and `/`.
    #[schemars(example = &"billing-eu-1", regex(pattern = r"^[A-Za-z0-9._/-]{1,63}$"))]
    pub(in crate::config) name: Option<String>,
    /// Its labels, `instance.labels` in policies. Names and values are of the same letters.
    #[schemars(example = BTreeMap::from([("team", "billing")]))]
    pub(in crate::config) labels: BTreeMap<String, String>,
}

/// The environment that policies see.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::config) struct EnvironmentSection {
    /// The environment of every request, regardless of its credential.
    pub(in crate::config) r#override: Option<Environment>,
    /// Whether `override` may be less strict than the environment of the credential.
    pub(in crate::config) force: bool,
    /// The name of the environment that this gateway runs in. Policies for it apply besides those for the environment of the
    /// credential: lower-case letters, digits and `-`.
    #[schemars(example = &"staging", regex(pattern = r"^[a-z0-9-]{1,63}$"))]
    pub(in crate::config) name: Option<String>,
    /// Names that policies may match besides `name`, because they are those of other gateways with the same policies.
    #[schemars(example = ["staging", "preview"])]
    pub(in crate::config) names: Vec<String>,
}
