//! Metrics of the server: refused connections and restarted workers.

use super::handshakes::{HandshakeRefusal, RefusedHandshakes};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::net::IpAddr;

/// Metrics of the server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct ServerMetrics {
    worker_restarts: Counter,
    refused: Family<RefusedConnectionLabels, Counter>,
    handshakes: RefusedHandshakes,
}

/// Why a connection was closed before its first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedConnection {
    /// The client began TLS on a listener without TLS.
    TlsOnPlaintext,
    /// The client began something else on a listener with TLS.
    PlaintextOnTls,
    /// The TLS handshake failed, or the client's certificate was not accepted.
    Handshake,
    /// The client did not finish the handshake or begin a request in time.
    Timeout,
    /// The client holds as many connections or as much memory as one may, or there is no memory left.
    Overloaded,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedConnectionLabels {
    reason: &'static str,
}

impl RefusedConnection {
    const ALL: [Self; 5] =
        [Self::TlsOnPlaintext, Self::PlaintextOnTls, Self::Handshake, Self::Timeout, Self::Overloaded];

    /// The value of the label `reason` and of the log field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TlsOnPlaintext => "tls_on_plaintext",
            Self::PlaintextOnTls => "plaintext_on_tls",
            Self::Handshake => "handshake",
            Self::Timeout => "timeout",
            Self::Overloaded => "overloaded",
        }
    }
}

impl ServerMetrics {
    // every series exists from the start, so that an alert on `increase()` sees the first event
    pub(in crate::telemetry) fn register(&self, registry: &mut Registry) {
        for refused in RefusedConnection::ALL {
            drop(self.refused.get_or_create(&RefusedConnectionLabels { reason: refused.as_str() }));
        }
        registry.register(
            "portcullis_worker_restarts",
            "Workers that died and were restarted",
            self.worker_restarts.clone(),
        );
        registry.register(
            "portcullis_connections_refused",
            "Connections closed before their first request",
            self.refused.clone(),
        );
        self.handshakes.register(registry);
    }

    /// Counts a worker that died and is restarted.
    pub fn worker_restarted(&self) {
        self.worker_restarts.inc();
    }

    /// Number of workers that died.
    pub fn worker_restarts(&self) -> u64 {
        self.worker_restarts.get()
    }

    /// Counts a connection closed before its first request.
    pub fn connection_refused(&self, why: RefusedConnection) {
        self.refused.get_or_create(&RefusedConnectionLabels { reason: why.as_str() }).inc();
    }

    /// Counts a refused TLS handshake of `client`, and logs it if no other of this reason was logged within a minute.
    pub fn handshake_refused(&self, why: HandshakeRefusal, client: Option<IpAddr>) {
        self.connection_refused(self.handshakes.add(why, client));
    }

    /// Number of connections closed for this reason.
    pub fn connections_refused(&self, why: RefusedConnection) -> u64 {
        self.refused.get_or_create(&RefusedConnectionLabels { reason: why.as_str() }).get()
    }
}
