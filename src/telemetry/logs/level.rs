//! The level of the application log, which can change at run time.

use crate::config::gateway::LogLevel;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tracing::callsite::rebuild_interest_cache;
use tracing::level_filters::LevelFilter;

/// The current level and the configured one. Clones share the current level.
#[derive(Clone, Debug)]
pub struct LevelHandle {
    configured: LogLevel,
    /// An index into [`LogLevel::ALL`].
    now: Arc<AtomicU8>,
}

impl LevelHandle {
    /// A handle whose current level is `configured`.
    pub fn new(configured: LogLevel) -> Self {
        Self { configured, now: Arc::new(AtomicU8::new(configured as u8)) }
    }

    /// The current level.
    pub fn now(&self) -> LogLevel {
        let place = usize::from(self.now.load(Ordering::Relaxed));
        LogLevel::ALL.get(place).copied().unwrap_or(self.configured)
    }

    /// Sets the current level and returns the previous one.
    // The change is logged at whichever level is the more verbose, or it would be filtered by itself.
    pub fn change(&self, level: LogLevel) -> LogLevel {
        let before = self.now();
        let say = || tracing::warn!(before = before.as_str(), now = level.as_str(), "the log level changes");
        if before > level {
            say();
        }
        self.now.store(level as u8, Ordering::Relaxed);
        // tracing caches at each callsite whether it is enabled
        rebuild_interest_cache();
        if level > before {
            say();
        }
        before
    }

    /// Restores the configured level.
    pub fn restore(&self) {
        self.change(self.configured);
    }

    pub(in crate::telemetry) fn filter(&self) -> LevelFilter {
        match self.now() {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LevelHandle;
    use crate::config::gateway::LogLevel;

    #[test]
    fn every_level_is_kept_and_named() {
        for level in LogLevel::ALL {
            assert_eq!(LevelHandle::new(level).now(), level);
            assert_eq!(LogLevel::by_name(level.as_str()), Some(level));
        }
        assert_eq!(LogLevel::by_name("loud"), None);
    }
}
