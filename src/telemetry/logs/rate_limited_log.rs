//! What is told of at most once a minute, however often it happens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The pause.
const PAUSE: Duration = Duration::from_secs(60);

/// Says whether it is time to tell of something again. Minutes are counted from the start.
pub(in crate::telemetry) struct RateLimitedLog {
    begin: Instant,
    /// The first pause, counted from `begin`, in which it is due.
    due: AtomicU64,
}

impl RateLimitedLog {
    pub(in crate::telemetry) fn new() -> Self {
        Self { begin: Instant::now(), due: AtomicU64::new(0) }
    }

    /// Whether nothing was told in the minute of `now`. Whoever is told so is the one to tell.
    pub(in crate::telemetry) fn is_due(&self, now: Instant) -> bool {
        let pause = now.saturating_duration_since(self.begin).as_secs() / PAUSE.as_secs();
        let due = self.due.load(Ordering::Relaxed);
        pause >= due && self.due.compare_exchange(due, pause + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{PAUSE, RateLimitedLog};
    use std::time::Duration;

    #[test]
    fn it_is_due_once_in_each_pause() {
        let once = RateLimitedLog::new();
        let at = |time: Duration| once.is_due(once.begin + time);
        let second = Duration::from_secs(1);
        assert!(at(second));
        assert!(!at(second) && !at(PAUSE / 2));
        assert!(at(PAUSE * 3));
        assert!(!at(PAUSE * 3 + second) && !at(PAUSE));
        assert!(at(PAUSE * 4));
    }
}
