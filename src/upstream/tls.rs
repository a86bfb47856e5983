//! TLS to the upstream.

// the certificate is always verified: there is no setting that turns that off, on purpose

use crate::config::gateway::UpstreamHttp2;
use crate::transport::tls_client;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// The names of the protocols inside TLS (ALPN).
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// The trusted certificate authorities cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read, or is not PEM.
    #[error("`upstream.caFile` {} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The path in `upstream.caFile`.
        path: PathBuf,
        /// What is wrong with it.
        reason: rustls::pki_types::pem::Error,
    },
    /// The file holds no certificate.
    #[error("`upstream.caFile` {} holds no certificate in PEM", path.display())]
    Empty {
        /// The path in `upstream.caFile`.
        path: PathBuf,
    },
    /// The file holds an invalid certificate.
    #[error("`upstream.caFile` {} holds a certificate that cannot be trusted: {reason}", path.display())]
    Invalid {
        /// The path in `upstream.caFile`.
        path: PathBuf,
        /// What is wrong with it.
        reason: rustls::Error,
    },
    /// The machine has no certificate authorities, as in a container image from scratch.
    #[error("this machine has no certificate authorities to trust ({0}); install them or set `upstream.caFile`")]
    Platform(rustls::Error),
}

/// The TLS client configuration: TLS 1.2 and 1.3, trusting the authorities of `ca_file` only, or else the platform's.
// made once for all workers: loading the platform's authorities takes tens of milliseconds
pub(super) fn client_config(ca_file: Option<&Path>, http2: UpstreamHttp2) -> Result<Arc<ClientConfig>, TrustError> {
    let authorities = ca_file.map(authorities).transpose()?;
    let alpn: &[&[u8]] = match http2 {
        UpstreamHttp2::Auto => &[HTTP2, HTTP1],
        UpstreamHttp2::Never => &[HTTP1],
    };
    Ok(Arc::new(tls_client(authorities, None, alpn).map_err(TrustError::Platform)?))
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

fn authorities(path: &Path) -> Result<RootCertStore, TrustError> {
    let unreadable = |reason| TrustError::Unreadable { path: path.to_owned(), reason };
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        let certificate = certificate.map_err(unreadable)?;
        // an invalid certificate is an error and not skipped, because the operator counts on each in the file being trusted
        authorities.add(certificate).map_err(|reason| TrustError::Invalid { path: path.to_owned(), reason })?;
    }
    if authorities.is_empty() {
        return Err(TrustError::Empty { path: path.to_owned() });
    }
    Ok(authorities)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn error_for(content: &[u8]) -> (String, String) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let error = client_config(Some(file.path()), UpstreamHttp2::Auto).unwrap_err();
        (error.to_string(), file.path().display().to_string())
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = client_config(Some(Path::new("/nowhere/ca.pem")), UpstreamHttp2::Auto).unwrap_err();
        assert!(matches!(error, TrustError::Unreadable { .. }));
        assert!(error.to_string().starts_with("`upstream.caFile` /nowhere/ca.pem cannot be read"), "{error}");
    }

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let (error, path) = error_for(b"not a certificate\n");
        assert_eq!(error, format!("`upstream.caFile` {path} holds no certificate in PEM"));
    }

    #[test]
    fn a_broken_certificate_is_refused_rather_than_skipped() {
        let (error, path) = error_for(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assert!(error.contains(&path) && error.contains("cannot be trusted"), "{error}");
    }
}
