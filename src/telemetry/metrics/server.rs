//! What the server counts: connections that came to nothing, and workers that died.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What the server counts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct ServerMetrics {
    worker_restarts: Counter,
    refused: Family<RefusedConnectionLabels, Counter>,
}

/// Why a connection was closed before its first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedConnection {
    /// It spoke TLS where plain HTTP is spoken.
    TlsOnPlaintext,
    /// It did not speak TLS where only TLS is spoken.
    PlaintextOnTls,
    /// TLS could not be agreed on, or its certificate was not accepted.
    Handshake,
    /// It had not begun a request, nor ended its handshake, in time.
    Timeout,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedConnectionLabels {
    reason: &'static str,
}

impl RefusedConnection {
    const ALL: [Self; 4] = [Self::TlsOnPlaintext, Self::PlaintextOnTls, Self::Handshake, Self::Timeout];

    /// The word used in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TlsOnPlaintext => "tls_on_plaintext",
            Self::PlaintextOnTls => "plaintext_on_tls",
            Self::Handshake => "handshake",
            Self::Timeout => "timeout",
        }
    }
}

impl ServerMetrics {
    /// With every series there from the start, so that the first event is seen as a rise.
    pub(in crate::telemetry) fn register(&self, registry: &mut Registry) {
        for refused in RefusedConnection::ALL {
            drop(self.refused.get_or_create(&RefusedConnectionLabels { reason: refused.as_str() }));
        }
        registry.register(
            "portcullis_worker_restarts",
            "Workers that died and were started again",
            self.worker_restarts.clone(),
        );
        registry.register(
            "portcullis_connections_refused",
            "Connections closed before their first request",
            self.refused.clone(),
        );
    }

    /// Counts a worker that died and is started again.
    pub fn worker_restarted(&self) {
        self.worker_restarts.inc();
    }

    /// Workers that died so far.
    pub fn worker_restarts(&self) -> u64 {
        self.worker_restarts.get()
    }

    /// Counts a connection closed before its first request.
    pub fn connection_refused(&self, why: RefusedConnection) {
        self.refused.get_or_create(&RefusedConnectionLabels { reason: why.as_str() }).inc();
    }

    /// Connections closed so far for this reason.
    pub fn connections_refused(&self, why: RefusedConnection) -> u64 {
        self.refused.get_or_create(&RefusedConnectionLabels { reason: why.as_str() }).get()
    }
}
