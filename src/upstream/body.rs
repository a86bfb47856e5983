//! What is sent to the upstream as a request's body.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A request's body on its way to the upstream.
///
/// A concrete enum, so that forwarding neither boxes nor allocates.
#[derive(Debug)]
pub enum UpstreamBody {
    /// The very bytes that were judged; sent with an exact `Content-Length`.
    Judged(Full<Bytes>),
    /// A body nothing was to be judged of, passed on as it arrives and no faster than the upstream reads.
    Streamed(Incoming),
    /// No body.
    Empty,
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Judged(bytes) => Pin::new(bytes)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Self::Streamed(incoming) => Pin::new(incoming).poll_frame(context),
            Self::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Judged(bytes) => bytes.is_end_stream(),
            Self::Streamed(incoming) => incoming.is_end_stream(),
            Self::Empty => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Judged(bytes) => bytes.size_hint(),
            Self::Streamed(incoming) => incoming.size_hint(),
            Self::Empty => SizeHint::with_exact(0),
        }
    }
}
