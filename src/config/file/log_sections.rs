//! The sections for both logs, and for what is masked in them.

use crate::config::gateway::{LogCompression, LogFormat, LogLevel, Logs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is logged, where and how.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::config) struct LogsSection {
    /// Where the line of each request goes.
    pub(in crate::config) access: AccessLogSection,
    /// The share of requests without a violation that are logged, from 0 to 1. All others are always logged.
    #[schemars(range(min = 0, max = 1))]
    pub(in crate::config) sample_allowed: f64,
    /// The form of log lines.
    pub(in crate::config) format: LogFormat,
    /// Least severe level of the gateway's own log on standard error.
    pub(in crate::config) level: LogLevel,
}

/// Where the line of each request goes.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum AccessLogSection {
    /// To standard output.
    Stdout,
    /// Nowhere.
    Off,
    /// Appended to this file, relative to this one. It is reopened on SIGHUP, for log rotation.
    File(#[schemars(example = &"access.log", description = "The file, relative to this one.")] String),
}

/// A file with every decision and the reasons for it.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::config) struct DecisionLogSection {
    /// The file, relative to this one, or `off`: JSON, one decision a line. Only its owner may read it.
    #[schemars(example = &"decisions.jsonl", example = &"off")]
    pub(in crate::config) file: String,
    /// Size in bytes at which the file is rotated: to `FILE.1`, that to `FILE.2` and so on.
    #[schemars(range(min = 65536, max = 1_099_511_627_776_u64))]
    pub(in crate::config) max_bytes: u64,
    /// How many rotated files are kept; the oldest is removed.
    #[schemars(range(max = 1000))]
    pub(in crate::config) keep: u32,
    /// Whether rotated files are compressed: `FILE.1.gz` and so on. All commands read them.
    pub(in crate::config) compression: LogCompression,
    /// The share of allowed requests without a violation that are logged; above 0. All other decisions are.
    pub(in crate::config) sample_allowed: f64,
    /// Whether each line has the hash of the one before it, so that `portcullis verify-log` finds lines that were changed, removed, moved or inserted.
    pub(in crate::config) chain: bool,
    /// Signatures of the chain, so that lines which are made again are found, too. Needs `chain`.
    pub(in crate::config) signing: SigningSection,
    /// Values of which a keyed fingerprint is logged, so that equal values are recognized without being shown.
    pub(in crate::config) fingerprints: FingerprintsSection,
}

/// Signatures of the chain.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct SigningSection {
    /// The private key: Ed25519 in PEM.
    pub(in crate::config) key: Option<KeyFileSection>,
}

/// Values of which a keyed fingerprint is logged.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct FingerprintsSection {
    /// The key: at least 32 random bytes.
    pub(in crate::config) key: Option<KeyFileSection>,
    /// JSON Pointers to strings in bodies; `*` stands for any name or position. Secrets of the contract are not allowed.
    #[schemars(example = ["/external_id"])]
    pub(in crate::config) body: Vec<String>,
    /// Parameters of paths, by name.
    #[schemars(example = ["user_id"])]
    pub(in crate::config) params: Vec<String>,
    /// Headers that policies read, by name.
    #[schemars(example = ["x-tenant"])]
    pub(in crate::config) headers: Vec<String>,
}

/// A secret in a file of its own.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct KeyFileSection {
    /// The file, relative to this one.
    #[schemars(example = &"fingerprint.key")]
    pub(in crate::config) file: String,
}

/// What is masked besides what is always masked.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct MasksSection {
    /// JSON Pointers into bodies: the value and everything in it. `*` stands for any name or position.
    #[schemars(example = ["/public_metadata/tax_id"])]
    pub(in crate::config) pointers: Vec<String>,
    /// Names of members of bodies at any depth, of headers and of parameters.
    #[schemars(example = ["ssn"])]
    pub(in crate::config) names: Vec<String>,
    /// Headers, by name.
    #[schemars(example = ["x-tenant"])]
    pub(in crate::config) headers: Vec<String>,
    /// Parameters of queries, by name.
    #[schemars(example = ["email_address"])]
    pub(in crate::config) query: Vec<String>,
}

impl Default for LogsSection {
    fn default() -> Self {
        // from the checked type, so that each default is written once
        let Logs { access: _, sample_allowed, format, level } = Logs::default();
        Self { access: AccessLogSection::Stdout, sample_allowed, format, level }
    }
}

impl Default for DecisionLogSection {
    fn default() -> Self {
        Self {
            file: "off".to_owned(),
            max_bytes: 104_857_600,
            keep: 10,
            compression: LogCompression::None,
            sample_allowed: 1.0,
            chain: false,
            signing: SigningSection::default(),
            fingerprints: FingerprintsSection::default(),
        }
    }
}
