//! Keep-alive connections to the upstream (the BAPI).
//!
//! One [`Upstream`] a worker; all share one [`Connector`], which holds what is expensive to make (the trusted
//! certificates). A request goes [`framing`] > [`pool`] or [`multiplex`], or else [`connect`] > hyper, and its answer's body, once read to the
//! end, puts the connection back ([`answer`]).

mod answer;
mod body;
mod client;
mod connect;
mod error;
mod framing;
mod lease;
mod multiplex;
mod origin;
mod pool;
mod tls;
mod upload;

pub use answer::UpstreamResponseBody;
pub use body::UpstreamBody;
pub use client::{Answered, Attempt, Failed, Upstream};
pub use connect::Connector;
pub use error::{CertificateFault, Unreachable, UpstreamError};
pub use origin::{Origin, OriginError};
pub use tls::TrustError;
