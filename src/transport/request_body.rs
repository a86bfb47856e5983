//! The body of a request that may be forwarded.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of a forwarded request; `B` is the client's own.
///
/// `Permit::into_body` makes it: what was judged is what is sent.
#[derive(Debug)]
// an enum, not a boxed `dyn Body`: every forwarded request has one, and a box would cost it an allocation
pub enum RequestBody<B> {
    /// The bytes that were judged, with their exact length.
    Buffered(Full<Bytes>),
    /// The client's body of an exempt request: passed on as it arrives, no faster than the receiver reads.
    Streamed(B),
    /// No body.
    Empty,
}

impl<B: Body<Data = Bytes> + Unpin> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.get_mut() {
            Self::Buffered(bytes) => Pin::new(bytes)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Self::Streamed(body) => Pin::new(body).poll_frame(context),
            Self::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Buffered(bytes) => bytes.is_end_stream(),
            Self::Streamed(body) => body.is_end_stream(),
            Self::Empty => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Buffered(bytes) => bytes.size_hint(),
            Self::Streamed(body) => body.size_hint(),
            Self::Empty => SizeHint::with_exact(0),
        }
    }
}

/// Frames a request by `body`, never by the framing with which it was received (RFC 9112 section 6.3).
// a `Content-Length` or `Transfer-Encoding` that is left would be of a body that was read already
pub fn frame_by_body<B: Body<Data = Bytes> + Unpin>(method: &Method, headers: &mut HeaderMap, body: &RequestBody<B>) {
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    match body.size_hint().exact() {
        Some(0) if !expects_body(method) => {}
        Some(length) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        None => {}
    }
}

/// Whether the method defines a meaning for a body, so that an empty one needs `Content-Length: 0` (RFC 9110 section 8.6).
// some servers refuse an empty `PATCH` without it with 411
fn expects_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}
