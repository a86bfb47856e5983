//! The queue of a signal and the task that exports it.

use super::batch_config::BatchConfig;
use super::protobuf::Message;
use super::queue::BatchQueue;
use prometheus_client::metrics::counter::Counter;
use std::cell::RefCell;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::runtime::Handle;

thread_local! {
    /// A worker's buffer for the items it encodes.
    // One for each worker, so that the queue is locked only for a copy: with a shared buffer workers would wait for
    // each other's encoding. It is kept, so that encoding allocates nothing.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A queue, and the task that empties it.
#[derive(Debug)]
pub(super) struct BatchProcessor {
    queue: Arc<BatchQueue>,
    overflowed: Counter,
    task: Task,
}

impl BatchProcessor {
    /// Runs `consume` on `runtime` until its queue is closed and empty.
    pub(super) fn start<F>(
        runtime: &Handle,
        batching: BatchConfig,
        overflowed: Counter,
        consume: impl FnOnce(Arc<BatchQueue>) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let queue = Arc::new(BatchQueue::new(batching.queue, batching.batch));
        let task = Task::spawn(runtime, consume(Arc::clone(&queue)));
        Self { queue, overflowed, task }
    }

    /// Queues `items` that `write` encodes: all of them, or none if there is no room.
    // The room is reserved before encoding, so that a dead collector costs less than a live one. Dropping all items of
    // a request leaves no trace with half its spans.
    pub(super) fn add(&self, items: usize, write: impl FnOnce(&mut Message<'_>)) {
        if self.queue.is_abandoned() {
            return;
        }
        if !self.queue.reserve(items) {
            self.overflowed.inc_by(items as u64);
            return;
        }
        SCRATCH.with_borrow_mut(|bytes| {
            bytes.clear();
            write(&mut Message::new(bytes));
            self.queue.add(bytes, items);
        });
    }

    /// Closes the queue. What it has is still exported.
    pub(super) fn close(&self) {
        self.queue.close();
    }

    /// Waits until the export has ended, at most until `end`. Returns whether it has.
    pub(super) fn ended_by(&self, end: Instant) -> bool {
        self.task.ended_by(end)
    }
}

/// A task on a runtime whose end another thread can wait for.
#[derive(Debug)]
pub(super) struct Task {
    // the mutex is for `Sync` only: one thread waits, at shutdown
    ended: Mutex<Receiver<()>>,
}

impl Task {
    pub(super) fn spawn(runtime: &Handle, task: impl Future<Output = ()> + Send + 'static) -> Self {
        let (end, ended) = channel();
        runtime.spawn(async move {
            task.await;
            // without an orderly shutdown there is no receiver
            let _ = end.send(());
        });
        Self { ended: Mutex::new(ended) }
    }

    /// Waits for the task's end, at most until `end`. Returns whether it came. It must not be called on a thread of the
    /// runtime.
    pub(super) fn ended_by(&self, end: Instant) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.recv_timeout(end.saturating_duration_since(Instant::now())).is_ok()
    }
}
