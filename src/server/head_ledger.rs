//! Counts the heads that the guard passed to hyper, against the requests that hyper made of them.

use crate::head::HeadDefect;
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// The heads passed to hyper and the requests it made of them. Shared by a connection's guard and its service.
// A second line of defence: should hyper ever find a request where the guard saw body bytes, there are more requests than
// heads, and the extra one is refused.
#[derive(Debug, Default)]
pub(super) struct HeadLedger {
    heads: AtomicU64,
    requests: AtomicU64,
    answered: AtomicU64,
    /// Whether the guard waits for the first byte of a head.
    is_before_head: AtomicBool,
    defect: Mutex<Option<HeadDefect>>,
    is_retired: AtomicBool,
}

pin_project! {
    /// The body of a response. Its request counts as answered once hyper has taken the end of it.
    pub(super) struct LedgerBody<B> {
        #[pin]
        body: B,
        _answered: AnsweredOnDrop,
    }
}

/// Counts a request as answered when it is dropped.
struct AnsweredOnDrop(Arc<HeadLedger>);

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

    /// Whether each head that was passed to hyper has its whole response.
    pub(super) fn is_answered(&self) -> bool {
        self.answered_count() >= self.heads.load(Ordering::Relaxed)
    }

    /// Counts the requests that have their whole response.
    pub(super) fn answered_count(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Records whether the guard waits for the first byte of a head.
    pub(super) fn set_before_head(&self, is_before_head: bool) {
        self.is_before_head.store(is_before_head, Ordering::Relaxed);
    }

    /// Whether hyper has responded to all that the client has sent, and waits for more.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_before_head.load(Ordering::Relaxed) && self.is_answered()
    }

    /// From now on, each response announces that the connection closes.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed);
    }

    /// Whether the next response is the last one.
    pub(super) fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Relaxed)
    }
}

impl Drop for AnsweredOnDrop {
    fn drop(&mut self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
    }
}

impl<B> LedgerBody<B> {
    pub(super) fn new(body: B, ledger: Arc<HeadLedger>) -> Self {
        Self { body, _answered: AnsweredOnDrop(ledger) }
    }
}

impl<B: Body<Data: Buf>> Body for LedgerBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.project().body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
