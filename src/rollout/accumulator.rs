//! What both commands over a decision log do with its entries: count blocks of them in parallel, and add the counts up.

use crate::decision_log::LogEntry;

/// Counts the entries of a decision log. Blocks of entries can be counted apart and merged in order, with the same result.
pub trait Accumulator: Send {
    /// An empty accumulator of the same configuration.
    #[must_use]
    fn fresh(&self) -> Self;

    /// Counts an entry.
    fn take(&mut self, entry: &LogEntry<'_>);

    /// Adds the counts of `later`, an accumulator of later entries.
    fn merge(&mut self, later: Self);
}
