//! The gateway under test, and connections to it.

use super::case::Place;
use super::frames::{PREFACE, SETTINGS, take};
use crate::transport::tls_client;
use pingora_timeout::timeout;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Timeout for the first HTTP/2 frame of the gateway.
const GREETING: Duration = Duration::from_secs(2);

/// The gateway under test.
#[derive(Clone)]
pub struct Target {
    host: String,
    address: SocketAddr,
    /// The TLS connectors; `None` for an `http` URL.
    tls: Option<TargetTls>,
}

#[derive(Clone)]
struct TargetTls {
    http1: TlsConnector,
    http2: TlsConnector,
    name: ServerName<'static>,
}

/// The target or its certificate authorities are invalid.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The URL is invalid.
    #[error("`--target` {0}")]
    Url(&'static str),
    /// The certificate authorities cannot be used.
    #[error("`--ca-file` {0}")]
    Authorities(String),
}

/// A connection to the gateway, with or without TLS.
pub(super) trait TargetStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> TargetStream for T {}

impl Target {
    /// The gateway at `url`, with the certificate authorities of `ca_file`, or the platform's.
    ///
    /// # Errors
    /// When the URL is invalid or has no address, or the authorities cannot be used.
    pub fn new(url: &str, ca_file: Option<&Path>) -> Result<Self, TargetError> {
        let (host, port, is_tls) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(host), _) => (host, 80, false),
            (_, Some(host)) => (host, 443, true),
            _ => return Err(TargetError::Url("must begin with `http://` or `https://`")),
        };
        let host = host.trim_end_matches('/');
        let named = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
        let mut addresses = named.to_socket_addrs().map_err(|_| TargetError::Url("is not a host that can be found"))?;
        let address = addresses.next().ok_or(TargetError::Url("has no address"))?;
        let name = named.rsplit_once(':').map_or(named.as_str(), |(name, _)| name).trim_matches(['[', ']']);
        let tls = if is_tls { Some(TargetTls::new(name, ca_file)?) } else { None };
        Ok(Self { host: host.to_owned(), address, tls })
    }

    /// The origin, as clients name it.
    pub(super) fn place(&self) -> Place<'_> {
        Place { scheme: if self.tls.is_some() { "https" } else { "http" }, host: &self.host }
    }

    /// Connects once, to find out whether the gateway is there.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn reach(&self) -> io::Result<()> {
        self.http1().await.map(drop)
    }

    /// A connection for HTTP/1.1.
    pub(super) async fn http1(&self) -> io::Result<Box<dyn TargetStream>> {
        self.connect(self.tls.as_ref().map(|tls| (&tls.http1, &tls.name))).await
    }

    /// A connection for HTTP/2.
    pub(super) async fn http2(&self) -> io::Result<Box<dyn TargetStream>> {
        self.connect(self.tls.as_ref().map(|tls| (&tls.http2, &tls.name))).await
    }

    async fn connect(&self, tls: Option<(&TlsConnector, &ServerName<'static>)>) -> io::Result<Box<dyn TargetStream>> {
        let stream = TcpStream::connect(self.address).await?;
        // many small writes: Nagle's algorithm would delay each case
        let _ = stream.set_nodelay(true);
        Ok(match tls {
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
            None => Box::new(stream),
        })
    }

    /// Whether the gateway supports HTTP/2: its first frame is SETTINGS (RFC 9113, section 3.4).
    pub(super) async fn speaks_http2(&self) -> bool {
        let greeting = async {
            let mut stream = self.http2().await?;
            stream.write_all(PREFACE).await?;
            let mut buffer = Vec::new();
            loop {
                if let Some(frame) = take(&mut buffer) {
                    return Ok(frame.kind == SETTINGS);
                }
                // a response in HTTP/1.1, read as a frame, would announce megabytes that never come
                if stream.read_buf(&mut buffer).await? == 0 || buffer.starts_with(b"HTTP/") {
                    return io::Result::Ok(false);
                }
            }
        };
        matches!(timeout(GREETING, greeting).await, Ok(Ok(true)))
    }
}

impl TargetTls {
    fn new(name: &str, ca_file: Option<&Path>) -> Result<Self, TargetError> {
        let name = ServerName::try_from(name.to_owned()).map_err(|_| TargetError::Url("is not a name of TLS"))?;
        let trusted = ca_file.map(authorities).transpose().map_err(TargetError::Authorities)?;
        // one protocol each, so that the server cannot choose the other
        let connector = |protocol: &[u8]| {
            let config = tls_client(trusted.clone(), None, &[protocol]);
            let config = config.map_err(|error| TargetError::Authorities(error.to_string()))?;
            Ok(TlsConnector::from(Arc::new(config)))
        };
        Ok(Self { http1: connector(b"http/1.1")?, http2: connector(b"h2")?, name })
    }
}

fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        authorities.add(certificate).map_err(|error| error.to_string())?;
    }
    if authorities.is_empty() { Err("holds no certificate in PEM".to_owned()) } else { Ok(authorities) }
}
