//! Errors of the upstream.

// closed enums with fixed texts, and no source errors: nothing here can hold a part of a request or of a response

use super::proxy::ProxyFault;
use crate::telemetry::record::{UnconnectedCause, UnsentCause};
use crate::transport::TunnelError;

/// Why there is no response from the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// There is no connection, it broke off, or the response is invalid.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// It did not respond within `upstream.responseTimeout`.
    #[error("the upstream did not respond within `upstream.responseTimeout`")]
    Timeout,
    /// The client broke off its upload, so that the request cannot be completed.
    #[error("the client broke off its upload")]
    UploadBrokenOff,
    /// The client's upload did not end within `upstream.uploadTimeout`.
    #[error("the body did not arrive within `upstream.uploadTimeout`")]
    UploadTooSlow,
    /// The client sent no byte of its upload for `limits.bodyTimeout`.
    #[error("no byte of the body arrived within `limits.bodyTimeout`")]
    UploadStalled,
}

/// Why the upstream is unreachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// Its name has no address.
    #[error("the upstream's name could not be resolved")]
    Name,
    /// This process has no free file descriptor.
    #[error("the gateway has no free file descriptor for a connection to the upstream")]
    NoDescriptor,
    /// It is this gateway, which the address of a name shows.
    #[error("the upstream leads back to this gateway: change `upstream.url`")]
    Itself,
    /// No address accepts connections.
    #[error("the upstream refuses connections")]
    Refused,
    /// There is no Unix socket at the configured path.
    #[error("the upstream's socket does not exist; the program that listens on it may not run")]
    NoSocket,
    /// This process may not connect to the Unix socket.
    #[error("the gateway has no permission to connect to the upstream's socket")]
    SocketDenied,
    /// There is no connection through the proxy.
    #[error("the proxy {0}")]
    Proxy(ProxyFault),
    /// No connection, TLS included, within `upstream.connectTimeout`.
    #[error("no connection to the upstream within `upstream.connectTimeout`")]
    ConnectTimeout,
    /// Its certificate is not acceptable.
    #[error("the upstream's certificate {0}")]
    Certificate(CertificateFault),
    /// The TLS handshake failed for another reason than the certificate.
    #[error("the TLS handshake with the upstream failed")]
    Handshake,
    /// It closed or reset the connection before its response.
    #[error("the upstream closed the connection before it responded")]
    BrokenOff,
    /// The response ended before the first byte of its body, of which it has the length.
    #[error("the upstream's response is shorter than its `Content-Length`")]
    ShortBody,
    /// The response is not valid HTTP, or its head is too long.
    #[error("the upstream's response is not valid HTTP")]
    Garbage,
    /// The `Content-Length` of the response is not one number.
    #[error("the upstream's response has a `Content-Length` that is not one number")]
    ContentLength,
    /// The body has a transfer coding other than `chunked`.
    #[error("the upstream's response has a `Transfer-Encoding` other than `chunked`")]
    TransferCoding,
    /// More interim responses, or bytes of them, than are read before the final one.
    #[error("the upstream sent more than 16 interim (1xx) responses, or more than 64 KiB of them")]
    InterimResponses,
    /// It responded with 101, although no forwarded request asks for another protocol.
    #[error("the upstream switched protocols unasked")]
    SwitchedProtocols,
}

impl Unreachable {
    /// What it is, for a connection that could not be opened.
    pub(super) const fn unconnected_cause(self) -> UnconnectedCause {
        match self {
            Self::Name => UnconnectedCause::Name,
            Self::NoDescriptor => UnconnectedCause::NoDescriptor,
            Self::Itself => UnconnectedCause::Itself,
            Self::Refused | Self::NoSocket | Self::SocketDenied => UnconnectedCause::Refused,
            Self::ConnectTimeout => UnconnectedCause::Timeout,
            Self::Certificate(_) => UnconnectedCause::Certificate,
            Self::Proxy(ProxyFault::Name) => UnconnectedCause::ProxyName,
            Self::Proxy(ProxyFault::Refused) => UnconnectedCause::ProxyRefused,
            Self::Proxy(ProxyFault::Timeout) => UnconnectedCause::ProxyTimeout,
            Self::Proxy(ProxyFault::Tunnel(error)) => match error {
                TunnelError::CredentialsRequired | TunnelError::CredentialsRefused => {
                    UnconnectedCause::ProxyCredentials
                }
                TunnelError::Refused(_) => UnconnectedCause::ProxyStatus,
                TunnelError::Garbage | TunnelError::Closed => UnconnectedCause::ProxyResponse,
            },
            // the others are of responses: before one, a connection breaks off in its handshake alone
            _ => UnconnectedCause::Handshake,
        }
    }
}

/// Why the upstream's certificate is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// No trusted authority signed it.
    #[error("is not signed by a trusted authority; `upstream.caFile` names those to trust")]
    Untrusted,
    /// It is for another host.
    #[error("is not for the host in `upstream.url`")]
    OtherName,
    /// It has expired.
    #[error("has expired")]
    Expired,
    /// It is not valid yet, often because this machine's clock is wrong.
    #[error("is not valid yet; check the clock of this machine")]
    NotYetValid,
    /// It was revoked.
    #[error("was revoked")]
    Revoked,
    /// Anything else, such as a wrong encoding or purpose.
    #[error("is not acceptable")]
    Invalid,
}

impl From<&rustls::CertificateError> for CertificateFault {
    fn from(error: &rustls::CertificateError) -> Self {
        use rustls::CertificateError as E;
        match error {
            // rustls reports an authority of the same name with another key as a bad signature
            E::UnknownIssuer | E::BadSignature => Self::Untrusted,
            E::NotValidForName | E::NotValidForNameContext { .. } => Self::OtherName,
            E::Expired | E::ExpiredContext { .. } => Self::Expired,
            E::NotValidYet | E::NotValidYetContext { .. } => Self::NotYetValid,
            E::Revoked => Self::Revoked,
            _ => Self::Invalid,
        }
    }
}

impl From<&std::io::Error> for Unreachable {
    /// Classifies the error of a TLS handshake, which tokio-rustls wraps in an `io::Error`.
    fn from(error: &std::io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(fault)) => Self::Certificate(fault.into()),
            Some(_) => Self::Handshake,
            None => Self::BrokenOff,
        }
    }
}

/// The error of a stream or connection in HTTP/2.
fn http2_error(error: &hyper::Error) -> Option<&h2::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

/// Why the upstream has not processed the request of this error. `None` if it may have.
// guaranteed by RFC 9113: section 8.7 (REFUSED_STREAM), 6.8 (a stream above the last of a GOAWAY, which alone h2 reports as
// remote), and section 7 (HTTP_1_1_REQUIRED)
pub(super) fn unsent_cause(error: &hyper::Error) -> Option<UnsentCause> {
    let error = http2_error(error).filter(|error| error.is_remote())?;
    match error.reason()? {
        h2::Reason::HTTP_1_1_REQUIRED => Some(UnsentCause::Http1Required),
        h2::Reason::REFUSED_STREAM => Some(UnsentCause::RefusedStream),
        _ => error.is_go_away().then_some(UnsentCause::GoneAway),
    }
}

impl From<&hyper::Error> for UpstreamError {
    fn from(error: &hyper::Error) -> Self {
        match error {
            e if e.is_parse() || http2_error(e).is_some_and(h2::Error::is_library) => {
                Self::Unreachable(Unreachable::Garbage)
            }
            _ => Self::Unreachable(Unreachable::BrokenOff),
        }
    }
}
