//! The right to be forwarded. Forgetting to judge a request is a type error: forwarding needs one of these.

use crate::transport::RequestBody;
use bytes::Bytes;
use http_body::Body;

/// The right to be forwarded, with the body that may be forwarded. Only the judge makes one.
#[derive(Debug)]
pub struct Permit {
    /// The bytes that were judged. `None` if the contract has no schema for the body.
    judged: Option<Bytes>,
}

impl Permit {
    /// For the bytes that were judged.
    pub(super) const fn judged(body: Bytes) -> Self {
        Self { judged: Some(body) }
    }

    /// For a request that is exempt from judgement.
    pub(super) const fn exempt() -> Self {
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
