//! Why a batch was not delivered.

use crate::transport::TunnelError;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;
use tonic::Code;

/// Why a batch was not delivered.
// Never has the text of a response: its status is enough, and proxies respond with pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExportFailure {
    /// The connection could not be opened, or broke.
    Unreachable(ConnectFailure),
    /// The collector responded with this HTTP status.
    Status(u16),
    /// The collector responded with this gRPC code.
    Code(Code),
    /// The collector does not know the signal.
    Unknown,
    /// The collector accepted the batch, but not all its items.
    Rejected,
    /// The deadline was reached.
    Timeout,
}

/// A failed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExportError {
    pub(super) failure: ExportFailure,
    /// How long the collector asks to wait before the next request.
    pub(super) retry_after: Option<Duration>,
}

impl ExportError {
    /// Whether a retry may succeed.
    pub(super) const fn is_transient(self) -> bool {
        // exhausted for a time only if the collector names it: it may also be a quota of the month
        let is_exhausted = matches!(self.failure, ExportFailure::Code(Code::ResourceExhausted));
        self.failure.is_transient() || is_exhausted && self.retry_after.is_some()
    }
}

impl From<ExportFailure> for ExportError {
    fn from(failure: ExportFailure) -> Self {
        Self { failure, retry_after: None }
    }
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectFailure {
    /// An I/O error.
    Io(io::ErrorKind),
    /// The collector's certificate is not trusted for its name.
    Certificate,
    /// The TLS handshake failed for another reason.
    Tls,
    /// There is no connection through the proxy.
    Proxy(ProxyFailure),
}

/// Why there is no connection through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProxyFailure {
    /// An I/O error of the connection to the proxy.
    #[error("no connection to the proxy: {0}")]
    Io(io::ErrorKind),
    /// It opened no tunnel.
    #[error("the proxy {0}")]
    Tunnel(TunnelError),
}

impl ProxyFailure {
    /// Whether a retry may succeed.
    const fn is_transient(self) -> bool {
        matches!(self, Self::Io(_) | Self::Tunnel(TunnelError::Closed | TunnelError::Refused(502..=504)))
    }
}

impl ExportFailure {
    /// From the error of a connection.
    pub(super) fn unreachable(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return Self::Unreachable(ConnectFailure::of(error));
            }
            cause = error.source();
        }
        Self::Unreachable(ConnectFailure::Io(io::ErrorKind::Other))
    }

    /// Whether a retry may succeed (<https://opentelemetry.io/docs/specs/otlp/#failures>).
    pub(super) const fn is_transient(self) -> bool {
        match self {
            Self::Unreachable(ConnectFailure::Io(_)) | Self::Status(429 | 502..=504) => true,
            Self::Unreachable(ConnectFailure::Proxy(failure)) => failure.is_transient(),
            Self::Code(code) => matches!(
                code,
                Code::Cancelled
                    | Code::DeadlineExceeded
                    | Code::Aborted
                    | Code::OutOfRange
                    | Code::Unavailable
                    | Code::DataLoss
            ),
            Self::Unreachable(_) | Self::Status(_) | Self::Unknown | Self::Rejected | Self::Timeout => false,
        }
    }

    /// The kind of the failure, for a log field.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Status(_) | Self::Code(_) | Self::Rejected => "refused",
            Self::Unknown => "unknown_signal",
            Self::Timeout => "timeout",
        }
    }
}

impl fmt::Display for ExportFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(ConnectFailure::Io(kind)) => write!(f, "no connection: {kind}"),
            Self::Unreachable(ConnectFailure::Certificate) => {
                f.write_str("its certificate is not trusted for its name")
            }
            Self::Unreachable(ConnectFailure::Tls) => f.write_str("the TLS handshake failed"),
            Self::Unreachable(ConnectFailure::Proxy(failure)) => failure.fmt(f),
            Self::Status(status) => write!(f, "it responded with {status}"),
            Self::Code(code) => write!(f, "it responded with {code:?}"),
            Self::Unknown => f.write_str("it does not know this signal"),
            Self::Rejected => f.write_str("it rejected a part"),
            Self::Timeout => f.write_str("it took too long"),
        }
    }
}

impl ConnectFailure {
    fn of(error: &io::Error) -> Self {
        if let Some(failure) = error.get_ref().and_then(|inner| inner.downcast_ref::<ProxyFailure>()) {
            return Self::Proxy(*failure);
        }
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(_)) => Self::Certificate,
            Some(_) => Self::Tls,
            None => Self::Io(error.kind()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectFailure, ExportError, ExportFailure, ProxyFailure, TunnelError};
    use std::io;
    use std::time::Duration;
    use tonic::Code;

    #[test]
    fn what_may_be_over_in_a_moment_is_tried_again() {
        for (failure, transient) in [
            (ExportFailure::Status(503), true),
            (ExportFailure::Status(429), true),
            (ExportFailure::Status(400), false),
            (ExportFailure::Code(Code::Unavailable), true),
            (ExportFailure::Code(Code::InvalidArgument), false),
            (ExportFailure::Unreachable(ConnectFailure::Io(io::ErrorKind::ConnectionRefused)), true),
            (ExportFailure::Unreachable(ConnectFailure::Certificate), false),
            (ExportFailure::Timeout, false),
            (ExportFailure::Unreachable(ConnectFailure::Proxy(ProxyFailure::Tunnel(TunnelError::Closed))), true),
            (ExportFailure::Unreachable(ConnectFailure::Proxy(ProxyFailure::Tunnel(TunnelError::Refused(403)))), false),
        ] {
            assert_eq!(failure.is_transient(), transient, "{failure}");
        }
    }

    #[test]
    fn an_exhausted_collector_is_asked_again_if_it_names_the_time() {
        let failure = ExportFailure::Code(Code::ResourceExhausted);
        assert!(!ExportError::from(failure).is_transient());
        assert!(ExportError { failure, retry_after: Some(Duration::ZERO) }.is_transient());
        let refused = ExportError { failure: ExportFailure::Status(400), retry_after: Some(Duration::ZERO) };
        assert!(!refused.is_transient());
    }

    #[test]
    fn a_cause_is_told_and_no_word_of_anyone_elses() {
        let io = |error| ExportFailure::unreachable(&error).to_string();
        assert_eq!(
            io(io::Error::new(io::ErrorKind::ConnectionRefused, "hunter2")),
            "no connection: connection refused"
        );
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        assert_eq!(io(io::Error::new(io::ErrorKind::InvalidData, tls)), "its certificate is not trusted for its name");
        assert_eq!(ExportFailure::Status(503).to_string(), "it responded with 503");
    }
}
