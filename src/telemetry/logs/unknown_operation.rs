//! Reports requests for no operation of the contract, by the shape of their paths.

use crate::reason::Reason;
use crate::telemetry::logs::RateLimitedLog;
use crate::telemetry::record::RequestRecord;

/// The report. An operator who sees it adds the operation, or finds a client that calls something else than Clerk's API.
pub(in crate::telemetry) struct UnknownOperationLog {
    refused: RateLimitedLog,
    // apart: probes that ask for `/` all day must not suppress the line of a write that was refused
    forwarded: RateLimitedLog,
}

impl UnknownOperationLog {
    pub(in crate::telemetry) fn new() -> Self {
        Self { refused: RateLimitedLog::new(), forwarded: RateLimitedLog::new() }
    }

    /// Reports `record` if it is of such a request.
    pub(in crate::telemetry) fn check(&self, record: &RequestRecord) {
        let Some(path) = &record.unknown_path else { return };
        let is_refused = record.reason == Some(Reason::OperationNotAllowed);
        let log = if is_refused { &self.refused } else { &self.forwarded };
        let Some(suppressed) = log.allow(record.clock) else { return };
        let (method, suppressed) = (record.method, suppressed.field());
        if is_refused {
            tracing::warn!(
                method,
                path,
                suppressed,
                "a request was refused: no operation of the contract has its method and path; if it is meant, use `portcullis contract add` or set `contract.fallthrough`"
            );
        } else {
            tracing::info!(
                method,
                path,
                suppressed,
                "a request was forwarded unjudged: no operation of the contract has its method and path"
            );
        }
    }
}
