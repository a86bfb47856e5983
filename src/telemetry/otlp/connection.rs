//! Connections to the collector, with or without TLS, for both protocols.

use super::settings::{ClientFiles, ExporterSettings, OtlpProtocol};
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Any error of a connection. Only its kind is logged.
pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// A byte stream, with or without TLS.
pub(super) trait CollectorStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> CollectorStream for T {}

/// A connection, with or without TLS.
pub(super) type Connection = TokioIo<Box<dyn CollectorStream>>;

/// Opens connections. TLS is verified with the platform's certificate authorities, or those of the file that the
/// variables name.
#[derive(Clone)]
pub(super) struct OtlpConnector {
    tls: Option<TlsConnector>,
}

impl OtlpConnector {
    /// A connector for these settings.
    pub(super) fn new(settings: &ExporterSettings) -> Result<Self, BoxError> {
        if !settings.tls() {
            return Ok(Self { tls: None });
        }
        let mut config = client_config(settings)?;
        // each protocol is offered alone: a collector must not pick one that the client does not use
        config.alpn_protocols = match settings.protocol {
            OtlpProtocol::HttpProtobuf => vec![b"http/1.1".to_vec()],
            OtlpProtocol::Grpc => vec![b"h2".to_vec()],
        };
        Ok(Self { tls: Some(TlsConnector::from(Arc::new(config))) })
    }

    #[cfg(test)]
    pub(super) const fn plain() -> Self {
        Self { tls: None }
    }

    /// Connects to the host and port of `uri`.
    pub(super) async fn connect(self, uri: Uri) -> io::Result<Connection> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let plain = TcpStream::connect((host, port)).await?;
        plain.set_nodelay(true)?;
        let stream: Box<dyn CollectorStream> = match self.tls {
            None => Box::new(plain),
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
                Box::new(tls.connect(name, plain).await?)
            }
        };
        Ok(TokioIo::new(stream))
    }
}

fn client_config(settings: &ExporterSettings) -> Result<ClientConfig, BoxError> {
    let builder =
        ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions()?;
    let verified = match &settings.certificate {
        None => builder.with_platform_verifier()?,
        Some(path) => builder.with_root_certificates(authorities(path)?),
    };
    Ok(match &settings.client {
        None => verified.with_no_client_auth(),
        Some(ClientFiles { certificate, key }) => {
            let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
            verified.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?
        }
    })
}

fn authorities(path: &Path) -> Result<RootCertStore, BoxError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
    }
    // an empty file would trust nobody, which fails later and with a less useful error
    if roots.is_empty() {
        return Err("the file has no certificate".into());
    }
    Ok(roots)
}

// tonic takes a connector as a service
impl tower::Service<Uri> for OtlpConnector {
    type Response = Connection;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Connection>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

impl fmt::Debug for OtlpConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtlpConnector")
    }
}
