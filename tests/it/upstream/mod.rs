//! Connections to the upstream.

mod client;
mod http2;
mod own_gateway;
mod tls;
