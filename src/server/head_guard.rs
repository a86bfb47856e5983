//! A guard in front of hyper, which inspects the bytes of each head before hyper reads them.
//!
//! hyper gets a head only when it is complete and unambiguous. In place of any other it gets [`STAND_IN`], which the service
//! refuses, and nothing after it.

// Why a guard in front of the parser: hyper accepts what request smuggling is made of (a bare line feed, both framings, a
// repeated `Content-Length`) and the parsed request no longer shows it. A head that hyper does refuse, it answers itself, in a
// form that no SDK reads and no record shows. With the guard every refusal takes the same way through the layers.
//
// A head that arrives in one piece, as nearly all do, is inspected in hyper's own buffer; only a partial one is copied.

use super::client_stall::ClientStall;
use super::connection_memory::{Backpressure, ConnectionMemory};
use super::head_ledger::HeadLedger;
use crate::head::HeadDefect;
use crate::head::{BodyFraming, examine, may_be_whole};
use crate::head::{ChunkProgress, ChunkTracker};
use pingora_timeout::sleep;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The head that hyper reads in place of a refused one. No operation has its method, so that it cannot be forwarded.
const STAND_IN: &[u8] = b"unreadable / HTTP/1.1\r\nconnection: close\r\n\r\n";

/// Size of a read of a partial head, in bytes.
const PIECE: usize = 4096;

/// Most bytes that are drained after a refused head, so that no reset keeps the client from reading the response.
const LINGER_BYTES: usize = 16 * 1024 * 1024;
/// Longest time to drain them.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// Bounds on how long, and with how many bytes, a client may hold a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Longest head, in bytes.
    pub(super) head_bytes: usize,
    /// Longest time from a head's first byte to its last.
    pub(super) head_time: Duration,
    /// Longest time without a request.
    pub(super) idle: Duration,
    /// Longest time for which the client may read nothing of a response.
    pub(super) stall: Duration,
}

/// The position in the stream of requests.
#[derive(Debug)]
enum HeadGuardState {
    /// Before a head, or in a partial one.
    Head,
    /// In a body, with this many bytes left.
    Body(u64),
    /// In a chunked body.
    ChunkTracker(ChunkTracker),
    /// Unknown, after a body with invalid framing. [`HeadLedger`] refuses every further request.
    Lost,
    /// Behind a head that was refused.
    Refused,
}

impl From<BodyFraming> for HeadGuardState {
    fn from(framing: BodyFraming) -> Self {
        match framing {
            BodyFraming::Length(0) => Self::Head,
            BodyFraming::Length(length) => Self::Body(length),
            BodyFraming::Chunked => Self::ChunkTracker(ChunkTracker::new()),
        }
    }
}

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection whose heads are inspected before hyper reads them.
pub(super) struct HeadGuard<T> {
    inner: T,
    bounds: Bounds,
    ledger: Arc<HeadLedger>,
    state: HeadGuardState,
    /// Bytes read from the client and not yet by hyper: those that hyper may read, then a partial head.
    held: Vec<u8>,
    /// Number of bytes of `held` that hyper may read.
    free: usize,
    /// The deadline of a partial head, and later of the drain after a refused one.
    deadline: Option<Timer>,
    lingered: usize,
    /// Whether the client sends nothing more. It may still read.
    is_half_closed: bool,
    /// Whether bytes were written since the last flush that ended.
    is_unflushed: bool,
    stall: ClientStall,
    memory: ConnectionMemory,
}

impl<T: AsyncRead + AsyncWrite + Unpin> HeadGuard<T> {
    pub(super) fn new(
        inner: T,
        bounds: Bounds,
        ledger: Arc<HeadLedger>,
        memory: ConnectionMemory,
        backpressure: Arc<Backpressure>,
    ) -> Self {
        Self {
            inner,
            bounds,
            ledger,
            state: HeadGuardState::Head,
            held: Vec::new(),
            free: 0,
            deadline: None,
            lingered: 0,
            is_half_closed: false,
            is_unflushed: false,
            stall: ClientStall::new(bounds.stall, backpressure),
            memory,
        }
    }

