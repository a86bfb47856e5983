//! Accepts connections and hands each to a worker.
//!
//! One acceptor owns the listening sockets and gives every connection to the worker with the fewest; a worker is a
//! thread with a runtime of its own, so that a request and its upstream connection never leave one core. Left to the
//! kernel (`SO_REUSEPORT`) connections would be spread by a hash, which at 32 connections is far from even.

mod accept_loop;
mod balancer;
mod connection;
mod drain_report;
mod handshake;
mod head_guard;
mod head_ledger;
mod http2_activity;
mod http_service;
mod http_settings;
mod lifecycle;
mod listener;
mod settings;
mod socket;
mod supervisor;
mod tcp;
mod tls;
mod unix_socket;
mod worker;

pub use connection::Peer;
pub use drain_report::DrainReport;
pub use http_service::HttpService;
pub use lifecycle::{Server, ServerStartError};
pub use listener::{BoundListener, ListenerAddress};
pub use settings::ServerSettings;
pub use tcp::{ListenError, listen};
pub use tls::{ReloadableTls, TlsError};
pub use unix_socket::{UnixListenError, listen_unix};
pub use worker::WorkerIndex;
