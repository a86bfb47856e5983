//! Reads what is left of a request body after its response was made.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// Maximum number of bytes that are discarded of one body; more than the largest upload of the BAPI.
const MAX_DISCARDED: usize = 64 * 1024 * 1024;

/// Answers a request only when its body was read, whatever the handler read of it.
// hyper closes a connection whose body is unread, and a client that is still sending then gets EPIPE in place of the response
pub(super) async fn drain_body(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = SharedBody(Arc::new(Mutex::new(body)));
    let mut rest = body.clone();
    let response = next.run(Request::from_parts(parts, Body::new(body))).await;
    let mut discarded = 0;
    while !rest.is_end_stream() && discarded < MAX_DISCARDED {
        // the response is made: an upload that breaks off changes nothing of it
        let Some(Ok(frame)) = rest.frame().await else { break };
        discarded += frame.data_ref().map_or(0, bytes::Buf::remaining);
    }
    response
}

/// A body that the handler reads first, and the drain after it: never both at once.
#[derive(Clone)]
struct SharedBody(Arc<Mutex<Body>>);

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
