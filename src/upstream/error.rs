//! Why the upstream gave no answer. Closed words only: nothing here can hold a part of a request or of an answer.

/// Why there is no answer from the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No connection to it, or it broke off, or it answered garbage.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// It did not answer within `upstream.responseTimeout`.
    #[error("the upstream did not answer within `upstream.responseTimeout`")]
    Timeout,
    /// The client's own upload broke off, so there was nothing to finish the request with.
    #[error("the client broke off its upload")]
    UploadBrokenOff,
    /// The client's upload did not end within `upstream.uploadTimeout`.
    #[error("the body did not arrive within `upstream.uploadTimeout`")]
    UploadTooSlow,
}

/// What went wrong between us and the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// Its name has no address.
    #[error("the upstream's name could not be resolved")]
    Name,
    /// None of its addresses accepts connections.
    #[error("the upstream refuses connections")]
    Refused,
    /// No connection, TLS included, within `upstream.connectTimeout`.
    #[error("no connection to the upstream within `upstream.connectTimeout`")]
    ConnectTimeout,
    /// Its certificate was not accepted.
    #[error("the upstream's certificate {0}")]
    Certificate(CertificateFault),
    /// TLS could not be agreed on, for a reason other than the certificate.
    #[error("the TLS handshake with the upstream failed")]
    Handshake,
    /// It closed or reset the connection before it had answered.
    #[error("the upstream broke off the connection before it answered")]
    BrokenOff,
    /// What it sent is not an HTTP/1.1 answer, or its head is longer than the gateway reads.
    #[error("the upstream's answer is not valid HTTP")]
    Garbage,
    /// It answered 101, although nothing the gateway forwards asks for another protocol.
    #[error("the upstream switched protocols unasked")]
    SwitchedProtocols,
}

/// Why the upstream's certificate was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// No trusted authority signed it.
    #[error("is not signed by a trusted authority; `upstream.caFile` names those to trust")]
    Untrusted,
    /// It is for another host.
    #[error("is not for the host in `upstream.url`")]
    OtherName,
    /// It is past its end.
    #[error("has expired")]
    Expired,
    /// It is not valid yet; often our clock is wrong.
    #[error("is not valid yet; check the clock of this machine")]
    NotYetValid,
    /// Its authority took it back.
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
            // a bad signature is what another authority of the same name looks like
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
    /// The error of a TLS handshake, which tokio-rustls wraps as an input or output error.
    fn from(error: &std::io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(fault)) => Self::Certificate(fault.into()),
            Some(_) => Self::Handshake,
            None => Self::BrokenOff,
        }
    }
}

impl From<&hyper::Error> for UpstreamError {
    fn from(error: &hyper::Error) -> Self {
        match error {
            e if e.is_parse() => Self::Unreachable(Unreachable::Garbage),
            _ => Self::Unreachable(Unreachable::BrokenOff),
        }
    }
}
