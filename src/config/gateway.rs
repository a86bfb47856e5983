//! The checked configuration. `config/gateway.yaml` documents each option with default, unit and reason.

pub use super::decision_log_file::{DecisionLogConfig, LogCompression};
pub use super::environment_override::EnvironmentOverride;
pub use super::upstream_config::{
    ClientCertificateFiles, ProxySource, UpstreamConfig, UpstreamHttp2, UpstreamProxy, UpstreamTarget,
};

use super::defaults;
use crate::contract::strictness::Strictness;
use crate::diagnostic::Diagnostic;
use crate::manifest::Source;
use crate::policy::Instance;
use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The whole configuration, checked and with all defaults.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// The file, for the places of errors that are found later, as in the policies.
    pub source: Source,
    /// The listeners; at least one.
    pub listen: Vec<ListenerConfig>,
    /// The server to which requests are forwarded.
    pub upstream: UpstreamConfig,
    /// Files and folders with policies, absolute.
    pub policies: Vec<PathBuf>,
    /// Files and folders with the candidate policies of `shadow`, absolute. Empty without `shadow`.
    pub shadow_policies: Vec<PathBuf>,
    /// When the files are read again.
    pub reload: super::reload_config::ReloadConfig,
    /// What a reload may remove.
    pub removal_rules: super::removal_rules::RemovalRules,
    /// How the gateway stops.
    pub shutdown: ShutdownConfig,
    /// How Clerk's contract is enforced.
    pub contract: ContractConfig,
    /// Replaces the environment of the credential.
    pub environment: Option<EnvironmentOverride>,
    /// The names of environments that policies may match, besides those of credentials.
    pub environment_names: BTreeSet<String>,
    /// What this gateway is called, for policies and telemetry.
    pub instance: Arc<Instance>,
    /// Limits on the resources that one client, or all together, can use.
    pub limits: Limits,
    /// The address of the admin listener; `None` if it is off.
    pub admin: Option<SocketAddr>,
    /// What is logged, where and how.
    pub logs: Logs,
    /// The decision log; `None` if it is off.
    pub decision_log: Option<DecisionLogConfig>,
    /// What is masked in all telemetry, besides what is always masked.
    pub masks: MaskNames,
    /// Which traces are exported.
    pub traces: Traces,
    /// The number of worker threads; at least one.
    pub workers: usize,
    /// What is valid and yet likely an error, at its place in the file.
    pub warnings: Vec<Diagnostic>,
}

/// How the gateway stops on SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownConfig {
    /// How long it goes on accepting connections, with `/readyz` failing.
    pub delay: Duration,
    /// The longest time that requests in flight may take after that.
    pub timeout: Duration,
}

/// A listener and its protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    /// The address to bind.
    pub address: ListenAddress,
    /// The files for TLS; `None` for plain HTTP.
    pub tls: Option<TlsFiles>,
}

/// The address of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// A Unix domain socket.
    Unix {
        /// The path of the socket, absolute.
        path: PathBuf,
        /// The permissions of the socket: who may connect.
        mode: u32,
    },
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The files for TLS on a listener, all in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the gateway with its intermediate certificates.
    pub certificate_file: PathBuf,
    /// The private key of the certificate.
    pub private_key_file: PathBuf,
    /// The authorities for client certificates, which are then required; `None` if clients need none.
    pub client_ca_file: Option<PathBuf>,
    /// The revocation lists of those authorities; `None` if no revocation is checked.
    pub client_crl_file: Option<PathBuf>,
}

/// How Clerk's contract is enforced.
#[derive(Clone, Debug)]
pub struct ContractConfig {
    /// The folder with the contract files; `None` for the built-in ones.
    pub folder: Option<PathBuf>,
    /// The API version that applies to requests that name none.
    pub default_api_version: String,
    /// How strictly it is enforced, for which operations.
    pub strictness: Strictness,
}

/// Limits on the resources that one client, or all together, can use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest body that is inspected, in bytes.
    pub body_bytes: usize,
    /// Longest time for an inspected body to arrive.
    pub body_timeout: Duration,
    /// Longest head of a request, in bytes.
    pub header_bytes: usize,
    /// Longest time for a head to arrive, from its first byte to its last.
    pub header_timeout: Duration,
    /// Longest time for a connection to idle before a request.
    pub idle_timeout: Duration,
    /// Longest time for a whole request, from its head to the last byte of its response.
    pub request_timeout: Duration,
    /// Longest time for which a connection is used.
    pub connection_age: Duration,
    /// Most connections at once.
    pub connections: usize,
    /// Most requests at once.
    pub in_flight: usize,
    /// Most bytes of memory that connections, requests and responses take together.
    pub memory_bytes: usize,
    /// The part of connections, requests and memory that one client can have, above 0 and at most 1.
    pub per_client_share: f64,
}

