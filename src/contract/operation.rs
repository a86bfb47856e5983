//! One operation of the contract in one API version.

use super::BodySchema;
use std::sync::Arc;

/// One operation of the contract in one API version.
#[derive(Debug)]
pub struct Operation {
    /// The contract's operation id, such as `UpdateUser`.
    pub id: Arc<str>,
    /// The HTTP method, in upper case.
    pub method: Arc<str>,
    /// The path template, such as `/v1/users/{user_id}`.
    pub path: Arc<str>,
    /// The API version, such as `2026-05-12`.
    pub api_version: Arc<str>,
    /// Whether the contract lists 422 among its statuses. Typed SDKs handle only those that are listed.
    pub lists_422: bool,
    /// The JSON Schema of its body; `None` if it has no JSON body.
    pub body: Option<BodySchema>,
}

impl Operation {
    /// The names of the path's parameters, such as `user_id`.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    }
}
