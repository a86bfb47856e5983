//! Limits a log message that could come with every request or connection to one a minute.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Shortest time between two messages about the same trouble.
const INTERVAL: Duration = Duration::from_secs(60);

/// The limit of one message, shared by all threads that may log it.
#[derive(Debug)]
pub struct RateLimitedLog {
    start: Instant,
    /// When the next message is allowed, in milliseconds since `start`.
    next: AtomicU64,
    suppressed: AtomicU64,
}

impl RateLimitedLog {
    /// A limit that allows the first message at once.
    pub fn new() -> Self {
        Self { start: Instant::now(), next: AtomicU64::new(0), suppressed: AtomicU64::new(0) }
    }

    /// Whether the message may be logged at `now`, and how many were suppressed since the last one that was. `None` if it is
    /// to be suppressed.
    pub fn allow(&self, now: Instant) -> Option<Suppressed> {
        let next = self.next.load(Ordering::Relaxed);
        let now = millis(now.saturating_duration_since(self.start));
        // of threads that get here at the same time, the one that moves `next` logs
        let is_allowed = now >= next
            && self.next.compare_exchange(next, now + millis(INTERVAL), Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_allowed {
            return Some(Suppressed(self.suppressed.swap(0, Ordering::Relaxed)));
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Default for RateLimitedLog {
    fn default() -> Self {
        Self::new()
    }
}

/// How many messages were suppressed since the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppressed(u64);

impl Suppressed {
    /// The number as a log field. `None` if it is zero, which leaves the field out.
    pub fn field(self) -> Option<u64> {
        Some(self.0).filter(|count| *count > 0)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{INTERVAL, RateLimitedLog};
    use std::time::Duration;

    #[test]
    fn one_message_an_interval_is_allowed_and_counts_the_others() {
        let log = RateLimitedLog::new();
        let at = |time: Duration| log.allow(log.start + time).map(super::Suppressed::field);
        let second = Duration::from_secs(1);
        assert_eq!(at(second), Some(None));
        assert_eq!((at(second), at(INTERVAL)), (None, None));
        assert_eq!(at(INTERVAL + second), Some(Some(2)));
        assert_eq!(at(INTERVAL * 2), None);
        assert_eq!(at(INTERVAL * 3), Some(Some(1)));
        assert_eq!(at(INTERVAL * 4), Some(None));
    }
}
