//! Refused TLS handshakes of clients: a counter, and at most one line of the log a minute for each reason.

use super::RefusedConnection;
use crate::telemetry::logs::RateLimitedLog;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// Why a TLS handshake of a client was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeRefusal {
    /// The client presented no certificate, and the listener requires one.
    NoClientCertificate,
    /// No authority of `clientCaFile` signed the client's certificate.
    UnknownAuthority,
    /// The client's certificate has expired.
    Expired,
    /// The client's certificate is not valid yet.
    NotYetValid,
    /// The client's certificate is in a list of `clientCrlFile`.
    Revoked,
    /// `clientCrlFile` has no list of the authority of the client's certificate, or an expired one.
    UnknownRevocation,
    /// The client's certificate has another fault, such as its purpose.
    InvalidCertificate,
    /// The client ended the handshake by an alert, as it does if it does not trust the gateway's certificate.
    ClientAlert,
    /// Client and gateway have no version, cipher or protocol in common.
    NoCommonProtocol,
    /// The client began something else than TLS on a listener with TLS.
    PlaintextOnTls,
    /// The client began TLS on a listener without.
    TlsOnPlaintext,
    /// The handshake did not end in time.
    Timeout,
    /// The client closed the connection during the handshake.
    Closed,
    /// The client's messages are not valid TLS.
    Malformed,
}

impl HandshakeRefusal {
    const ALL: [Self; 14] = [
        Self::NoClientCertificate,
        Self::UnknownAuthority,
        Self::Expired,
        Self::NotYetValid,
        Self::Revoked,
        Self::UnknownRevocation,
        Self::InvalidCertificate,
        Self::ClientAlert,
        Self::NoCommonProtocol,
        Self::PlaintextOnTls,
        Self::TlsOnPlaintext,
        Self::Timeout,
        Self::Closed,
        Self::Malformed,
    ];

    /// The value of the label `reason` and of the log field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoClientCertificate => "no_client_certificate",
            Self::UnknownAuthority => "unknown_authority",
            Self::Expired => "certificate_expired",
            Self::NotYetValid => "certificate_not_yet_valid",
            Self::Revoked => "certificate_revoked",
            Self::UnknownRevocation => "revocation_unknown",
            Self::InvalidCertificate => "certificate_invalid",
            Self::ClientAlert => "client_alert",
            Self::NoCommonProtocol => "no_common_protocol",
            Self::PlaintextOnTls => "plaintext_on_tls",
            Self::TlsOnPlaintext => "tls_on_plaintext",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Malformed => "malformed",
        }
    }

    /// The text of the log: what happened, and the fix where the cause is a setting.
    const fn message(self) -> &'static str {
        match self {
            Self::NoClientCertificate => "the client presented no certificate, which `tls.clientCaFile` requires",
            Self::UnknownAuthority => "no authority in `tls.clientCaFile` signed the client's certificate",
            Self::Expired => "the client's certificate has expired",
            Self::NotYetValid => "the client's certificate is not valid yet; check the clock of this machine",
            Self::Revoked => "the client's certificate is in a list of `tls.clientCrlFile`",
            Self::UnknownRevocation => {
                "`tls.clientCrlFile` has no valid list of the authority of the client's certificate"
            }
            Self::InvalidCertificate => {
                "the client's certificate is not acceptable, such as by its purpose or encoding"
            }
            Self::ClientAlert => {
                "the client ended it by an alert, as clients do that do not trust the certificate of the gateway"
            }
            Self::NoCommonProtocol => {
                "the client has no version, cipher or protocol in common with the gateway, which has TLS 1.3 and 1.2"
            }
            Self::PlaintextOnTls => "the client speaks plain text on a listener with `tls`: its URL needs https",
            Self::TlsOnPlaintext => "the client speaks TLS on a listener without `tls`: its URL needs http",
            Self::Timeout => "the client did not finish it within `limits.headerTimeout`",
            Self::Closed => "the client closed the connection",
            Self::Malformed => "the messages of the client are not valid TLS",
        }
    }

    /// What it is among the reasons for which connections are closed.
    const fn of_connection(self) -> RefusedConnection {
        match self {
            Self::PlaintextOnTls => RefusedConnection::PlaintextOnTls,
            Self::TlsOnPlaintext => RefusedConnection::TlsOnPlaintext,
            Self::Timeout => RefusedConnection::Timeout,
            _ => RefusedConnection::Handshake,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandshakeLabels {
    reason: &'static str,
}

/// The refused handshakes of all workers. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct RefusedHandshakes {
    counts: Family<HandshakeLabels, Counter>,
    /// One for each reason: a scanner must not suppress the line of a service whose certificate expired.
    logs: Arc<[(HandshakeRefusal, RateLimitedLog)]>,
}

impl Default for RefusedHandshakes {
    fn default() -> Self {
        let logs = HandshakeRefusal::ALL.into_iter().map(|why| (why, RateLimitedLog::new())).collect();
        Self { counts: Family::default(), logs }
    }
}

impl RefusedHandshakes {
    // every series exists from the start, so that an alert on `increase()` sees the first event
    pub(super) fn register(&self, registry: &mut Registry) {
        for why in HandshakeRefusal::ALL {
            drop(self.counts.get_or_create(&HandshakeLabels { reason: why.as_str() }));
        }
        registry.register(
            "portcullis_tls_handshakes_refused",
            "TLS handshakes of clients that did not lead to a connection",
            self.counts.clone(),
        );
    }

    /// Counts and logs it. Returns what it is among the reasons for which connections are closed.
    pub(super) fn add(&self, why: HandshakeRefusal, client: Option<IpAddr>) -> RefusedConnection {
        self.counts.get_or_create(&HandshakeLabels { reason: why.as_str() }).inc();
        let log = self.logs.iter().find(|(of, _)| *of == why);
        if let Some(suppressed) = log.and_then(|(_, log)| log.allow(Instant::now())) {
            let client_address = client.map(tracing::field::display);
            let (reason, suppressed) = (why.as_str(), suppressed.field());
            tracing::warn!(reason, client_address, suppressed, "a TLS handshake was refused: {}", why.message());
        }
        why.of_connection()
    }
}
