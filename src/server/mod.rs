//! Accepts connections and hands each to a worker.
//!
//! One accept loop owns the listening sockets and gives each connection to the worker with the fewest. A worker is a thread
//! with a runtime of its own, so that a request and its upstream connection never leave one core.

// not `SO_REUSEPORT`: the kernel would spread connections by a hash, which is far from even at 32 connections

mod accept_loop;
mod balancer;
mod client_stall;
mod connection;
mod connection_memory;
mod drain_report;
mod freed_memory;
mod handshake;
mod head_guard;
mod head_ledger;
mod http1_connection;
mod http2_activity;
mod http2_guard;
mod http_service;
mod http_settings;
mod inherited_sockets;
mod lifecycle;
mod listener;
mod settings;
mod socket;
mod spiffe;
mod supervisor;
mod tcp;
mod tls;
mod unix_socket;
mod worker;

pub use connection::Peer;
pub use drain_report::DrainReport;
pub use http_service::HttpService;
pub use inherited_sockets::{InheritedAddress, InheritedSockets};
pub use lifecycle::{Server, ServerStartError};
pub use listener::{BoundListener, ListenerAddress, SocketHandover};
pub use settings::ServerSettings;
pub use tcp::{ListenError, listen, listen_only_ipv6};
pub use tls::{ReloadableTls, TlsError};
pub use unix_socket::{UnixListenError, listen_unix};
pub use worker::WorkerIndex;
