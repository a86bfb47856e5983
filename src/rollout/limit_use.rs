//! Counts of one limit in a decision log.

use super::caller::caller;
use super::report::{CALLERS, DAYS, ObservedPeriod};
use super::tally::Tally;
use crate::decision_log::LogEntry;
use crate::policy::Action;

/// The requests that were above one limit.
#[derive(Debug)]
pub struct LimitUse {
    /// The action of the limit at its last violation.
    pub action: Action,
    /// The number of requests above it.
    pub limited: u64,
    /// Their callers.
    pub callers: Tally,
    /// Their days.
    pub days: Tally,
    /// The first and the last of them.
    pub seen: ObservedPeriod,
}

impl LimitUse {
    /// Counts of zero.
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
        // `2026-05-12T...`: the first ten characters are the day
        self.days.add(entry.time.get(..10).unwrap_or(&entry.time));
        self.seen.take(&entry.time);
    }

    /// Adds the counts of `later`, which are of later entries.
    pub(super) fn merge(&mut self, later: &Self) {
        self.action = later.action;
        self.limited += later.limited;
        self.callers.merge(&later.callers);
        self.days.merge(&later.days);
        self.seen.merge(&later.seen);
    }
}
