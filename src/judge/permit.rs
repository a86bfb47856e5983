//! The permit to forward a request.
//!
//! Forgetting to judge a request is a type error: forwarding takes a [`Permit`], and only the judge makes one.

use crate::transport::RequestBody;
use bytes::Bytes;
use http_body::Body;

/// The permit to forward a request, with the body that may be forwarded.
//
// Neither `Clone` nor constructible outside the judge: one judgement lets exactly one request pass.
#[derive(Debug)]
pub struct Permit {
    /// The bytes that were judged. `None` if the contract has no schema for the body.
    judged: Option<Bytes>,
}

impl Permit {
    /// A permit for the bytes that were judged.
    pub(super) const fn for_judged(body: Bytes) -> Self {
        Self { judged: Some(body) }
    }

    /// A permit for a request with nothing to judge.
    pub(super) const fn for_exempt() -> Self {
        Self { judged: None }
    }

    /// The bytes that were judged. `None` if the request is exempt.
    pub const fn judged_body(&self) -> Option<&Bytes> {
        self.judged.as_ref()
    }

    /// The body to forward: the judged bytes, or else the client's own body.
    pub fn into_body<B: Body>(self, client: B) -> RequestBody<B> {
        match self.judged {
            // the client's body was read to its end; nothing but what was judged may follow it
            Some(bytes) => RequestBody::Buffered(bytes.into()),
            None if client.is_end_stream() => RequestBody::Empty,
            None => RequestBody::Streamed(client),
        }
    }
}