    /// Follows the requests through `bytes`. Returns the number of bytes that hyper may read.
    fn walk(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match &mut self.state {
                HeadGuardState::Body(left) => {
                    let step = (*left).min(rest.len() as u64);
                    *left -= step;
                    if *left == 0 {
                        self.state = HeadGuardState::Head;
                    }
                    at += usize::try_from(step).unwrap_or(rest.len());
                }
                HeadGuardState::ChunkTracker(chunks) => match chunks.follow(rest) {
                    ChunkProgress::Incomplete => return bytes.len(),
                    ChunkProgress::Complete(length) => {
                        at += length;
                        self.state = HeadGuardState::Head;
                    }
                    ChunkProgress::Invalid => self.state = HeadGuardState::Lost,
                },
                HeadGuardState::Lost => return bytes.len(),
                HeadGuardState::Refused => return at,
                HeadGuardState::Head => match examine(rest, self.bounds.head_bytes) {
                    Ok(Some(head)) => {
                        self.ledger.record_head();
                        self.state = head.framing.into();
                        at += head.length;
                    }
                    Ok(None) => return at,
                    Err(defect) => self.refuse(defect),
                },
            }
        }
        at
    }

    fn refuse(&mut self, defect: HeadDefect) {
        self.ledger.end(defect);
        self.state = HeadGuardState::Refused;
    }

    /// Updates the state after [`Self::walk`] released `free` bytes of `held`.
    fn settle(&mut self, free: usize) {
        self.free = free;
        self.deadline = None;
        if !self.memory.count_held(self.held.capacity()) {
            self.held.truncate(free);
            self.refuse(HeadDefect::Overloaded);
        }
        if matches!(self.state, HeadGuardState::Refused) {
            self.held.truncate(free);
            self.held.extend_from_slice(STAND_IN);
            self.free = self.held.len();
        } else if self.held.len() > free {
            self.deadline = Some(Box::pin(sleep(self.bounds.head_time)));
        }
    }

    /// Copies the released bytes of `held` into hyper's buffer.
    fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.free.min(buffer.remaining());
        buffer.put_slice(self.held.get(..length).unwrap_or_default());
        self.held.drain(..length);
        self.free -= length;
        if self.held.is_empty() {
            // freed, not kept: hardly any connection has a second partial head
            self.held = Vec::new();
            let _ = self.memory.count_held(0);
        }
    }

    /// Reads straight into hyper's buffer, then takes back the bytes that hyper must not read.
    fn read_through(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<ReadProgress>> {
        self.memory.count_reading(buffer.remaining())?;
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.ledger.set_before_head(polled.is_pending() && matches!(self.state, HeadGuardState::Head));
        ready!(polled)?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        if read.is_empty() {
            return Poll::Ready(Ok(self.half_close()));
        }
        let free = self.walk(read);
        if free == read.len() {
            return Poll::Ready(Ok(ReadProgress::Something));
        }
        self.held.extend_from_slice(read.get(free..).unwrap_or_default());
        buffer.set_filled(before + free);
        self.settle(0);
        Poll::Ready(Ok(if free > 0 { ReadProgress::Something } else { ReadProgress::Nothing }))
    }

    /// Takes note that the client sends nothing more.
    fn half_close(&mut self) -> ReadProgress {
        // in the middle of a body, hyper gets its end at once: there is no whole request to respond to
        let is_whole = matches!(self.state, HeadGuardState::Head);
        self.is_half_closed = is_whole;
        if is_whole { ReadProgress::Nothing } else { ReadProgress::Something }
    }

    /// Whether hyper must not learn yet that the client sends nothing more, on which it would drop the request under way.
    // the client may have closed only its sending side (RFC 9112 section 9.6), as `nc -N` and some SDKs do, and wait for the
    // response. hyper's own `half_close` would not see a reset of the connection either
    fn owes_response(&self) -> bool {
        self.is_unflushed || !self.ledger.is_answered()
    }

    /// Reads the rest of a partial head.
    fn read_piece(&mut self, context: &mut Context<'_>) -> Poll<io::Result<ReadProgress>> {
        let is_late = self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(context).is_ready());
        if is_late {
            self.refuse(HeadDefect::TooSlow);
            self.settle(0);
            return Poll::Ready(Ok(ReadProgress::Nothing));
        }
        let mut piece = [0; PIECE];
        let mut buffer = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer))?;
        if buffer.filled().is_empty() {
            // closed in the middle of a head: hyper has seen none of it, and treats this as the end of an idle connection
            return Poll::Ready(Ok(self.half_close()));
        }
        let start = self.held.len();
        self.held.extend_from_slice(buffer.filled());
        if !self.memory.count_held(self.held.capacity()) {
            self.held = Vec::new();
            self.refuse(HeadDefect::Overloaded);
            self.settle(0);
            return Poll::Ready(Ok(ReadProgress::Nothing));
        }
        if may_be_whole(&self.held, start) || self.held.len() >= self.bounds.head_bytes {
            let held = std::mem::take(&mut self.held);
            let free = self.walk(&held);
            self.held = held;
            if free > 0 || matches!(self.state, HeadGuardState::Refused) {
                self.settle(free);
            }
        }
        Poll::Ready(Ok(ReadProgress::Nothing))
    }

    /// Waits until an idle client sends something, or nothing more. What it sends is held for hyper.
    ///
    /// # Errors
    ///
    /// The connection broke.
    pub(super) async fn wait_for_bytes(&mut self) -> io::Result<()> {
        poll_fn(|context| self.poll_bytes(context)).await
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut piece = [0; PIECE];
        let mut buffer = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer))?;
        let read = buffer.filled();
        if read.is_empty() {
            self.half_close();
            return Poll::Ready(Ok(()));
        }
        let free = self.walk(read);
        self.held.extend_from_slice(read);
        self.settle(free);
        Poll::Ready(Ok(()))
    }

    /// Drains what a refused client still sends, within bounds, after the response and its end were sent.
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(LINGER_TIME)));
        let mut piece = [0; PIECE];
        while self.lingered < LINGER_BYTES && deadline.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut piece);
            match ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.lingered += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

