//! How bytes travel, to clients, to the upstream and to collectors: the connection's writes, the body of a forwarded request, and
//! the way out of the network.

mod certificate_end;
mod coalescing_stream;
mod connect_first;
mod connect_tunnel;
mod egress_proxy;
mod interim_responses;
mod request_body;
mod this_machine;
mod tls_client;

pub use certificate_end::certificate_end;
pub use coalescing_stream::CoalescingStream;
pub use connect_first::connect_first;
pub use connect_tunnel::{ConnectTunnel, TunnelError};
pub use egress_proxy::{EgressProxy, ProxyUrlError};
pub use interim_responses::{InterimBoundStream, InterimResponses};
pub use request_body::{RequestBody, frame_by_body};
pub use this_machine::{is_localhost, is_this_machine};
pub use tls_client::tls_client;
