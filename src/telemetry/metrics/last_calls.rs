//! When the upstream last responded, and when a call to it last failed.

use crate::telemetry::record::{Outcome, UpstreamCall};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The state of the upstream, as requests found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamStatus {
    /// Connections with a request.
    pub active: i64,
    /// Connections without one.
    pub idle: i64,
    /// When a response last began. `None` before the first.
    pub last_response: Option<SystemTime>,
    /// When a call last failed. `None` before the first.
    pub last_failure: Option<SystemTime>,
}

/// The last calls, each in seconds since 1970; 0 before the first.
#[derive(Debug, Default)]
pub(super) struct LastCalls {
    response: AtomicU64,
    failure: AtomicU64,
}

impl LastCalls {
    /// Keeps the time of `call`. `outcome` is the request's.
    pub(super) fn add(&self, call: &UpstreamCall, outcome: Outcome) {
        let last = match call.status {
            Some(_) => &self.response,
            // the client left, which is no failure of the upstream
            None if outcome == Outcome::Aborted => return,
            None => &self.failure,
        };
        let end = (call.started + call.elapsed).duration_since(UNIX_EPOCH).unwrap_or_default();
        last.store(end.as_secs(), Ordering::Relaxed);
    }

    /// The state, with the numbers of active and idle connections.
    pub(super) fn status(&self, (active, idle): (i64, i64)) -> UpstreamStatus {
        UpstreamStatus { active, idle, last_response: time(&self.response), last_failure: time(&self.failure) }
    }
}

fn time(seconds: &AtomicU64) -> Option<SystemTime> {
    let seconds = Some(seconds.load(Ordering::Relaxed)).filter(|seconds| *seconds > 0)?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
