//! What several topics of the integration tests share.

pub mod authority;
pub mod client;
pub mod handler;
pub mod proxy;
pub mod recorder;
