//! What a connection holds of the memory budget, and whether its client reads what it is sent.

use crate::budget::Hold;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// Read buffer that the price of a connection includes, in bytes.
const FIRST_BUFFER: usize = 8 * 1024;

/// Bytes below the guard that a client which reads nothing makes the connection hold: a piece of a response, TLS records.
const BEHIND: usize = 64 * 1024;

/// What a connection holds of the memory budget. Each part counts at its largest so far.
#[derive(Debug)]
pub(super) struct ConnectionMemory {
    hold: Hold,
    base: usize,
    reading: usize,
    held: usize,
    unsent: usize,
}

/// Whether the client reads what it is sent. Shared by a connection's guard and its service.
#[derive(Debug, Default)]
pub(super) struct Backpressure {
    is_blocked: AtomicBool,
    unblocked: Notify,
}

impl ConnectionMemory {
    pub(super) fn new(hold: Hold) -> Self {
        let base = hold.bytes();
        Self { hold, base, reading: 0, held: 0, unsent: 0 }
    }

    /// Counts hyper's read buffer, of which `free` bytes are to be filled.
    ///
    /// # Errors
    ///
    /// If there is no memory left for it.
    // called for each read: one comparison, unless the buffer has grown
    pub(super) fn count_reading(&mut self, free: usize) -> io::Result<()> {
        // twice: what is parsed of a buffer holds on to it while the next one is filled
        let reading = free.saturating_sub(FIRST_BUFFER) * 2;
        if reading <= self.reading {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.reading, reading);
        self.settle().inspect_err(|_| self.reading = before)
    }

    /// Counts a partial head of `bytes`. False if there is no memory left for it.
    pub(super) fn count_held(&mut self, bytes: usize) -> bool {
        let before = std::mem::replace(&mut self.held, bytes);
        let fits = self.settle().is_ok();
        if !fits {
            self.held = before;
        }
        fits
    }

    /// Counts `bytes` that the client does not read, and what is held behind them. `None` once it reads again.
    ///
    /// # Errors
    ///
    /// If there is no memory left for them.
    pub(super) fn count_unsent(&mut self, bytes: Option<usize>) -> io::Result<()> {
        self.unsent = bytes.map_or(0, |bytes| bytes + BEHIND);
        self.settle()
    }

    fn settle(&mut self) -> io::Result<()> {
        let bytes = self.base + self.reading + self.held + self.unsent;
        self.hold.shrink_to(bytes);
        if self.hold.grow_to(bytes) { Ok(()) } else { Err(io::ErrorKind::OutOfMemory.into()) }
    }
}

impl Backpressure {
    pub(super) fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed)
    }

    /// Records that the client reads nothing, or that it reads again.
    pub(super) fn set_blocked(&self, is_blocked: bool) {
        let was_blocked = self.is_blocked.swap(is_blocked, Ordering::Relaxed);
        if was_blocked && !is_blocked {
            self.unblocked.notify_waiters();
        }
    }

    /// Waits until the client reads.
    pub(super) async fn wait_for_reads(&self) {
        // the future is made first, so that no notification between the check and the wait is missed
        let notified = self.unblocked.notified();
        if self.is_blocked() {
            notified.await;
        }
    }
}
