//! The result of a drain.

use std::iter::Sum;

/// How the connections that were open at the start of a drain ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// Connections that closed in time: idle ones at once, others after their response.
    pub finished: usize,
    /// Connections that were still busy at the deadline, and were cut.
    pub cut: usize,
}

impl Sum for DrainReport {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self { finished: sum.finished + one.finished, cut: sum.cut + one.cut })
    }
}
