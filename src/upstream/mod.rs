//! Keep-alive connections to the upstream (the BAPI), directly or through a proxy.
//!
//! Each worker has an [`UpstreamClient`]; all share one [`UpstreamConnector`], which holds the trusted certificates. A request
//! is framed ([`framing`]) and sent on a pooled connection ([`http1_pool`], [`http2_pool`]) or a new one ([`connect`], [`dial`],
//! [`tls`]). The body of its response, once read to the end, returns the connection to the pool ([`response_body`]).

mod addresses;
mod backoff;
mod client;
mod connect;
mod connection;
mod dial;
mod early_response;
mod error;
mod framing;
mod http1_pool;
mod http2_pool;
mod origin;
mod own_listeners;
mod proxy;
mod response_body;
mod response_length;
mod tcp;
mod tls;
mod tls_files;
mod trouble;
mod upload;

/// What is sent to the upstream: judged bytes, or a client's body as it arrives.
pub type UpstreamBody = crate::transport::RequestBody<hyper::body::Incoming>;
pub use client::{Answered, Attempt, Failed, SendObserver, UpstreamClient};
pub use connect::UpstreamConnector;
pub use error::{CertificateFault, Unreachable, UpstreamError};
pub use origin::{Origin, OriginError};
pub use proxy::ProxyFault;
pub use response_body::UpstreamResponseBody;
pub use tls::TrustError;
pub use trouble::UpstreamTrouble;
