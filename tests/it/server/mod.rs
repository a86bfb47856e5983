//! Connections, heads and protocols, over real sockets.

mod client_pools;
mod connections;
mod handshakes;
mod heads;
mod http2;
mod http2_frames;
mod listeners;
mod memory;
mod resource_limits;
