//! The keys of `upstream`.

use super::Plaintext;
use crate::config::defaults;
use crate::config::gateway::UpstreamHttp2;
use crate::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// The server to which requests are forwarded.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::config) struct UpstreamSection {
    /// Scheme, host and port of the BAPI, without a path; `unix:` and the absolute path of a socket; or `embedded` for the built-in stand-in.
    #[schemars(example = &"https://api.clerk.com", example = &"unix:/run/egress.sock", example = &"embedded")]
    pub(in crate::config) url: String,
    /// PEM file with the certificate authorities to trust instead of those of the platform, relative to this file.
    #[schemars(example = &"ca.pem")]
    pub(in crate::config) ca_file: Option<String>,
    /// PEM file with the certificate that the gateway presents to the upstream, and its intermediate certificates, relative to this file.
    #[schemars(example = &"client.crt")]
    pub(in crate::config) client_certificate_file: Option<String>,
    /// PEM file with the private key of that certificate, relative to this file.
    #[schemars(example = &"client.key")]
    pub(in crate::config) client_private_key_file: Option<String>,
    /// The URL of an HTTP proxy through which the upstream is reached, with its credentials, or `none`. By default the proxy of `HTTPS_PROXY`, unless `NO_PROXY` names the upstream.
    #[schemars(with = "Option<String>", example = &"http://proxy:3128", example = &"none")]
    #[serde(deserialize_with = "read_secret", skip_serializing)]
    pub(in crate::config) proxy: Option<Secret<String>>,
    /// Addresses to connect to, in place of those that the host in `url` resolves to. Certificate and `Host` are those of the host in `url`.
    #[schemars(example = ["10.0.0.5", "fd00::5"])]
    pub(in crate::config) resolve: Vec<String>,
    /// Required for an upstream on another machine that is reached without TLS.
    pub(in crate::config) plaintext: Option<Plaintext>,
    /// Whether HTTP/2 is offered to an upstream that is reached by TLS.
    pub(in crate::config) http2: UpstreamHttp2,
    /// Longest time for a new connection, TLS included.
    #[schemars(example = &"5s")]
    pub(in crate::config) connect_timeout: String,
    /// Longest time from the last byte of a request to the head of its response.
    #[schemars(example = &"60s")]
    pub(in crate::config) response_timeout: String,
    /// Longest time for a body that is not inspected to arrive and to be forwarded.
    #[schemars(example = &"5m")]
    pub(in crate::config) upload_timeout: String,
}

impl Default for UpstreamSection {
    fn default() -> Self {
        Self {
            url: "https://api.clerk.com".to_owned(),
            ca_file: None,
            client_certificate_file: None,
            client_private_key_file: None,
            proxy: None,
            resolve: Vec::new(),
            plaintext: None,
            http2: defaults::DEFAULT_UPSTREAM_HTTP2,
            connect_timeout: defaults::CONNECT_TIMEOUT.value.to_string(),
            response_timeout: defaults::RESPONSE_TIMEOUT.value.to_string(),
            upload_timeout: defaults::UPLOAD_TIMEOUT.value.to_string(),
        }
    }
}

/// A text that may hold a password.
fn read_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret<String>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}
