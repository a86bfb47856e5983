//! How bytes travel, to clients and to the upstream: the connection's writes, and the body of a forwarded request.

mod gathered;
mod request_body;

pub use gathered::Gathered;
pub use request_body::RequestBody;
