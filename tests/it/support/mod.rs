//! What several topics of the integration tests share.

pub(crate) mod authority;
pub(crate) mod client;
pub(crate) mod closed_port;
pub(crate) mod collector;
pub(crate) mod connect_proxy;
pub(crate) mod gateway;
pub(crate) mod handler;
pub(crate) mod http2;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod recorder;
pub(crate) mod source;
pub(crate) mod tail;
pub(crate) mod telemetry;
