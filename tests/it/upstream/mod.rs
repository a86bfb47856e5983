//! Connections to the upstream.

mod addresses;
mod client;
mod client_certificate;
mod http2;
mod http2_offer;
mod own_gateway;
mod proxy;
mod tls;
mod unix_socket;
