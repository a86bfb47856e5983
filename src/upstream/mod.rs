//! Keep-alive connections to the upstream (the BAPI).
//!
//! One [`UpstreamClient`] a worker; all share one [`UpstreamConnector`], which holds what is expensive to make (the trusted
//! certificates). A request goes [`framing`] > [`http1_pool`] or [`http2_pool`], or else [`connect`] > hyper, and its answer's body, once read to the
//! end, puts the connection back ([`response_body`]).

mod client;
mod connect;
mod connection;
mod error;
mod framing;
mod http1_pool;
mod http2_pool;
mod origin;
mod response_body;
mod tls;
mod upload;

/// The body of a request to the upstream.
pub type UpstreamBody = crate::transport::RequestBody<hyper::body::Incoming>;
pub use client::{Answered, Attempt, Failed, UpstreamClient};
pub use connect::UpstreamConnector;
pub use error::{CertificateFault, Unreachable, UpstreamError};
pub use origin::{Origin, OriginError};
pub use response_body::UpstreamResponseBody;
pub use tls::TrustError;
