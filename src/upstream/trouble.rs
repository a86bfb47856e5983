//! The log of an upstream that fails: a line when it begins and once a minute, not one a request.

use crate::telemetry::logs::RateLimitedLog;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Time between two lines while it lasts.
const INTERVAL: Duration = Duration::from_secs(60);
/// Shortest time between two lines of an upstream that fails now and then.
const SHORTEST: Duration = Duration::from_secs(10);

/// Whether the upstream fails, shared by the workers.
#[derive(Debug)]
pub struct UpstreamTrouble {
    start: Instant,
    is_failing: AtomicBool,
    /// Whether a line was logged that no line on the recovery has followed.
    is_reported: AtomicBool,
    /// When the last line was logged, in milliseconds since `start`, plus 1. 0 for never.
    logged: AtomicU64,
    suppressed: AtomicU64,
    /// Failures that are not the upstream's: of clients, and of this process.
    others: RateLimitedLog,
}

impl UpstreamTrouble {
    /// An upstream that has not failed yet.
    pub fn new() -> Self {
        let [is_failing, is_reported] = [AtomicBool::new(false), AtomicBool::new(false)];
        let [logged, suppressed] = [AtomicU64::new(0), AtomicU64::new(0)];
        Self { start: Instant::now(), is_failing, is_reported, logged, suppressed, others: RateLimitedLog::new() }
    }

    /// Takes note of a failure at `now`. Returns the number of failures without a line before it, if it is to be logged.
    pub fn note_failure(&self, now: Instant) -> Option<u64> {
        let is_change = !self.is_failing.swap(true, Ordering::Relaxed);
        let pause = if is_change { SHORTEST } else { INTERVAL };
        let now = 1 + millis(now.saturating_duration_since(self.start));
        let logged = self.logged.load(Ordering::Relaxed);
        let is_due = logged == 0 || now >= logged + millis(pause);
        // of threads that get here at the same time, the one that moves `logged` logs
        if is_due && self.logged.compare_exchange(logged, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.is_reported.store(true, Ordering::Relaxed);
            return Some(self.suppressed.swap(0, Ordering::Relaxed));
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Takes note of a failure at `now` that is not the upstream's. The same for its line, of which there is one a minute.
    pub fn note_other_failure(&self, now: Instant) -> Option<u64> {
        self.others.allow(now).map(|suppressed| suppressed.field().unwrap_or_default())
    }

    /// Takes note of a response. Returns the number of failures without a line, if the recovery is to be logged.
    pub fn note_response(&self) -> Option<u64> {
        // one load a request, as long as nothing fails
        let is_recovery = self.is_failing.load(Ordering::Relaxed) && self.is_failing.swap(false, Ordering::Relaxed);
        let is_news = is_recovery && self.is_reported.swap(false, Ordering::Relaxed);
        is_news.then(|| self.suppressed.swap(0, Ordering::Relaxed))
    }
}

impl Default for UpstreamTrouble {
    fn default() -> Self {
        Self::new()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::UpstreamTrouble;
    use std::time::Duration;

    #[test]
    fn a_failing_upstream_is_logged_at_once_and_then_each_minute() {
        let trouble = UpstreamTrouble::new();
        let fail = |second| trouble.note_failure(trouble.start + Duration::from_secs(second));
        assert_eq!(trouble.note_response(), None);
        assert_eq!((fail(0), fail(1), fail(59), fail(60)), (Some(0), None, None, Some(2)));
        assert_eq!((trouble.note_response(), trouble.note_response()), (Some(0), None));
        assert_eq!(fail(71), Some(0), "it fails anew");
        assert_eq!((fail(72), trouble.note_response()), (None, Some(1)));
    }

    #[test]
    fn an_upstream_that_fails_now_and_then_has_no_line_each_time() {
        let trouble = UpstreamTrouble::new();
        let lines = (0..100).filter(|tenth| {
            let logged = trouble.note_failure(trouble.start + Duration::from_millis(100 * tenth)).is_some();
            logged || trouble.note_response().is_some()
        });
        assert!(lines.count() <= 2);
    }
}
