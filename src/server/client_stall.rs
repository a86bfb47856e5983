//! Ends a connection whose client reads nothing of what it is sent for too long, and counts what it is sent meanwhile.

use super::connection_memory::{Backpressure, ConnectionMemory};
use pingora_timeout::sleep;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Whether the client of a connection reads, and since when it does not.
pub(super) struct ClientStall {
    limit: Duration,
    /// Runs while the client reads nothing.
    timer: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    backpressure: Arc<Backpressure>,
}

impl ClientStall {
    /// A client that may read nothing for `limit`.
    pub(super) const fn new(limit: Duration, backpressure: Arc<Backpressure>) -> Self {
        Self { limit, timer: None, backpressure }
    }

    /// Whether the client reads nothing at present.
    pub(super) const fn is_running(&self) -> bool {
        self.timer.is_some()
    }

    /// Returns `written`, the result of a write or flush. `unsent` is what is held for the client, in bytes.
    ///
    /// # Errors
    ///
    /// The client has read nothing for the limit, or there is no memory left for what it does not read.
    pub(super) fn check<R>(
        &mut self,
        context: &mut Context<'_>,
        memory: &mut ConnectionMemory,
        written: Poll<io::Result<R>>,
        unsent: usize,
    ) -> Poll<io::Result<R>> {
        if written.is_ready() {
            if self.timer.take().is_some() {
                self.backpressure.set_blocked(false);
                memory.count_unsent(None)?;
            }
            return written;
        }
        self.backpressure.set_blocked(true);
        memory.count_unsent(Some(unsent))?;
        let limit = self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        timer.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}
