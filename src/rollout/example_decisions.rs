//! A number of decisions, with some of them named.

use crate::decision_log::LogEntry;

/// Number of decisions that are named.
const EXAMPLES: usize = 3;

/// A number of decisions, and the ids of the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExampleDecisions {
    /// The number of decisions.
    pub count: u64,
    /// The ids of the first.
    pub decisions: Vec<String>,
}

impl ExampleDecisions {
    pub(super) fn add(&mut self, entry: &LogEntry<'_>) {
        self.count += 1;
        // the id is from the file, so its length is bounded as well
        if self.decisions.len() < EXAMPLES {
            self.decisions.push(entry.decision_id.chars().take(64).collect());
        }
    }

    pub(super) fn merge(&mut self, later: Self) {
        self.count += later.count;
        let room = EXAMPLES.saturating_sub(self.decisions.len());
        self.decisions.extend(later.decisions.into_iter().take(room));
    }
}
