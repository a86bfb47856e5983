//! Accepts connections and hands each to a worker.
//!
//! One acceptor owns the listening sockets and gives every connection to the worker with the fewest; a worker is a
//! thread with a runtime of its own, so that a request and its upstream connection never leave one core. Left to the
//! kernel (`SO_REUSEPORT`) connections would be spread by a hash, which at 32 connections is far from even.

mod accept;
mod activity;
mod balance;
mod connection;
mod drain;
mod http;
mod listen;
mod listener;
mod opening;
mod passed;
mod service;
mod settings;
mod socket;
mod start;
mod supervise;
mod tls;
mod unix;
mod watched;
mod worker;

pub use connection::Peer;
pub use drain::Drained;
pub use listen::{ListenError, listen};
pub use listener::{Endpoint, Listener};
pub use service::Answers;
pub use settings::Settings;
pub use start::{Server, StartError};
pub use tls::{Tls, TlsError};
pub use unix::{UnixListenError, listen_unix};
pub use worker::WorkerIndex;
