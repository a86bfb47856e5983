//! The right to be forwarded. Forgetting to judge a request is a type error: forwarding needs one of these.

use bytes::Bytes;

/// The right to be forwarded, with what may be forwarded. Only the judge makes one.
#[derive(Debug)]
pub struct Permit {
    content: Content,
}

/// What a permit is for.
#[derive(Debug)]
pub enum Content {
    /// Exactly these bytes as the body: they were judged.
    Judged(Bytes),
    /// Whatever body the client sends: the contract has no schema for it.
    Exempt,
}

impl Permit {
    /// For the bytes that were judged.
    pub(super) const fn judged(body: Bytes) -> Self {
        Self { content: Content::Judged(body) }
    }

    /// For a request that there is nothing to judge of.
    pub(super) const fn exempt() -> Self {
        Self { content: Content::Exempt }
    }

    /// What may be forwarded.
    pub fn into_content(self) -> Content {
        self.content
    }
}
