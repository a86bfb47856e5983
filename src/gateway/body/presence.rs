//! Bodies that say nothing where none belongs: Clerk's SDK for Go sends `null` with each DELETE, and some clients end a request
//! without a body by an empty frame or chunk. Such a body is read, found to say nothing, and not forwarded.

use bytes::Bytes;
use http::{Method, Request};
use http_body::Body;
use pingora_timeout::timeout;
use std::pin::Pin;
use std::time::Duration;

/// Longest body that is read to find out, in bytes.
const LONGEST: usize = 16;

/// What was found of the body of a request that has none by its method; kept with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum BodyPresence {
    /// It says nothing.
    Empty,
    /// It says something, or has not ended.
    Present,
}

impl BodyPresence {
    /// Whether there are bodies that say nothing with such a request, and it has a body.
    pub(in crate::gateway) fn is_in_doubt<B: Body>(request: &Request<B>) -> bool {
        forbids_body(request.method()) && !request.body().is_end_stream()
    }

    /// What `body` says with `method`.
    pub(in crate::gateway) fn classify(method: &Method, body: &[u8]) -> Self {
        let is_nothing = match body.trim_ascii() {
            b"" => true,
            b"null" | b"{}" => *method == Method::DELETE,
            _ => false,
        };
        if is_nothing { Self::Empty } else { Self::Present }
    }

    /// Reads the body of `request`, as far as one that says nothing may go.
    pub(in crate::gateway) async fn read<B>(request: &mut Request<B>, longest: Duration) -> Self
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let method = request.method().clone();
        let whole = timeout(longest, whole(request.body_mut())).await;
        whole.ok().flatten().map_or(Self::Present, |body| Self::classify(&method, &body))
    }
}

/// Whether no operation of the contract has a body with the method: servers differ in whether they read one.
pub(in crate::gateway) fn forbids_body(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::DELETE)
}

/// None where it is longer, or broken.
async fn whole<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        // trailers are not forwarded
        let Ok(data) = frame.ok()?.into_data() else { continue };
        whole.extend_from_slice(&data);
        if whole.len() > LONGEST {
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
    fn nothing_is_what_an_sdk_sends_for_nothing() {
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
