//! The body of a response; its last byte frees what the request holds of the budget.

use crate::budget::{Account, Hold};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pingora_timeout::sleep;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Longest piece that is copied out of the buffer it was received in, which may be many times as long.
const COPIED: usize = 16 * 1024;

/// Pause before memory for the next piece is asked for again.
const PAUSE: Duration = Duration::from_millis(20);

/// The body of a response to a request that counts in `limits.inFlight` and `limits.memoryBytes`.
///
/// In HTTP/2 each piece holds its memory until it is written: h2 takes a response whether or not the client reads it, and holds
/// it after the body has ended. In HTTP/1 the connection counts what its client does not read.
pub struct CountedBody<U> {
    body: U,
    hold: Option<Hold>,
    pieces: Option<Pieces>,
}

/// The pieces of a response in HTTP/2.
struct Pieces {
    account: Arc<Account>,
    has_begun: bool,
    /// Memory for the next piece.
    next: Option<Hold>,
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// A piece of a response, with the memory that it takes.
struct Piece {
    bytes: Bytes,
    _memory: Option<Hold>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<U> CountedBody<U> {
    /// Wraps `body`, whose end frees `hold`. `by_piece` is whether each piece holds memory until it is written.
    pub(in crate::gateway) fn new(body: U, hold: Option<Hold>, by_piece: bool) -> Self {
        let account = hold.as_ref().filter(|_| by_piece).map(|hold| hold.account().clone());
        let pieces = account.map(|account| Pieces { account, has_begun: false, next: None, pause: None });
        Self { body, hold, pieces }
    }
}

impl Pieces {
    /// Waits for memory for the next piece. The first is paid by the request.
    fn poll_memory(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.has_begun && self.next.is_none() {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
            }
            self.next = self.account.memory(COPIED);
            if self.next.is_none() {
                self.pause = Some(Box::pin(sleep(PAUSE)));
            }
        }
        Poll::Ready(())
    }

    /// `bytes`, with the memory they take. The last piece has what the request holds.
    fn piece(&mut self, bytes: &Bytes, request: &mut Option<Hold>, is_last: bool) -> Bytes {
        self.has_begun = true;
        let memory =
            if is_last { request.take() } else { self.next.take().or_else(|| self.account.memory(bytes.len())) };
        let mut memory = memory.or_else(|| request.take());
        if let Some(memory) = &mut memory {
            // if it does not fit, the next piece has to wait
            let _ = memory.grow_to(bytes.len());
        }
        let bytes = if bytes.len() <= COPIED { Bytes::copy_from_slice(bytes) } else { bytes.clone() };
        Bytes::from_owner(Piece { bytes, _memory: memory })
    }
}

impl<U: Body<Data = Bytes> + Unpin> Body for CountedBody<U> {
    type Data = Bytes;
    type Error = U::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, U::Error>>> {
        let this = self.get_mut();
        if let Some(pieces) = &mut this.pieces {
            ready!(pieces.poll_memory(context));
        }
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            // freed at the end, not when hyper drops the body: a connection may keep that until its next request
            this.hold = None;
        }
        let Some(pieces) = &mut this.pieces else { return polled };
        let is_last = this.body.is_end_stream();
        polled.map_ok(|frame| frame.map_data(|bytes| pieces.piece(&bytes, &mut this.hold, is_last)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<U> fmt::Debug for CountedBody<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountedBody").field("hold", &self.hold).finish_non_exhaustive()
    }
}
