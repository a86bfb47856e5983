//! Why a batch did not arrive. Without words of the collector's: they could repeat what it was sent.

use std::error::Error;
use std::fmt;
use std::io;
use tonic::Code;

/// Why a batch did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExportFailure {
    /// There is no connection, or it broke.
    Unreachable(ConnectFailure),
    /// The collector answered by HTTP with this status.
    Status(u16),
    /// The collector answered by gRPC with this code.
    Code(Code),
    /// The collector knows nothing of the signal.
    Unknown,
    /// The collector took a batch, but not all of it.
    Rejected,
    /// The time for it is over.
    Timeout,
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectFailure {
    /// The system says so.
    Io(io::ErrorKind),
    /// The collector's certificate is none that is trusted for its name.
    Certificate,
    /// The handshake of TLS failed in another way.
    Tls,
}

impl ExportFailure {
    /// From what a connection says.
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

    /// Whether the same batch may arrive in a moment
    /// (<https://opentelemetry.io/docs/specs/otlp/#failures>).
    pub(super) const fn is_transient(self) -> bool {
        match self {
            Self::Unreachable(ConnectFailure::Io(_)) | Self::Status(429 | 502..=504) => true,
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

    /// In one word.
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
            Self::Unreachable(ConnectFailure::Tls) => f.write_str("the handshake of TLS failed"),
            Self::Status(status) => write!(f, "it answered {status}"),
            Self::Code(code) => write!(f, "it answered {code:?}"),
            Self::Unknown => f.write_str("it does not know this signal"),
            Self::Rejected => f.write_str("it rejected a part"),
            Self::Timeout => f.write_str("it took too long"),
        }
    }
}

impl ConnectFailure {
    fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(_)) => Self::Certificate,
            Some(_) => Self::Tls,
            None => Self::Io(error.kind()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectFailure, ExportFailure};
    use std::io;
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
        ] {
            assert_eq!(failure.is_transient(), transient, "{failure}");
        }
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
        assert_eq!(ExportFailure::Status(503).to_string(), "it answered 503");
    }
}
