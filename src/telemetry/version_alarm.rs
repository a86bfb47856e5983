//! Tells operators that services ask for a newer API version than the contract has: its fields are then judged by an older one.

use super::record::Record;
use crate::contract::UnknownVersion;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Least time between two warnings, however many requests there are.
const PAUSE: Duration = Duration::from_secs(60);

/// Warns when a request asked for a newer API version, at most once in each [`PAUSE`].
pub(super) struct VersionAlarm {
    begin: Instant,
    /// The first pause, counted from `begin`, in which a warning is due.
    due: AtomicU64,
}

impl VersionAlarm {
    pub(super) fn new() -> Self {
        Self { begin: Instant::now(), due: AtomicU64::new(0) }
    }

    /// Warns if `record` says that there is a reason to, and none was given of late.
    pub(super) fn look_at(&self, record: &Record) {
        if record.unknown_version == Some(UnknownVersion::Newer) && self.is_due(record.clock) {
            tracing::warn!(
                judged_by = record.routed.as_ref().map(|routed| routed.api_version.as_ref()),
                "requests ask for a newer api version than the contract has; import its spec and set `contract.folder`"
            );
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let pause = now.saturating_duration_since(self.begin).as_secs() / PAUSE.as_secs();
        let due = self.due.load(Ordering::Relaxed);
        pause >= due && self.due.compare_exchange(due, pause + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{PAUSE, VersionAlarm};
    use std::time::Duration;

    #[test]
    fn a_warning_is_due_once_in_each_pause() {
        let alarm = VersionAlarm::new();
        let at = |time: Duration| alarm.is_due(alarm.begin + time);
        let second = Duration::from_secs(1);
        assert!(at(second));
        assert!(!at(second) && !at(PAUSE / 2));
        assert!(at(PAUSE * 3));
        assert!(!at(PAUSE * 3 + second) && !at(PAUSE));
        assert!(at(PAUSE * 4));
    }
}
