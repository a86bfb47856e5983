//! Empty bodies of requests whose method has none.
//!
//! Clerk's SDK for Go sends `null` with each DELETE, and some clients end a request without a body by an empty frame or
//! chunk. Such a body is read, found to be empty, and not forwarded.

use bytes::Bytes;
use http::{Method, Request};
use http_body::Body;
use pingora_timeout::timeout;
use std::pin::Pin;
use std::time::Duration;

/// Longest body that is read to find out, in bytes.
const MAX_BYTES: usize = 16;

/// Whether a request whose method has no body has one all the same. An extension of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum BodyPresence {
    /// It has none, or one without content.
    Empty,
    /// It has one, or one that did not end in time.
    Present,
}

impl BodyPresence {
    /// Whether the body has to be read to find out.
    pub(in crate::gateway) fn is_in_doubt<B: Body>(request: &Request<B>) -> bool {
        forbids_body(request.method()) && !request.body().is_end_stream()
    }

    /// Whether `body` counts as one with `method`.
    pub(in crate::gateway) fn classify(method: &Method, body: &[u8]) -> Self {
        let is_empty = match body.trim_ascii() {
            b"" => true,
            // what the SDKs send for no parameters
            b"null" | b"{}" => *method == Method::DELETE,
            _ => false,
        };
        if is_empty { Self::Empty } else { Self::Present }
    }

    /// Reads the body of `request`, no further than an empty one can be long.
    pub(in crate::gateway) async fn read<B>(request: &mut Request<B>, longest: Duration) -> Self
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let method = request.method().clone();
        let whole = timeout(longest, collect(request.body_mut())).await;
        whole.ok().flatten().map_or(Self::Present, |body| Self::classify(&method, &body))
    }
}

/// Whether the method has no body: no operation of the contract has one with it, and servers differ in whether they read it.
pub(in crate::gateway) fn forbids_body(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::DELETE)
}

/// Collects the body. `None` if it is longer than [`MAX_BYTES`] or broken.
async fn collect<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        // trailers are neither judged nor forwarded
        let Ok(data) = frame.ok()?.into_data() else { continue };
        whole.extend_from_slice(&data);
        if whole.len() > MAX_BYTES {
            return None;
        }
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::BodyPresence;
    use http::Method;

    #[test]
    fn an_empty_body_is_what_sdks_send_for_no_parameters() {
        for (method, body, expected) in [
            (Method::DELETE, "null", BodyPresence::Empty),
            (Method::DELETE, " {}\n", BodyPresence::Empty),
            (Method::GET, "", BodyPresence::Empty),
            (Method::GET, "null", BodyPresence::Present),
            (Method::DELETE, "{\"a\":1}", BodyPresence::Present),
            (Method::DELETE, "nulla", BodyPresence::Present),
        ] {
            assert_eq!(BodyPresence::classify(&method, body.as_bytes()), expected, "{method} {body}");
        }
    }
}
