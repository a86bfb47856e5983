//! TLS to the upstream.

// the certificate is always verified: there is no setting that turns that off, on purpose

use super::tls_files::UpstreamTlsContents;
use crate::config::gateway::UpstreamHttp2;
use crate::transport::tls_client;
use rustls::{ClientConfig, ClientConnection, InconsistentKeys};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// The names of the protocols inside TLS (ALPN).
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// The TLS files of the upstream cannot be used, or the platform has no authorities.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error("`upstream.{key}` {} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The key of the configuration that names it.
        key: &'static str,
        /// The path of the file, as configured.
        path: PathBuf,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// A file does not hold what it should.
    #[error("`upstream.{key}` {} holds no {what} in PEM", path.display())]
    Empty {
        /// The key of the configuration that names it.
        key: &'static str,
        /// The path of the file, as configured.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// The file of the authorities holds an invalid certificate.
    #[error("`upstream.caFile` {} holds a certificate that cannot be trusted: {reason}", path.display())]
    Invalid {
        /// The path in `upstream.caFile`.
        path: PathBuf,
        /// What is wrong with it.
        reason: rustls::Error,
    },
    /// The certificate and its key cannot be used together.
    #[error("`upstream.clientCertificateFile` {} cannot be used: {reason}", path.display())]
    Identity {
        /// The path in `upstream.clientCertificateFile`.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The files change while they are read.
    #[error("the TLS files of `upstream` change while they are read")]
    Unstable,
    /// The machine has no certificate authorities, as in a container image from scratch.
    #[error("this machine has no certificate authorities to trust ({0}); install them or set `upstream.caFile`")]
    Platform(rustls::Error),
}

impl TrustError {
    /// The key of `upstream` at which it is reported.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Unreadable { key, .. } | Self::Empty { key, .. } => key,
            Self::Invalid { .. } => "caFile",
            Self::Identity { .. } => "clientCertificateFile",
            Self::Unstable | Self::Platform(_) => "url",
        }
    }
}

/// The TLS client configuration: TLS 1.2 and 1.3, trusting the authorities of `files` only, or else the platform's, and presenting
/// the certificate of `files`, if it has one.
// made once for all workers: loading the platform's authorities takes tens of milliseconds
pub(super) fn client_config(files: &UpstreamTlsContents, http2: UpstreamHttp2) -> Result<ClientConfig, TrustError> {
    let alpn: &[&[u8]] = match http2 {
        UpstreamHttp2::Auto => &[HTTP2, HTTP1],
        UpstreamHttp2::Never => &[HTTP1],
    };
    let (authorities, identity) = (files.authorities()?, files.identity()?);
    let path = identity.is_some().then(|| files.certificate_path()).flatten();
    tls_client(authorities, identity, alpn).map_err(|error| match (error, path) {
        (rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch), Some(path)) => TrustError::Identity {
            path,
            reason: "`upstream.clientPrivateKeyFile` has the key of another certificate".to_owned(),
        },
        (error, Some(path)) => TrustError::Identity { path, reason: error.to_string() },
        (error, None) => TrustError::Platform(error),
    })
}

/// The same without HTTP/2, for an upstream that requires HTTP/1.1 of a request.
// rare, so that it is not kept: the authorities are shared
pub(super) fn without_http2(connector: &TlsConnector) -> TlsConnector {
    let mut config = ClientConfig::clone(connector.config());
    config.alpn_protocols.retain(|protocol| protocol != HTTP2);
    TlsConnector::from(Arc::new(config))
}

/// Whether ALPN selected HTTP/2.
pub(super) fn is_http2(connection: &ClientConnection) -> bool {
    connection.alpn_protocol() == Some(HTTP2)
}
