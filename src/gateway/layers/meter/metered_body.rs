//! An answer's body; when it ends, the request is no longer under way.

use super::counters::HeldSlots;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of an answer to a request that limits count.
#[derive(Debug)]
pub struct MeteredBody<U> {
    body: U,
    counted: Option<HeldSlots>,
}

impl<U> MeteredBody<U> {
    /// `body`, which ends what is `counted`.
    pub(super) const fn new(body: U, counted: Option<HeldSlots>) -> Self {
        Self { body, counted }
    }
}

impl<U: Body<Data = Bytes> + Unpin> Body for MeteredBody<U> {
    type Data = Bytes;
    type Error = U::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, U::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            this.counted = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
