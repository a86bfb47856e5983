//! Counts the heads that the guard passed to hyper, against the requests that hyper made of them.

use crate::head::HeadDefect;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The heads passed to hyper and the requests it made of them. Shared by a connection's guard and its service.
// A second line of defence: should hyper ever find a request where the guard saw body bytes, there are more requests than
// heads, and the extra one is refused.
#[derive(Debug, Default)]
pub(super) struct HeadLedger {
    heads: AtomicU64,
    requests: AtomicU64,
    defect: Mutex<Option<HeadDefect>>,
}

impl HeadLedger {
    /// Counts a head that is passed to hyper.
    pub(super) fn record_head(&self) {
        self.heads.fetch_add(1, Ordering::Relaxed);
    }

    /// Records the defect of the head after the last one that was passed.
    pub(super) fn end(&self, defect: HeadDefect) {
        *self.defect.lock().unwrap_or_else(PoisonError::into_inner) = Some(defect);
    }

    /// Counts a request. Returns the defect of its head, if there is one.
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
    fn a_request_without_a_head_of_its_own_is_refused() {
        let ledger = HeadLedger::default();
        ledger.record_head();
        assert_eq!(ledger.next_request(), None);
        assert_eq!(ledger.next_request(), Some(HeadDefect::OutOfStep));
        ledger.end(HeadDefect::Malformed);
        assert_eq!(ledger.next_request(), Some(HeadDefect::Malformed));
    }
}