impl Default for Limits {
    /// The limits of a configuration without `limits`, in a process without a memory limit: those of [`defaults`].
    fn default() -> Self {
        Self {
            body_bytes: defaults::BODY_BYTES.value,
            body_timeout: defaults::BODY_TIMEOUT.value.duration(),
            header_bytes: defaults::HEADER_BYTES.value,
            header_timeout: defaults::HEADER_TIMEOUT.value.duration(),
            idle_timeout: defaults::IDLE_TIMEOUT.value.duration(),
            request_timeout: defaults::REQUEST_TIMEOUT.value.duration(),
            connection_age: defaults::CONNECTION_AGE.value.duration(),
            connections: defaults::CONNECTIONS.value,
            in_flight: defaults::IN_FLIGHT.value,
            memory_bytes: defaults::MEMORY_BYTES,
            per_client_share: defaults::PER_CLIENT_SHARE.value,
        }
    }
}

/// What is logged, where and how.
#[derive(Clone, Debug)]
pub struct Logs {
    /// Where the line of each request goes.
    pub access: AccessLogTarget,
    /// The share of requests without a violation that are logged, from 0 to 1.
    pub sample_allowed: f64,
    /// The format of the lines.
    pub format: LogFormat,
    /// Least severe level of the gateway's own log on stderr.
    pub level: LogLevel,
}

impl Default for Logs {
    /// The logs of a configuration without `logs`.
    fn default() -> Self {
        Self { access: AccessLogTarget::Stdout, sample_allowed: 1.0, format: LogFormat::Json, level: LogLevel::Info }
    }
}

/// Where the line of each request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLogTarget {
    /// To standard output.
    Stdout,
    /// Nowhere.
    Off,
    /// Appended to this file.
    File(PathBuf),
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `human` on a terminal, `json` otherwise.
    Auto,
    /// One JSON object a line.
    Json,
    /// One line for people.
    Human,
}

/// Least severe level that is logged. The more is logged, the greater.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is likely to fail.
    Warn,
    /// Start, stop, reload.
    Info,
    /// Each connection.
    Debug,
    /// Each step.
    Trace,
}

/// Values of which a fingerprint is logged.
#[derive(Clone, Debug)]
pub struct FingerprintNames {
    /// The file with the key.
    pub key_file: PathBuf,
    /// JSON Pointers into bodies.
    pub body: Vec<String>,
    /// Parameters of paths.
    pub params: Vec<String>,
    /// Headers by name, in any case.
    pub headers: Vec<String>,
}

/// What is masked in all telemetry, besides what is always masked.
#[derive(Clone, Debug, Default)]
pub struct MaskNames {
    /// JSON Pointers into bodies.
    pub pointers: Vec<String>,
    /// Names of members and parameters, wherever they are.
    pub names: Vec<String>,
    /// Names of headers.
    pub headers: Vec<String>,
    /// Parameters of queries.
    pub query: Vec<String>,
}

impl LogLevel {
    /// Every level, the most severe first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Its name, as it is configured.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The level of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }
}

/// Which traces are exported.
#[derive(Clone, Debug)]
pub struct Traces {
    /// The head sampler, unless `OTEL_TRACES_SAMPLER` names one.
    pub sampler: Sampler,
    /// What is exported even if the sampler drops it.
    pub always_export: Vec<AlwaysExport>,
    /// The duration from which a request is slow.
    pub slow_threshold: Duration,
    /// Whether the upstream gets `traceparent` and `tracestate`.
    pub send_to_upstream: bool,
}

/// The head sampler (the names of the OpenTelemetry SDK specification).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampler {
    /// Every trace.
    AlwaysOn,
    /// No trace.
    AlwaysOff,
    /// This share of traces, from 0 to 1.
    TraceIdRatio(f64),
    /// As the caller decided; every trace where there is no caller's.
    ParentBasedAlwaysOn,
    /// As the caller decided; no trace where there is no caller's.
    ParentBasedAlwaysOff,
    /// As the caller decided; this share, from 0 to 1, where there is no caller's.
    ParentBasedTraceIdRatio(f64),
}

/// Requests that are exported even if the sampler drops them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlwaysExport {
    /// Refused requests.
    Denied,
    /// Requests on which the upstream or the gateway failed.
    Failed,
    /// Requests that took at least `slowThreshold`.
    Slow,
}
