//! A guard in front of h2, which hands it heads only when they are complete, a few at a time, and none to a client that does not
//! read.

// h2 decodes each frame as soon as it has it. A reference to HPACK's table is one byte on the wire and a hundred in a header map,
// so that what h2 holds of unfinished or unread heads has to be bounded before it gets them: there is no setting for that.

use super::client_stall::ClientStall;
use super::connection_memory::{Backpressure, ConnectionMemory};
use super::head_guard::Bounds;
use pingora_timeout::sleep;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Length of the connection preface (RFC 9113 section 3.4).
const PREFACE: usize = 24;
/// Length of a frame's header (RFC 9113 section 4.1).
const FRAME_HEADER: usize = 9;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// Size of a read of a partial head, in bytes.
const PIECE: usize = 4096;

/// Most heads that h2 gets before its connection is polled for requests.
const HEADS_AT_ONCE: usize = 8;

/// What h2 may hold of heads of responses that the client does not read.
const HEADS_UNSENT: usize = 448 * 1024;

/// What h2 may hold of a head that is longer than the guard holds: fields up to `limits.headerBytes`, in a header map.
const LONG_HEAD: usize = 160 * 1024;

/// The heads that became requests. Shared by a connection's guard and its service.
#[derive(Debug, Default)]
pub(super) struct Http2Requests {
    accepted: AtomicUsize,
}

impl Http2Requests {
    /// Counts a request.
    pub(super) fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }
}

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection whose heads are held until they are complete.
pub(super) struct Http2Guard<T> {
    inner: T,
    bounds: Bounds,
    memory: ConnectionMemory,
    backpressure: Arc<Backpressure>,
    requests: Arc<Http2Requests>,
    /// Bytes left of the preface, or of a frame whose header has been seen.
    left: usize,
    /// Whether h2 has a part of a head that was too long to be held.
    is_in_long_head: bool,
    /// Bytes read from the client that h2 does not have yet.
    held: Vec<u8>,
    /// Number of bytes of `held` that h2 may read.
    free: usize,
    /// Heads that h2 was given since its last request.
    given: usize,
    /// The number of requests when `given` was last forgotten.
    accepted: usize,
    /// The deadline of a partial head.
    deadline: Option<Timer>,
    stall: ClientStall,
    /// Waits for bytes while the client does not read.
    reader: Option<Waker>,
}

/// What stopped the guard in front of bytes that h2 must not have yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// A part of a head, or of the header of a frame.
    Partial,
    /// A complete head, of which h2 has enough.
    Complete,
}

/// The length of the head at the start of `bytes`. `None` if it is not complete.
fn head_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let frame = bytes.get(at..)?;
        let [high, middle, low, kind, flags, ..] = *frame else { return None };
        if at > 0 && kind != CONTINUATION {
            // an error of the client, which h2 finds (RFC 9113 section 6.10)
            return Some(at);
        }
        at += FRAME_HEADER + payload_length([high, middle, low]);
        if bytes.len() < at {
            return None;
        }
        if flags & END_HEADERS != 0 {
            return Some(at);
        }
    }
}

fn payload_length([high, middle, low]: [u8; 3]) -> usize {
    usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
}

impl<T: AsyncRead + AsyncWrite + Unpin> Http2Guard<T> {
    pub(super) fn new(
        inner: T,
        bounds: Bounds,
        memory: ConnectionMemory,
        backpressure: Arc<Backpressure>,
        requests: Arc<Http2Requests>,
    ) -> Self {
        Self {
            inner,
            bounds,
            memory,
            stall: ClientStall::new(bounds.stall, Arc::clone(&backpressure)),
            backpressure,
            requests,
            left: PREFACE,
            is_in_long_head: false,
            held: Vec::new(),
            free: 0,
            given: 0,
            accepted: 0,
            deadline: None,
            reader: None,
        }
    }

