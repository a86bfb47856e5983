//! How bytes travel, to clients and to the upstream: the connection's writes, and the body of a forwarded request.

mod coalescing_stream;
mod request_body;

pub use coalescing_stream::CoalescingStream;
pub use request_body::RequestBody;
