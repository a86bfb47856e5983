//! The format of the configuration file. Doc comments here become the texts of the editor schema.

mod instance_sections;
mod log_sections;
mod reload_section;
mod shadow_section;
mod shutdown_section;
mod upstream_section;

pub(super) use instance_sections::{EnvironmentSection, InstanceSection};
pub(super) use log_sections::{AccessLogSection, DecisionLogSection, FingerprintsSection, LogsSection, MasksSection};
pub(super) use reload_section::ReloadSection;
pub(super) use shadow_section::ShadowSection;
pub(super) use shutdown_section::ShutdownSection;
pub(super) use upstream_section::UpstreamSection;

use super::defaults;
use super::gateway::AlwaysExport;
use crate::contract::fallthrough::{Fallthrough, ReadFallthrough, WriteFallthrough};
use crate::contract::strictness::{Mode, Strictness, UnknownFields, Validate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration of a Portcullis gateway.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Gateway")]
pub(super) struct GatewayFile {
    /// The version of this file's format.
    // parsed only for the error of any other version
    #[serde(rename = "apiVersion")]
    pub(super) _api_version: FormatVersion,
    /// What this file configures.
    #[serde(rename = "kind")]
    pub(super) _kind: FileKind,
    /// Where the gateway accepts requests of your services: an address and port, `unix:` and a path, or a list of listeners.
    #[serde(default)]
    #[schemars(example = &"127.0.0.1:8787", example = &"unix:/run/portcullis/gateway.sock")]
    pub(super) listen: Listen,
    /// The server to which requests are forwarded.
    #[serde(default)]
    pub(super) upstream: UpstreamSection,
    /// Files and folders with policies, relative to this file. An empty list enforces the contract alone.
    #[schemars(example = ["../policies"])]
    pub(super) policies: Vec<String>,
    /// Candidate policies, judged beside those in force: what they would decide otherwise is recorded, and refuses nothing.
    pub(super) shadow: Option<ShadowSection>,
    /// Policies, limits and operations that a reload may remove or weaken, by name. Any other that denies is kept: such a reload
    /// is refused. Keys are named as `contract.fallthrough`.
    #[serde(default)]
    #[schemars(example = ["no-skip-password-checks"])]
    pub(super) removed: Vec<String>,
    /// How a running gateway takes changes of its files.
    #[serde(default)]
    pub(super) reload: ReloadSection,
    /// How the gateway stops.
    #[serde(default)]
    pub(super) shutdown: ShutdownSection,
    /// How Clerk's contract is enforced.
    #[serde(default)]
    pub(super) contract: ContractSection,
    /// The environment that policies see, in place of that of the credential.
    #[serde(default)]
    pub(super) environment: EnvironmentSection,
    /// What this gateway is called. Policies read it as `instance.name` and `instance.labels`, and telemetry has it.
    #[serde(default)]
    pub(super) instance: InstanceSection,
    /// Limits on the resources that one client, or all together, can use.
    #[serde(default)]
    pub(super) limits: LimitsSection,
    /// Health, readiness and metrics for operators.
    #[serde(default)]
    pub(super) admin: AdminSection,
    /// What is logged, where and how.
    #[serde(default)]
    pub(super) logs: LogsSection,
    /// A file with every decision and the reasons for it, without values of requests.
    #[serde(default)]
    pub(super) decision_log: DecisionLogSection,
    /// What is masked in logs, spans and the decision log, besides what is always masked. Case is ignored in names.
    #[serde(default)]
    pub(super) masks: MasksSection,
    /// Which traces are exported. The OTEL_* variables name the destination; without any of them nothing is exported.
    #[serde(default)]
    pub(super) traces: TracesSection,
    /// The number of worker threads. 0 is one for each core that this process may use.
    #[serde(default)]
    #[schemars(range(max = 1024))]
    pub(super) workers: usize,
}

/// The version of this file's format.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) enum FormatVersion {
    #[serde(rename = "portcullis/v1")]
    V1,
}

/// What a file configures.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) enum FileKind {
    Gateway,
}

/// An address and port, `unix:` and a path, or a list of listeners.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Listen {
    /// One address.
    One(String),
    /// Several listeners.
    Many(#[schemars(length(min = 1))] Vec<ListenerSection>),
}

