//! The configuration file, flags and environment, checked.
//!
//! [`load::load`] reads a file, lays flags and environment over it and checks the whole into
//! [`gateway::Gateway`], reporting every mistake at once.

mod address;
mod check;
mod decision_log;
mod file;
pub mod gateway;
mod listen;
pub mod load;
mod logs;
pub mod overrides;
mod sampler;
mod upstream_url;

/// Where the admin listener is unless told otherwise.
pub const DEFAULT_ADMIN_LISTEN: &str = "127.0.0.1:9465";

/// The API version by which requests are judged that name none, unless told otherwise.
pub const DEFAULT_API_VERSION: &str = "2026-05-12";

/// The JSON Schema of the configuration file, which gives editors completion, hover texts and checks.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(file::GatewayFile).to_value()
}

#[cfg(test)]
mod documented;
