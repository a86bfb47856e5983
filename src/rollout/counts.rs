//! What is counted of decisions, block by block.

use crate::decision_log::Entry;

/// What is counted of the entries of a decision log: of parts of it apart, and then together, with the same outcome.
pub trait Counts: Send {
    /// The same counts, of nothing yet.
    #[must_use]
    fn fresh(&self) -> Self;

    /// Takes in an entry.
    fn take(&mut self, entry: &Entry<'_>);

    /// Adds what was counted of entries that come after.
    fn merge(&mut self, later: Self);
}