/// One listener.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListenerSection {
    /// The address and port to listen on, or `unix:` and the absolute path of a socket. Port 0 takes a free one.
    #[schemars(example = &"127.0.0.1:8787", example = &"unix:/run/portcullis/gateway.sock")]
    pub(super) address: String,
    /// Certificate and key. The listener then accepts TLS only.
    pub(super) tls: Option<TlsSection>,
    /// Required to listen without TLS on an address that other machines can reach.
    pub(super) plaintext: Option<Plaintext>,
    /// The permissions of a Unix socket, in octal: who may connect. 0660 by default.
    #[schemars(example = &"0660", regex(pattern = r"^0?[0-7]{3}$"))]
    pub(super) mode: Option<String>,
}

/// The files for TLS on a listener. They are read again when they change.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "they are the keys")]
pub(super) struct TlsSection {
    /// PEM file with the certificate and its intermediate certificates, relative to this file.
    #[schemars(example = &"tls.crt")]
    pub(super) certificate_file: String,
    /// PEM file with the private key, relative to this file.
    #[schemars(example = &"tls.key")]
    pub(super) private_key_file: String,
    /// PEM file with the certificate authorities for client certificates, relative to this file. Every client must then present one.
    #[schemars(example = &"clients-ca.crt")]
    pub(super) client_ca_file: Option<String>,
    /// PEM file with revocation lists (CRL) of those authorities, relative to this file. A client whose certificate is in one, or for which there is none, is refused.
    #[schemars(example = &"clients.crl")]
    pub(super) client_crl_file: Option<String>,
}

/// Whether credentials may travel in plain text: on a listener that other machines can reach, or to an upstream on another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
// an enum of one value and not a boolean: `plaintext: allowed` is readable without the documentation
pub(super) enum Plaintext {
    /// It may: the network is trusted or encrypted.
    Allowed,
}

/// How Clerk's contract is enforced.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ContractSection {
    /// A folder with contract files of `portcullis contract import`, instead of the built-in ones; relative to this file.
    #[schemars(example = &"../policies/contract/clerk")]
    pub(super) folder: Option<String>,
    /// The API version that applies to requests that name none; `any` accepts a body that some known version accepts. For an unknown date, the newest known version before it applies, or the oldest.
    #[schemars(example = &"any", regex(pattern = r"^(any|[0-9]{4}-[0-9]{2}-[0-9]{2})$"))]
    pub(super) default_api_version: String,
    /// What happens to a field of a body that the contract does not declare.
    pub(super) unknown_fields: UnknownFields,
    /// What happens to a request that is not for an operation of the contract: one word for all, or one each for reads and writes.
    pub(super) fallthrough: FallthroughSection,
    /// Which operations have their bodies validated against the contract.
    pub(super) validate: Validate,
    /// Exceptions for some operations. The last entry that matches an operation decides.
    pub(super) operations: Vec<OperationSection>,
}

/// What happens to a request that is not for an operation of the contract.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum FallthroughSection {
    /// All of them.
    All(ReadFallthrough),
    /// Reads and writes apart.
    Each(FallthroughByMethod),
}

/// What happens to reads and to writes that are not for an operation of the contract.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FallthroughByMethod {
    /// Those with a safe method.
    reads: ReadFallthrough,
    /// Those with any other method.
    writes: WriteFallthrough,
}

/// An exception for some operations.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OperationSection {
    /// An operation id; `*` stands for any letters.
    #[schemars(example = &"UpdateUser", example = &"*Organization*")]
    pub(super) r#match: String,
    /// What happens when a body does not fit the contract.
    pub(super) mode: Mode,
    /// What happens to a field that the contract does not declare, instead of `contract.unknownFields`.
    pub(super) unknown_fields: Option<UnknownFields>,
}

