//! The level of the application log, which can change at run time.

use crate::config::gateway::LogLevel;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tracing::callsite::rebuild_interest_cache;
use tracing::level_filters::LevelFilter;

/// The current level and the configured one. Clones share the current level.
#[derive(Clone, Debug)]
pub struct LevelHandle {
    /// An index into [`LogLevel::ALL`].
    configured: Arc<AtomicU8>,
    /// The same of the current level.
    now: Arc<AtomicU8>,
}

impl LevelHandle {
    /// A handle whose current level is `configured`.
    pub fn new(configured: LogLevel) -> Self {
        let level = || Arc::new(AtomicU8::new(configured as u8));
        Self { configured: level(), now: level() }
    }

    /// The current level.
    pub fn now(&self) -> LogLevel {
        level_at(&self.now)
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
        self.change(level_at(&self.configured));
    }

    /// Sets the configured level. The current level changes only if that is another one: it may have been set for a while.
    pub fn configure(&self, level: LogLevel) {
        if level_at(&self.configured) != level {
            self.configured.store(level as u8, Ordering::Relaxed);
            self.change(level);
        }
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

fn level_at(index: &AtomicU8) -> LogLevel {
    // both are set from a level, so that there is one
    LogLevel::ALL.get(usize::from(index.load(Ordering::Relaxed))).copied().unwrap_or(LogLevel::Info)
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
