//! What became of the connections that were open when the server was told to end.

use std::iter::Sum;

/// What became of the connections that were open when the server was told to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// Ended by themselves: idle ones at once, others after their answer.
    pub finished: usize,
    /// Still busy at the deadline, and cut.
    pub cut: usize,
}

impl Sum for DrainReport {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self { finished: sum.finished + one.finished, cut: sum.cut + one.cut })
    }
}