    /// Follows the frames through `bytes`. Returns the number of bytes that h2 may have, and what is behind them.
    fn walk(&mut self, bytes: &[u8]) -> (usize, Stop) {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if self.left > 0 {
                let step = self.left.min(rest.len());
                self.left -= step;
                at += step;
                continue;
            }
            let [high, middle, low, kind, flags, _, _, _, _, ..] = *rest else { return (at, Stop::Partial) };
            if kind == HEADERS && !self.is_in_long_head {
                match head_length(rest) {
                    Some(_) if self.given >= HEADS_AT_ONCE || self.backpressure.is_blocked() => {
                        return (at, Stop::Complete);
                    }
                    Some(length) => {
                        self.given += 1;
                        at += length;
                        continue;
                    }
                    // h2 takes no head that is as long as that, and answers it (431)
                    None if rest.len() > self.bounds.head_bytes * 2 => self.is_in_long_head = true,
                    None => return (at, Stop::Partial),
                }
            }
            let is_head = matches!(kind, HEADERS | CONTINUATION);
            self.is_in_long_head &= !(is_head && flags & END_HEADERS != 0);
            at += FRAME_HEADER;
            self.left = payload_length([high, middle, low]);
        }
        (at, Stop::Partial)
    }

    /// Counts the bytes that h2 does not have.
    fn count_held(&mut self) -> io::Result<()> {
        let long = if self.is_in_long_head { LONG_HEAD } else { 0 };
        let counted = self.memory.count_held(self.held.capacity() + long);
        if counted { Ok(()) } else { Err(io::ErrorKind::OutOfMemory.into()) }
    }

    /// Copies the released bytes of `held` into h2's buffer.
    fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) -> io::Result<()> {
        let length = self.free.min(buffer.remaining());
        buffer.put_slice(self.held.get(..length).unwrap_or_default());
        self.held.drain(..length);
        self.free -= length;
        if self.held.is_empty() {
            // freed, not kept: hardly any connection has a second partial head
            self.held = Vec::new();
            self.count_held()?;
        }
        Ok(())
    }

    /// Reads straight into h2's buffer, then takes back the bytes that h2 must not have yet.
    fn read_through(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        self.memory.count_reading(buffer.remaining())?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        let (free, _) = self.walk(read);
        if free == read.len() {
            return Poll::Ready(Ok(true));
        }
        self.held.extend_from_slice(read.get(free..).unwrap_or_default());
        buffer.set_filled(before + free);
        self.deadline = Some(Box::pin(sleep(self.bounds.head_time)));
        self.count_held()?;
        Poll::Ready(Ok(free > 0))
    }

    /// Releases what h2 may have of the held bytes, or reads more of a partial head. Ready, with false, at the end of the stream.
    fn release(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let held = std::mem::take(&mut self.held);
        let (free, stop) = self.walk(&held);
        self.held = held;
        if free > 0 {
            self.free = free;
            self.deadline = None;
            return Poll::Ready(Ok(true));
        }
        if stop == Stop::Complete {
            if self.backpressure.is_blocked() {
                self.reader = Some(context.waker().clone());
            } else {
                // the connection gets to accept what it was given, and is then polled again
                self.given = 0;
                context.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        let head_time = self.bounds.head_time;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(head_time)));
        if deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let mut piece = [0; PIECE];
        let mut buffer = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer))?;
        self.held.extend_from_slice(buffer.filled());
        self.count_held()?;
        Poll::Ready(Ok(!buffer.filled().is_empty()))
    }

    /// Returns `written`, or an error if the client has read nothing for too long. `unsent` is what h2 has for it, in bytes.
    fn unless_stalled<R>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<R>>,
        unsent: usize,
    ) -> Poll<io::Result<R>> {
        let was_blocked = self.stall.is_running();
        let checked = self.stall.check(context, &mut self.memory, written, unsent + HEADS_UNSENT);
        if was_blocked && !self.stall.is_running() {
            self.reader.take().into_iter().for_each(Waker::wake);
        }
        checked
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Http2Guard<T> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let accepted = this.requests.accepted.load(Ordering::Relaxed);
        if accepted != this.accepted {
            (this.accepted, this.given) = (accepted, 0);
        }
        loop {
            if this.free > 0 {
                return Poll::Ready(this.hand_over(buffer));
            }
            if this.held.is_empty() {
                if ready!(this.read_through(context, buffer))? {
                    return Poll::Ready(Ok(()));
                }
            } else if !ready!(this.release(context))? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Http2Guard<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write(context, bytes);
        this.unless_stalled(context, written, bytes.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write_vectored(context, slices);
        this.unless_stalled(context, written, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // over TLS, a write is ready as soon as it is encrypted: only the flush shows that the client does not read
        let flushed = Pin::new(&mut this.inner).poll_flush(context);
        this.unless_stalled(context, flushed, 0)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::{BudgetLimits, ClientBudget, ClientKey};
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    const FRAME: &[u8] = b"\x00\x00\x02\x01\x04\x00\x00\x00\x01hd";
    const LONG: Duration = Duration::from_secs(10);
    const BOUNDS: Bounds = Bounds { head_bytes: 64, head_time: LONG, idle: LONG, stall: LONG };

    fn guarded(memory: usize) -> (Http2Guard<DuplexStream>, DuplexStream, Arc<Http2Requests>) {
        let limits = BudgetLimits { connections: 1, requests: 1, bytes: memory, client_share: 1.0 };
        let hold = ClientBudget::new(limits).account(ClientKey::Unnamed).connection(0).unwrap();
        let (ours, theirs) = duplex(64 * 1024);
        let requests = Arc::new(Http2Requests::default());
        let memory = ConnectionMemory::new(hold);
        (Http2Guard::new(ours, BOUNDS, memory, Arc::default(), Arc::clone(&requests)), theirs, requests)
    }

    #[tokio::test]
    async fn what_the_client_sends_arrives_as_it_was_however_it_is_cut() {
        let mut sent = vec![b'p'; PREFACE];
        // settings, a head in two frames, data, and a head in one
        sent.extend(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00");
        sent.extend(b"\x00\x00\x02\x01\x01\x00\x00\x00\x01hd\x00\x00\x01\x09\x04\x00\x00\x00\x01c");
        sent.extend(b"\x00\x00\x03\x00\x01\x00\x00\x00\x01dat");
        sent.extend(FRAME.repeat(20));
        for size in [1, 2, 7, 9, 24, 1000] {
            let (mut guard, mut client, _requests) = guarded(1 << 20);
            let mut got = Vec::new();
            let sending = async {
                for piece in sent.chunks(size) {
                    client.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
                client.shutdown().await.unwrap();
            };
            let ((), read) = tokio::join!(sending, guard.read_to_end(&mut got));
            read.unwrap();
            assert!(got == sent, "cut by {size}");
        }
    }

    #[tokio::test]
    async fn a_head_is_handed_on_only_when_it_is_complete() {
        let (mut guard, mut client, _requests) = guarded(1 << 20);
        client.write_all(&[b'p'; PREFACE]).await.unwrap();
        client.write_all(&FRAME[..10]).await.unwrap();
        let mut got = [0; 100];
        assert_eq!(guard.read(&mut got).await.unwrap(), PREFACE);
        let early = pingora_timeout::timeout(Duration::from_millis(30), guard.read(&mut got)).await;
        assert!(early.is_err(), "a part of a head was handed on");
        client.write_all(&FRAME[10..]).await.unwrap();
        assert_eq!(guard.read(&mut got).await.unwrap(), FRAME.len());
    }

    #[tokio::test]
    async fn a_partial_head_beyond_the_budget_ends_the_connection() {
        let (mut guard, mut client, _requests) = guarded(8);
        client.write_all(&[b'p'; PREFACE]).await.unwrap();
        let mut got = [0; 100];
        guard.read_exact(&mut got[..PREFACE]).await.unwrap();
        client.write_all(&FRAME[..10]).await.unwrap();
        assert_eq!(guard.read(&mut got).await.unwrap_err().kind(), io::ErrorKind::OutOfMemory);
    }
}
