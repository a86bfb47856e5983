//! How the gateway stops, as the file has it.

use super::defaults;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the gateway stops on SIGTERM. A second signal ends it at once.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct ShutdownSection {
    /// How long it goes on accepting connections, with `/readyz` failing, before it stops: until load balancers have noticed.
    #[schemars(example = &"5s")]
    pub(in crate::config) delay: String,
    /// The longest time that requests in flight may take after that.
    #[schemars(example = &"20s")]
    pub(in crate::config) timeout: String,
}

impl Default for ShutdownSection {
    fn default() -> Self {
        let [delay, timeout] = [defaults::SHUTDOWN_DELAY, defaults::SHUTDOWN_TIMEOUT].map(|it| it.to_string());
        Self { delay, timeout }
    }
}