/// Whether a read has a result for hyper: bytes, or their end.
enum ReadProgress {
    Something,
    Nothing,
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for HeadGuard<T> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.free > 0 {
                this.hand_over(buffer);
                return Poll::Ready(Ok(()));
            }
            if matches!(this.state, HeadGuardState::Refused) {
                // hyper responds to the stand-in and then closes; it must not read anything that follows
                return Poll::Pending;
            }
            if this.is_half_closed {
                // hyper reads again by itself when a response is sent: then it waits for the next head
                return if this.owes_response() { Poll::Pending } else { Poll::Ready(Ok(())) };
            }
            let read = if this.held.is_empty() { this.read_through(context, buffer) } else { this.read_piece(context) };
            if let ReadProgress::Something = ready!(read)? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for HeadGuard<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.is_unflushed = true;
        let written = Pin::new(&mut this.inner).poll_write(context, bytes);
        this.stall.check(context, &mut this.memory, written, bytes.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.is_unflushed = true;
        let written = Pin::new(&mut this.inner).poll_write_vectored(context, slices);
        this.stall.check(context, &mut this.memory, written, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // over TLS, a write is ready as soon as it is encrypted: only the flush shows that the client does not read
        let flushed = Pin::new(&mut this.inner).poll_flush(context);
        this.is_unflushed &= flushed.is_pending();
        this.stall.check(context, &mut this.memory, flushed, 0)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let ended = ready!(Pin::new(&mut this.inner).poll_shutdown(context));
        if matches!(this.state, HeadGuardState::Refused) && ended.is_ok() {
            ready!(this.linger(context));
        }
        Poll::Ready(ended)
    }
}
