//! Spans that wait for the exporter: written already, gathered to batches, bounded.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Spans one after another, as fields of a `ScopeSpans`.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) spans: usize,
}

/// From many workers to one exporter. A worker holds the lock for a copy, and wakes the exporter once a batch.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Spans that wait.
    spans: AtomicUsize,
    /// Most spans that may.
    capacity: usize,
    /// Most spans of a batch.
    batch: usize,
    work: Notify,
}

#[derive(Debug, Default)]
struct State {
    whole: VecDeque<Batch>,
    growing: Batch,
    closed: bool,
}

impl Queue {
    /// For at most `capacity` spans, in batches of at most `batch`.
    pub(super) fn new(capacity: usize, batch: usize) -> Self {
        Self { state: Mutex::default(), spans: AtomicUsize::new(0), capacity, batch, work: Notify::new() }
    }

    /// Room for `spans` more; false where there is none for all of them.
    pub(super) fn reserve(&self, spans: usize) -> bool {
        let taken = self.spans.fetch_add(spans, Ordering::Relaxed);
        if taken + spans > self.capacity {
            self.spans.fetch_sub(spans, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// Adds the `spans` that `bytes` are, for which there is room. Those of one request stay together.
    pub(super) fn add(&self, bytes: &[u8], spans: usize) {
        let mut state = self.lock();
        let full = state.growing.spans + spans > self.batch && state.growing.spans > 0;
        if full {
            // the next batch will be about as large
            let next = Batch { bytes: Vec::with_capacity(state.growing.bytes.len()), spans: 0 };
            let whole = std::mem::replace(&mut state.growing, next);
            state.whole.push_back(whole);
        }
        state.growing.bytes.extend_from_slice(bytes);
        state.growing.spans += spans;
        drop(state);
        if full {
            self.work.notify_one();
        }
    }

    /// The next batch: one that is full, or after `delay` what there is. None when nothing will come any more.
    pub(super) async fn next(&self, delay: Duration) -> Option<Batch> {
        loop {
            let (batch, closed) = {
                let mut state = self.lock();
                (state.whole.pop_front(), state.closed)
            };
            let batch = match batch {
                Some(batch) => batch,
                None if closed => return Some(self.take_growing()).filter(|batch| batch.spans > 0),
                None => match pingora_timeout::timeout(delay, self.work.notified()).await {
                    Ok(()) => continue,
                    Err(_) => self.take_growing(),
                },
            };
            if batch.spans > 0 {
                self.spans.fetch_sub(batch.spans, Ordering::Relaxed);
                return Some(batch);
            }
        }
    }

    /// Nothing more will be added; what waits is still to be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
    }

    fn take_growing(&self) -> Batch {
        std::mem::take(&mut self.lock().growing)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // nothing that is done under the lock can leave it half done
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(60);
    const AT_ONCE: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_full_batch_goes_at_once_and_the_rest_when_time_is_up() {
        let queue = Queue::new(100, 4);
        for bytes in [b"aa", b"bb", b"cc"] {
            assert!(queue.reserve(2));
            queue.add(bytes, 2);
        }
        let batch = queue.next(LONG).await.expect("a full batch");
        assert_eq!((batch.bytes.as_slice(), batch.spans), (&b"aabb"[..], 4));
        let batch = queue.next(AT_ONCE).await.expect("the rest");
        assert_eq!((batch.bytes.as_slice(), batch.spans), (&b"cc"[..], 2));
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_until_there_is_room() {
        let queue = Queue::new(5, 100);
        assert!(queue.reserve(3));
        assert!(!queue.reserve(3));
        queue.add(b"a", 3);
        assert!(queue.next(AT_ONCE).await.is_some());
        assert!(queue.reserve(3));
    }

    #[tokio::test]
    async fn a_closed_queue_gives_what_it_has_and_ends() {
        let queue = Queue::new(100, 2);
        for _ in 0..3 {
            queue.add(b"a", 2);
        }
        queue.close();
        let mut spans = 0;
        while let Some(batch) = queue.next(LONG).await {
            spans += batch.spans;
        }
        assert_eq!(spans, 6);
    }
}
