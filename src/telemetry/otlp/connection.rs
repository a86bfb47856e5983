//! Connections to the collector, with or without TLS, for both protocols.

use super::failure::ProxyFailure;
use super::settings::{ClientFiles, ExporterSettings, OtlpProtocol};
use crate::transport::{ConnectTunnel, InterimBoundStream, InterimResponses, connect_first, tls_client};
use http::Uri;
use http::uri::Scheme;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
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
    /// Host and port of the proxy, and tunnels through it to the collector. `None` if there is no proxy.
    proxy: Option<(String, u16, ConnectTunnel)>,
    tls: Option<TlsConnector>,
}

impl OtlpConnector {
    /// A connector for these settings.
    pub(super) fn new(settings: &ExporterSettings) -> Result<Self, BoxError> {
        if !settings.tls() {
            return Ok(Self::plain());
        }
        // each protocol is offered alone: a collector must not pick one that the client does not use
        let alpn: &[u8] = match settings.protocol {
            OtlpProtocol::HttpProtobuf => b"http/1.1",
            OtlpProtocol::Grpc => b"h2",
        };
        let config = client_config(settings, alpn)?;
        let proxy = settings.proxy.as_ref();
        let proxy =
            proxy.map(|proxy| (proxy.host().to_owned(), proxy.port(), ConnectTunnel::new(proxy, &settings.endpoint)));
        Ok(Self { tls: Some(TlsConnector::from(Arc::new(config))), proxy })
    }

    /// A connector without TLS.
    pub(super) fn plain() -> Self {
        Self { proxy: None, tls: None }
    }

    /// Connects to the host and port of `uri`.
    pub(super) async fn connect(self, uri: Uri) -> io::Result<Connection> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 });
        let plain = self.connect_tcp(&host, port).await?;
        let stream: Box<dyn CollectorStream> = match self.tls {
            None => Box::new(plain),
            Some(tls) => {
                let name = ServerName::try_from(host).map_err(io::Error::other)?;
                Box::new(tls.connect(name, plain).await?)
            }
        };
        Ok(TokioIo::new(stream))
    }
}

impl OtlpConnector {
    /// A connection whose bytes are the collector's: to it, or to the proxy once that has opened a tunnel.
    async fn connect_tcp(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let Some((proxy, port, tunnel)) = &self.proxy else { return dial(host, port).await };
        let failed = |failure: ProxyFailure| io::Error::other(failure);
        let connected = dial(proxy, *port).await;
        let mut stream = connected.map_err(|error| failed(ProxyFailure::Io(error.kind())))?;
        tunnel.open(&mut stream).await.map_err(|error| failed(ProxyFailure::Tunnel(error)))?;
        Ok(stream)
    }
}

// no timeout here: the exporter has a deadline for the whole batch
async fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses: Vec<_> = lookup_host((host, port)).await?.collect();
    Ok(connect_first(&addresses, |_| {}).await?.0)
}

fn client_config(settings: &ExporterSettings, alpn: &[u8]) -> Result<ClientConfig, BoxError> {
    let trusted = settings.certificate.as_deref().map(authorities).transpose()?;
    let identity = match &settings.client {
        None => None,
        Some(ClientFiles { certificate, key }) => {
            let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
            Some((chain, PrivateKeyDer::from_pem_file(key)?))
        }
    };
    Ok(tls_client(trusted, identity, &[alpn])?)
}

fn authorities(path: &Path) -> Result<RootCertStore, BoxError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
    }
    // an empty file would trust no collector, which fails later and with a less useful error
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
        let connection = self.clone().connect(uri);
        Box::pin(async move {
            // h2 would keep each interim response until the deadline of the batch
            let bounded = InterimBoundStream::http2(connection.await?.into_inner(), Arc::<InterimResponses>::default());
            Ok(TokioIo::new(Box::new(bounded) as Box<dyn CollectorStream>))
        })
    }
}

impl fmt::Debug for OtlpConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtlpConnector")
    }
}
