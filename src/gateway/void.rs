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
pub(super) enum Void {
    /// It says nothing.
    Nothing,
    /// It says something, or has not ended.
    Something,
}

impl Void {
    /// Whether there are bodies that say nothing with such a request, and it has a body.
    pub(super) fn concerns<B: Body>(request: &Request<B>) -> bool {
        takes_none(request.method()) && !request.body().is_end_stream()
    }

    /// What `body` says with `method`.
    pub(super) fn of(method: &Method, body: &[u8]) -> Self {
        let is_nothing = match body.trim_ascii() {
            b"" => true,
            b"null" | b"{}" => *method == Method::DELETE,
            _ => false,
        };
        if is_nothing { Self::Nothing } else { Self::Something }
    }

    /// Reads the body of `request`, as far as one that says nothing may go.
    pub(super) async fn read<B>(request: &mut Request<B>, longest: Duration) -> Self
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let method = request.method().clone();
        let whole = timeout(longest, whole(request.body_mut())).await;
        whole.ok().flatten().map_or(Self::Something, |body| Self::of(&method, &body))
    }
}

/// Whether no operation of the contract has a body with the method: servers differ in whether they read one.
pub(super) fn takes_none(method: &Method) -> bool {
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
    use super::Void;
    use http::Method;

    #[test]
    fn nothing_is_what_an_sdk_sends_for_nothing() {
        for (method, body, expected) in [
            (Method::DELETE, "null", Void::Nothing),
            (Method::DELETE, " {}\n", Void::Nothing),
            (Method::GET, "", Void::Nothing),
            (Method::GET, "null", Void::Something),
            (Method::DELETE, "{\"a\":1}", Void::Something),
            (Method::DELETE, "nulla", Void::Something),
        ] {
            assert_eq!(Void::of(&method, body.as_bytes()), expected, "{method} {body}");
        }
    }
}
