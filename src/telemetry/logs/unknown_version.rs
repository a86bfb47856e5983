//! Warns that clients ask for a newer API version than the contract has.

use crate::contract::UnknownVersion;
use crate::telemetry::logs::RateLimitedLog;
use crate::telemetry::record::RequestRecord;

/// The warning. Requests for a newer version are judged by an older one, which does not know the newer one's fields, so an
/// operator has to import the new spec.
pub(in crate::telemetry) struct UnknownVersionWarning(RateLimitedLog);

impl UnknownVersionWarning {
    pub(in crate::telemetry) fn new() -> Self {
        Self(RateLimitedLog::new())
    }

    /// Warns if `record` is of a request for a newer version.
    pub(in crate::telemetry) fn check(&self, record: &RequestRecord) {
        if record.unknown_version == Some(UnknownVersion::Newer)
            && let Some(suppressed) = self.0.allow(record.clock)
        {
            tracing::warn!(
                judged_by = record.operation.as_ref().map(|operation| operation.api_version.as_ref()),
                suppressed = suppressed.field(),
                "requests ask for a newer api version than the contract has; import its spec and set `contract.folder`"
            );
        }
    }
}
