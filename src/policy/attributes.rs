//! What policies may know of a request besides its body.

use super::Instance;
use crate::contract::credential::Environment;
use crate::peer::Client;
use crate::redact::Fingerprint;
use http::HeaderMap;
use std::sync::Arc;
use std::time::SystemTime;

/// What policies may know of a request besides its body. Collected at the edge: nothing here is looked up by the judge.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// As in the request line, such as `PATCH`; case matters.
    pub method: &'a str,
    /// The path in the canonical spelling of its operation.
    pub path: &'a str,
    /// The path's parameters by name.
    pub parameters: &'a [(Arc<str>, Box<str>)],
    /// The query as sent, without its `?`.
    pub query: &'a str,
    /// The headers; credentials among them are not shown to policies.
    pub headers: &'a HeaderMap,
    /// The environment by which to judge.
    pub environment: Environment,
    /// The keyed fingerprint of its credential, as logs show it; `None` if it has none.
    pub key_fingerprint: Option<Fingerprint>,
    /// The gateway that judges it.
    pub instance: &'a Instance,
    /// Who sent it.
    pub client: &'a Client,
    /// When the request came.
    pub time: SystemTime,
}
