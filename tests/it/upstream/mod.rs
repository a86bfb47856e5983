//! Connections to the upstream.

mod client;
mod http2;
mod http2_offer;
mod own_gateway;
mod proxy;
mod tls;
