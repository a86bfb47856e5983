//! How many heads of a connection hyper was let to read, known to what passes them and to what takes its requests.

use crate::head::HeadDefect;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many heads were ledger to hyper; the request after that many is refused. Shared by a connection and its service.
#[derive(Debug, Default)]
pub(super) struct HeadLedger {
    heads: AtomicU64,
    requests: AtomicU64,
    defect: Mutex<Option<HeadDefect>>,
}

impl HeadLedger {
    /// Counts a head that hyper gets to read.
    pub(super) fn record_head(&self) {
        self.heads.fetch_add(1, Ordering::Relaxed);
    }

    /// Says what is wrong with the head behind the last one.
    pub(super) fn end(&self, defect: HeadDefect) {
        *self.defect.lock().unwrap_or_else(PoisonError::into_inner) = Some(defect);
    }

    /// Counts a request that hyper made of a head; what is wrong with the head, if anything is.
    pub(super) fn next_request(&self) -> Option<HeadDefect> {
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        if before < self.heads.load(Ordering::Relaxed) {
            return None;
        }
        let defect = *self.defect.lock().unwrap_or_else(PoisonError::into_inner);
        Some(defect.unwrap_or(HeadDefect::OutOfStep))
    }
}

#[cfg(test)]
mod tests {
    use super::{HeadDefect, HeadLedger};

    #[test]
    fn a_request_without_a_head_of_its_own_is_told_apart() {
        let ledger = HeadLedger::default();
        ledger.record_head();
        assert_eq!(ledger.next_request(), None);
        assert_eq!(ledger.next_request(), Some(HeadDefect::OutOfStep));
        ledger.end(HeadDefect::Malformed);
        assert_eq!(ledger.next_request(), Some(HeadDefect::Malformed));
    }
}
