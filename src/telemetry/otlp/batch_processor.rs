//! The way of a signal's items from the workers to what exports them.

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
    /// Where a worker writes the items of a request, so that it holds the queue's lock only while copying them.
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
    /// Has `consume` run on `runtime`, until the queue it is given is closed and empty.
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

    /// Queues `items` that `write` writes: all, or none where there is no room for all. They are written only where there is
    /// room, so that a dead collector costs less than a living one.
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

    /// Nothing more will be added; what waits is still to be exported.
    pub(super) fn close(&self) {
        self.queue.close();
    }

    /// Waits for the export's end, at most until `end`. True if it came.
    pub(super) fn ended_by(&self, end: Instant) -> bool {
        self.task.ended_by(end)
    }
}

/// A task on a runtime, for whose end another thread can wait.
#[derive(Debug)]
pub(super) struct Task {
    ended: Mutex<Receiver<()>>,
}

impl Task {
    pub(super) fn spawn(runtime: &Handle, task: impl Future<Output = ()> + Send + 'static) -> Self {
        let (end, ended) = channel();
        runtime.spawn(async move {
            task.await;
            // nobody waits where there was no orderly shutdown
            let _ = end.send(());
        });
        Self { ended: Mutex::new(ended) }
    }

    /// Waits for the task's end, at most until `end`. True if it came. Not to be called on a thread of the runtime.
    pub(super) fn ended_by(&self, end: Instant) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.recv_timeout(end.saturating_duration_since(Instant::now())).is_ok()
    }
}
