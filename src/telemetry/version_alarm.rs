//! Tells operators that services ask for a newer API version than the contract has: its fields are then judged by an older one.

use super::once_a_minute::OnceAMinute;
use super::record::Record;
use crate::contract::UnknownVersion;

/// Warns when a request asked for a newer API version, however many requests there are.
pub(super) struct VersionAlarm(OnceAMinute);

impl VersionAlarm {
    pub(super) fn new() -> Self {
        Self(OnceAMinute::new())
    }

    /// Warns if `record` says that there is a reason to, and none was given of late.
    pub(super) fn look_at(&self, record: &Record) {
        if record.unknown_version == Some(UnknownVersion::Newer) && self.0.is_due(record.clock) {
            tracing::warn!(
                judged_by = record.operation.as_ref().map(|operation| operation.api_version.as_ref()),
                "requests ask for a newer api version than the contract has; import its spec and set `contract.folder`"
            );
        }
    }
}
