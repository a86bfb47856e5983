//! How bytes travel, to clients and to the upstream: the connection's writes, and the body of a forwarded request.

mod coalescing_stream;
mod interim_responses;
mod request_body;
mod tcp_connector;
mod tls_client;

pub use coalescing_stream::CoalescingStream;
pub use interim_responses::{InterimBoundStream, InterimResponses};
pub use request_body::{RequestBody, frame_by_body};
pub use tcp_connector::tcp_connector;
pub use tls_client::tls_client;
