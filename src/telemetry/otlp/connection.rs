//! Connections to the collector, with or without TLS, for both protocols.

use super::failure::ProxyFailure;
use super::settings::{ClientFiles, ExporterSettings, OtlpProtocol};
use crate::transport::{ConnectTunnel, InterimBoundStream, InterimResponses, tcp_connector, tls_client};
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;
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
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower::Service as _;

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
    tcp: HttpConnector<GaiResolver>,
    /// The proxy, and tunnels through it to the collector. `None` if there is no proxy.
    proxy: Option<(Uri, ConnectTunnel)>,
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
        let proxy = proxy.map(|proxy| (proxy.uri(), ConnectTunnel::new(proxy, &settings.endpoint)));
        Ok(Self { tls: Some(TlsConnector::from(Arc::new(config))), proxy, ..Self::plain() })
    }

    /// A connector without TLS.
    pub(super) fn plain() -> Self {
        // no timeout here: the exporter has a deadline for the whole batch
        Self { tcp: tcp_connector(GaiResolver::new(), None), proxy: None, tls: None }
    }

    /// Connects to the host and port of `uri`.
    pub(super) async fn connect(mut self, uri: Uri) -> io::Result<Connection> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let plain = self.connect_tcp(uri).await?;
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
    async fn connect_tcp(&mut self, uri: Uri) -> io::Result<TcpStream> {
        let next = self.proxy.as_ref().map_or(uri, |(proxy, _)| proxy.clone());
        let connected = self.tcp.call(next).await.map_err(|error| io_error(Box::new(error)));
        let Some((_, tunnel)) = &self.proxy else { return Ok(connected?.into_inner()) };
        let failed = |failure: ProxyFailure| io::Error::other(failure);
        let mut stream = connected.map_err(|error| failed(ProxyFailure::Io(error.kind())))?.into_inner();
        tunnel.open(&mut stream).await.map_err(|error| failed(ProxyFailure::Tunnel(error)))?;
        Ok(stream)
    }
}

/// The error of the connector, whose own type is private, with the kind of the `io::Error` among its causes.
fn io_error(error: BoxError) -> io::Error {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&*error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind().into();
        }
        cause = error.source();
    }
    io::Error::other(error)
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
