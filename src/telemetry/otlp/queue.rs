//! A bounded queue of encoded items, spans or log records, which are gathered to batches.

use super::batch::Batch;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// A queue from many workers to one exporter.
#[derive(Debug)]
pub(super) struct BatchQueue {
    // A mutex: it is held for a copy of some hundred bytes, and lets items of one request stay together.
    state: Mutex<QueueState>,
    /// Number of queued items.
    items: AtomicUsize,
    /// Most queued items.
    capacity: usize,
    /// Most items of a batch.
    batch: usize,
    work: Notify,
    /// Nothing is exported any more.
    abandoned: AtomicBool,
}

#[derive(Debug, Default)]
struct QueueState {
    whole: VecDeque<Batch>,
    growing: Batch,
    /// The buffer of a batch that was sent.
    spare: Option<Vec<u8>>,
    closed: bool,
}

impl BatchQueue {
    /// A queue for at most `capacity` items, in batches of at most `batch`.
    pub(super) fn new(capacity: usize, batch: usize) -> Self {
        let (items, abandoned) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { state: Mutex::default(), items, capacity, batch, work: Notify::new(), abandoned }
    }

    /// Reserves room for `items`. Returns false if there is not enough.
    // Optimistic: an item may be dropped that had room for a moment, which costs less than a compare-and-swap loop
    // between workers.
    pub(super) fn reserve(&self, items: usize) -> bool {
        let taken = self.items.fetch_add(items, Ordering::Relaxed);
        if taken + items > self.capacity {
            self.items.fetch_sub(items, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// Adds encoded `items`, for which room was reserved. Those of one request stay in one batch.
    pub(super) fn add(&self, bytes: &[u8], items: usize) {
        let mut state = self.lock();
        let full = state.growing.items() + items > self.batch && state.growing.items() > 0;
        if full {
            // the next batch will be about as large, and so never copies its items to grow
            let length = state.growing.bytes().len();
            let next = state.spare.take().map_or_else(|| Batch::with_capacity(length), Batch::within);
            let whole = std::mem::replace(&mut state.growing, next);
            state.whole.push_back(whole);
        }
        state.growing.add(bytes, items);
        drop(state);
        if full {
            // the exporter wakes once a batch, not once a request
            self.work.notify_one();
        }
    }

    /// The next batch: a full one, or after `delay` what there is. `None` when the queue is closed and empty.
    pub(super) async fn next(&self, delay: Duration) -> Option<Batch> {
        loop {
            let (batch, closed) = {
                let mut state = self.lock();
                (state.whole.pop_front(), state.closed)
            };
            let batch = match batch {
                Some(batch) => batch,
                None if closed => return Some(self.take_growing()).filter(|batch| batch.items() > 0),
                None => match pingora_timeout::timeout(delay, self.work.notified()).await {
                    Ok(()) => continue,
                    Err(_) => self.take_growing(),
                },
            };
            if batch.items() > 0 {
                self.items.fetch_sub(batch.items(), Ordering::Relaxed);
                return Some(batch);
            }
        }
    }

    /// Takes the buffer of a batch that was sent, for another.
    pub(super) fn reuse(&self, memory: Vec<u8>) {
        self.lock().spare = Some(memory);
    }

    /// Waits for `longest`, or until the queue is closed. Returns whether it is open.
    pub(super) async fn stays_open(&self, longest: Duration) -> bool {
        let end = Instant::now() + longest;
        while !self.lock().closed {
            let left = end.saturating_duration_since(Instant::now());
            // a full batch notifies, too; it is found without the notification
            if left.is_zero() || pingora_timeout::timeout(left, self.work.notified()).await.is_err() {
                return true;
            }
        }
        false
    }

    /// Closes the queue. What it has is still to be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
    }

    /// Drops everything in the queue, and whatever would be added.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
        *self.lock() = QueueState::default();
    }

    /// Whether added items would be dropped.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    fn take_growing(&self) -> Batch {
        std::mem::take(&mut self.lock().growing)
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // no panic under the lock can leave the state half changed
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::BatchQueue;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(60);
    const AT_ONCE: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_full_batch_goes_at_once_and_the_rest_when_time_is_up() {
        let queue = BatchQueue::new(100, 4);
        for bytes in [b"aa", b"bb", b"cc"] {
            assert!(queue.reserve(2));
            queue.add(bytes, 2);
        }
        let batch = queue.next(LONG).await.expect("a full batch");
        assert_eq!((batch.bytes(), batch.items()), (&b"aabb"[..], 4));
        let batch = queue.next(AT_ONCE).await.expect("the rest");
        assert_eq!((batch.bytes(), batch.items()), (&b"cc"[..], 2));
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_until_there_is_room() {
        let queue = BatchQueue::new(5, 100);
        assert!(queue.reserve(3));
        assert!(!queue.reserve(3));
        queue.add(b"a", 3);
        assert!(queue.next(AT_ONCE).await.is_some());
        assert!(queue.reserve(3));
    }

    #[tokio::test]
    async fn who_waits_hears_of_the_end_and_of_nothing_else() {
        let queue = std::sync::Arc::new(BatchQueue::new(100, 1));
        queue.add(b"a", 1);
        queue.add(b"b", 1);
        assert!(queue.stays_open(AT_ONCE).await);
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.stays_open(LONG).await }
        });
        tokio::task::yield_now().await;
        queue.close();
        assert!(!waiting.await.expect("an answer"));
    }

    #[tokio::test]
    async fn a_closed_queue_gives_what_it_has_and_ends() {
        let queue = BatchQueue::new(100, 2);
        for _ in 0..3 {
            queue.add(b"a", 2);
        }
        queue.close();
        let mut items = 0;
        while let Some(batch) = queue.next(LONG).await {
            items += batch.items();
        }
        assert_eq!(items, 6);
    }
}
