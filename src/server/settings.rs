//! The server's part of the configuration.

use crate::config::gateway::Gateway;
use std::time::Duration;

/// The server's part of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// Number of worker threads, at least one.
    pub workers: usize,
    /// Most open connections, over all workers.
    pub connections: usize,
    /// Longest head of a request, in bytes.
    pub header_bytes: usize,
    /// Longest time for a head to arrive, from its first byte to its last.
    pub header_timeout: Duration,
    /// Longest time for a connection to be idle.
    pub idle_timeout: Duration,
    /// Longest time for which a connection is used.
    pub connection_age: Duration,
}

impl From<&Gateway> for ServerSettings {
    fn from(gateway: &Gateway) -> Self {
        Self {
            workers: gateway.workers,
            connections: gateway.limits.connections,
            header_bytes: gateway.limits.header_bytes,
            header_timeout: gateway.limits.header_timeout,
            idle_timeout: gateway.limits.idle_timeout,
            connection_age: gateway.limits.connection_age,
        }
    }
}
