//! The configuration: file, flags and environment variables.
//!
//! [`load::load`] reads a file, applies flags and environment variables, and checks the result, a [`gateway::Gateway`]. It
//! reports all errors at once.

mod address;
mod check;
mod checker;
pub mod container;
mod decision_log;
mod decision_log_file;
pub mod defaults;
mod environment_override;
mod file;
pub mod gateway;
mod instance;
mod limits;
mod listen;
pub mod load;
mod logs;
pub mod overrides;
mod own_listener;
mod read_error;
pub mod reload_config;
pub mod removal_rules;
mod sampler;
mod upstream;
mod upstream_config;
mod upstream_url;

pub use defaults::{DEFAULT_ADMIN_LISTEN, DEFAULT_API_VERSION};

/// The JSON Schema of the configuration file, which gives editors completion, hover texts and checks.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(file::GatewayFile).to_value()
}

#[cfg(test)]
mod tests;
