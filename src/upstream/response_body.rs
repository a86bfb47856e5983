//! The body of a response, which holds its connection until it has been read to the end.

use super::connection::UpstreamConnection;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of the upstream's response, received no faster than it is read.
///
/// Read to its end, it returns its connection to the pool. Dropped earlier, or broken, it closes it.
// closes: the rest of one response must not be read as the beginning of the next (response splitting)
pub struct UpstreamResponseBody {
    /// A part that was read ahead.
    ahead: Option<Frame<Bytes>>,
    incoming: Incoming,
    lease: Option<UpstreamConnection>,
}

impl UpstreamResponseBody {
    pub(super) fn new(incoming: Incoming, lease: UpstreamConnection) -> Self {
        Self { ahead: None, incoming, lease: Some(lease) }
    }

    /// Reads the first part ahead, if the length is known and not zero.
    // until then nothing was sent to the client, which gets a refusal in place of a response that breaks off
    pub(super) async fn read_ahead(&mut self) -> Result<(), hyper::Error> {
        if self.is_end_stream() || self.size_hint().exact().is_none() {
            return Ok(());
        }
        match poll_fn(|context| Pin::new(&mut *self).poll_frame(context)).await {
            Some(Ok(frame)) => self.ahead = Some(frame),
            Some(Err(error)) => return Err(error),
            None => {}
        }
        Ok(())
    }

    fn give_back(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }
}

impl Body for UpstreamResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        if let Some(frame) = this.ahead.take() {
            return Poll::Ready(Some(Ok(frame)));
        }
        let polled = Pin::new(&mut this.incoming).poll_frame(context);
        match &polled {
            Poll::Ready(None) => this.give_back(),
            Poll::Ready(Some(Err(_))) => this.lease = None,
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_none() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let ahead = self.ahead.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len) as u64;
        let rest = self.incoming.size_hint();
        rest.exact().map_or(rest, |rest| SizeHint::with_exact(rest + ahead))
    }
}

impl Drop for UpstreamResponseBody {
    // a reader that knows the length stops at the last byte and never polls for the end
    fn drop(&mut self) {
        if self.incoming.is_end_stream() {
            self.give_back();
        }
    }
}

impl fmt::Debug for UpstreamResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamResponseBody").finish_non_exhaustive()
    }
}
