//! The body of a response; its end frees the request's concurrency slots.

use super::counters::HeldSlots;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of a response to a request that limits count.
#[derive(Debug)]
pub struct MeteredBody<U> {
    body: U,
    slots: Option<HeldSlots>,
}

impl<U> MeteredBody<U> {
    /// Wraps `body`, whose end frees `slots`.
    pub(super) const fn new(body: U, slots: Option<HeldSlots>) -> Self {
        Self { body, slots }
    }
}

impl<U: Body<Data = Bytes> + Unpin> Body for MeteredBody<U> {
    type Data = Bytes;
    type Error = U::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, U::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            // freed at the end, not when hyper drops the body: a connection may keep that until its next request
            this.slots = None;
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
