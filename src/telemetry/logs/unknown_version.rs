//! Tells operators that services ask for a newer API version than the contract has: its fields are then judged by an older one.

use crate::contract::UnknownVersion;
use crate::telemetry::logs::rate_limited_log::RateLimitedLog;
use crate::telemetry::record::RequestRecord;

/// Warns when a request asked for a newer API version, however many requests there are.
pub(in crate::telemetry) struct UnknownVersionWarning(RateLimitedLog);

impl UnknownVersionWarning {
    pub(in crate::telemetry) fn new() -> Self {
        Self(RateLimitedLog::new())
    }

    /// Warns if `record` says that there is a reason to, and none was given of late.
    pub(in crate::telemetry) fn check(&self, record: &RequestRecord) {
        if record.unknown_version == Some(UnknownVersion::Newer) && self.0.is_due(record.clock) {
            tracing::warn!(
                judged_by = record.operation.as_ref().map(|operation| operation.api_version.as_ref()),
                "requests ask for a newer api version than the contract has; import its spec and set `contract.folder`"
            );
        }
    }
}
