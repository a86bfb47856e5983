//! What one limit did by a decision log.

use super::caller::caller;
use super::report::{CALLERS, DAYS, ObservedPeriod};
use super::tally::Tally;
use crate::decision_log::LogEntry;
use crate::policy::Action;

/// Of which requests one limit found that they were too many.
#[derive(Debug)]
pub struct LimitUse {
    /// What happened at last to a request above it.
    pub action: Action,
    /// How many requests were above it.
    pub limited: u64,
    /// Whose requests they were.
    pub callers: Tally,
    /// The days on which they came.
    pub days: Tally,
    /// When they came.
    pub seen: ObservedPeriod,
}

impl LimitUse {
    /// For a limit that nothing is known of yet.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            limited: 0,
            callers: Tally::new(CALLERS),
            days: Tally::new(DAYS),
            seen: ObservedPeriod::default(),
        }
    }

    pub(super) fn take(&mut self, entry: &LogEntry<'_>, action: Action) {
        self.action = action;
        self.limited += 1;
        self.callers.add(&caller(entry));
        self.days.add(entry.time.get(..10).unwrap_or(&entry.time));
        self.seen.take(&entry.time);
    }

    /// Adds what was counted of what comes after.
    pub(super) fn merge(&mut self, later: &Self) {
        self.action = later.action;
        self.limited += later.limited;
        self.callers.merge(&later.callers);
        self.days.merge(&later.days);
        self.seen.merge(&later.seen);
    }
}
