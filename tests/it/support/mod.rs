//! What several topics of the integration tests share.

pub(crate) mod collector;