/// Limits on the resources that one client, or all together, can use.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct LimitsSection {
    /// Longest body that is inspected, in bytes. Bodies that are not inspected are streamed without a limit.
    #[schemars(range(min = 1, max = 4_294_967_295_u64))]
    pub(super) body_bytes: usize,
    /// Longest time for an inspected body to arrive.
    #[schemars(example = &"10s")]
    pub(super) body_timeout: String,
    /// Longest head of a request, in bytes.
    #[schemars(range(min = 8192, max = 4_294_967_295_u64))]
    pub(super) header_bytes: usize,
    /// Longest time for a head to arrive, from its first byte to its last.
    #[schemars(example = &"10s")]
    pub(super) header_timeout: String,
    /// Longest time for a connection to idle before a request; at least `6s`.
    #[schemars(example = &"60s")]
    pub(super) idle_timeout: String,
    /// Longest time for a whole request, from its head to the last byte of its response.
    #[schemars(example = &"15m")]
    pub(super) request_timeout: String,
    /// Longest time for which a connection is used. After it, the connection ends with the response under way.
    #[schemars(example = &"60m")]
    pub(super) connection_age: String,
    /// Most connections of clients at once.
    #[schemars(range(min = 1, max = 4_294_967_295_u64))]
    pub(super) connections: usize,
    /// Most requests at once.
    #[schemars(range(min = 1, max = 4_294_967_295_u64))]
    pub(super) in_flight: usize,
    /// Most bytes of memory that connections, requests and responses take together. By default half of the container's memory limit, or 256 MiB if it has none.
    #[schemars(range(min = 16_777_216))]
    pub(super) memory_bytes: Option<usize>,
    /// The part of `connections`, `inFlight` and `memoryBytes` that one client can have while others have requests, above 0 and at
    /// most 1. Alone it can have all but an eighth.
    #[schemars(range(max = 1.0))]
    pub(super) per_client_share: f64,
    /// The former name of `memoryBytes`.
    #[schemars(extend("deprecated" = true))]
    pub(super) body_budget_bytes: Option<usize>,
}

/// Health, readiness and metrics for operators.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct AdminSection {
    /// The address and port of the admin listener, or `off`.
    #[schemars(example = &"127.0.0.1:9465", example = &"off")]
    pub(super) listen: String,
}

/// Which traces are exported.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct TracesSection {
    /// The head sampler, unless `OTEL_TRACES_SAMPLER` names one. A ratio follows a colon.
    #[schemars(example = &"parentbased_always_on", example = &"traceidratio:0.1")]
    pub(super) sampler: String,
    /// What is exported even if the sampler drops it.
    pub(super) always_export: Vec<AlwaysExport>,
    /// The duration from which a request is slow, from its head to the last byte of its response.
    pub(super) slow_threshold: String,
    /// Whether the upstream gets `traceparent` and `tracestate`.
    pub(super) send_to_upstream: bool,
}

impl Default for Listen {
    fn default() -> Self {
        Self::One("127.0.0.1:8787".to_owned())
    }
}

impl Default for FallthroughByMethod {
    fn default() -> Self {
        let Fallthrough { reads, writes } = Fallthrough::default();
        Self { reads, writes }
    }
}

impl From<FallthroughSection> for Fallthrough {
    fn from(written: FallthroughSection) -> Self {
        match written {
            FallthroughSection::All(ReadFallthrough::Forward) => Self::FORWARD,
            FallthroughSection::All(ReadFallthrough::Deny) => Self::DENY,
            FallthroughSection::Each(FallthroughByMethod { reads, writes }) => Self { reads, writes },
        }
    }
}

impl Default for ContractSection {
    fn default() -> Self {
        // destructured in full: a new field of `Strictness` does not compile before it has a key here
        let Strictness { unknown_fields, fallthrough: _, validate, operations: _ } = Strictness::default();
        Self {
            folder: None,
            default_api_version: defaults::DEFAULT_API_VERSION.to_owned(),
            unknown_fields,
            fallthrough: FallthroughSection::Each(FallthroughByMethod::default()),
            validate,
            operations: Vec::new(),
        }
    }
}

// times are text in this file format, so that an invalid one is reported at its place with the other errors
impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            body_bytes: defaults::BODY_BYTES.value,
            body_timeout: defaults::BODY_TIMEOUT.value.to_string(),
            header_bytes: defaults::HEADER_BYTES.value,
            header_timeout: defaults::HEADER_TIMEOUT.value.to_string(),
            idle_timeout: defaults::IDLE_TIMEOUT.value.to_string(),
            request_timeout: defaults::REQUEST_TIMEOUT.value.to_string(),
            connection_age: defaults::CONNECTION_AGE.value.to_string(),
            connections: defaults::CONNECTIONS.value,
            in_flight: defaults::IN_FLIGHT.value,
            memory_bytes: None,
            per_client_share: defaults::PER_CLIENT_SHARE.value,
            body_budget_bytes: None,
        }
    }
}

impl Default for AdminSection {
    fn default() -> Self {
        Self { listen: defaults::DEFAULT_ADMIN_LISTEN.to_owned() }
    }
}

impl Default for TracesSection {
    fn default() -> Self {
        Self {
            sampler: "parentbased_always_on".to_owned(),
            always_export: vec![AlwaysExport::Denied, AlwaysExport::Failed],
            slow_threshold: "1s".to_owned(),
            send_to_upstream: true,
        }
    }
}
