//! The file of the decision log, as configured and checked.

use super::gateway::FingerprintNames;
use std::path::PathBuf;

/// How rotated files of the decision log are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogCompression {
    /// As they were written.
    None,
    /// Compressed with gzip, as `FILE.1.gz` and so on.
    Gzip,
}

/// Where decisions are recorded, and of which values with a fingerprint.
#[derive(Clone, Debug)]
pub struct DecisionLogConfig {
    /// The path of the file, absolute.
    pub file: PathBuf,
    /// Size in bytes at which the file is rotated.
    pub max_bytes: u64,
    /// The number of rotated files to keep.
    pub keep: u32,
    /// Whether rotated files are compressed.
    pub compression: LogCompression,
    /// The share of allowed requests without a violation that are logged: above 0, at most 1.
    pub sample_allowed: f64,
    /// Whether each line has the hash of the one before it.
    pub chain: bool,
    /// The file with the private key that signs the chain; `None` if it is not signed.
    pub signing_key_file: Option<PathBuf>,
    /// Values of which a fingerprint is logged; `None` for no values.
    pub fingerprints: Option<FingerprintNames>,
}
