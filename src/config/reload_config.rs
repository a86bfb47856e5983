//! When a running gateway reads its files again.

use super::checker::{Setting, SettingsChecker};
use super::file::ReloadSection;
use std::time::Duration;

/// Least time between two reads. Below it, reading the files would take a noticeable part of a core.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// When a running gateway reads its files again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReloadConfig {
    /// Whether it loads changed files by itself.
    pub watch: bool,
    /// Time between two reads of the files.
    pub interval: Duration,
}

impl SettingsChecker<'_> {
    pub(super) fn reload(&mut self, keys: &ReloadSection) -> ReloadConfig {
        let pointer = "/reload/interval";
        let interval = self.duration(pointer, &keys.interval);
        // zero: its own error is reported
        if !interval.is_zero() && interval < MIN_INTERVAL {
            let given = Setting::in_file(&keys.interval, pointer);
            self.refuse(&given, "must be at least 100ms", "`2s` is the default");
        }
        ReloadConfig { watch: keys.watch, interval: interval.max(MIN_INTERVAL) }
    }
}
