//! New connections to the upstream: name, TCP, TLS, HTTP/1.1.

use super::error::Unreachable;
use super::origin::Origin;
use super::pool::{Lease, Pool, Seat, drive};
use super::tls::{self, TrustError};
use crate::config::gateway::Upstream as Settings;
use crate::transport::Gathered;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pingora_timeout::timeout;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

/// Longest head of an answer, in bytes: far above what any server sends, yet a bound. The number of header lines is
/// hyper's default, 100 (as Envoy's): any other bound makes hyper allocate for each answer.
const ANSWER_HEAD_BYTES: usize = 256 * 1024;

/// How to reach the upstream: made once, shared by the workers.
#[derive(Clone)]
pub struct Connector(Arc<Route>);

struct Route {
    origin: Origin,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    connect_timeout: Duration,
    response_timeout: Duration,
    upload_timeout: Duration,
}

impl Connector {
    /// Connects to `origin` with the deadlines and trusted authorities of `settings`.
    ///
    /// # Errors
    /// [`TrustError`] when TLS is used and its authorities cannot be loaded.
    pub fn new(origin: Origin, settings: &Settings) -> Result<Self, TrustError> {
        let tls = match &origin.server_name {
            Some(name) => Some((TlsConnector::from(tls::client_config(settings.ca_file.as_deref())?), name.clone())),
            None => None,
        };
        let (connect_timeout, response_timeout) = (settings.connect_timeout, settings.response_timeout);
        let upload_timeout = settings.upload_timeout;
        Ok(Self(Arc::new(Route { origin, tls, connect_timeout, response_timeout, upload_timeout })))
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.0.origin
    }

    pub(super) fn response_timeout(&self) -> Duration {
        self.0.response_timeout
    }

    pub(super) fn upload_timeout(&self) -> Duration {
        self.0.upload_timeout
    }

    /// A new connection, whose driver runs on this worker, within the connect timeout.
    pub(super) async fn connect(&self, pool: &Arc<Pool>) -> Result<Lease, Unreachable> {
        let route = &self.0;
        let connected = timeout(route.connect_timeout, route.connect(pool)).await;
        connected.unwrap_or(Err(Unreachable::ConnectTimeout))
    }
}

impl Route {
    async fn connect(&self, pool: &Arc<Pool>) -> Result<Lease, Unreachable> {
        let (stream, peer) = self.connect_tcp().await?;
        let seat = pool.seat(peer);
        match &self.tls {
            None => handshake(stream, seat).await,
            Some((connector, name)) => {
                let stream =
                    connector.connect(name.clone(), stream).await.map_err(|error| Unreachable::from(&error))?;
                handshake(stream, seat).await
            }
        }
    }

    /// Tries the addresses in turn. Each has its share of the time that is left, so that a dead first one (such as
    /// IPv6 without a route) leaves some to the next.
    async fn connect_tcp(&self) -> Result<(TcpStream, SocketAddr), Unreachable> {
        let deadline = Instant::now() + self.connect_timeout;
        let resolved = lookup_host((self.origin.host.as_str(), self.origin.port)).await;
        let addresses: Vec<_> = resolved.map_err(|_| Unreachable::Name)?.collect();
        let mut failure = Unreachable::Name;
        for (address, waiting) in addresses.iter().zip((1..=u32::try_from(addresses.len()).unwrap_or(1)).rev()) {
            let share = deadline.saturating_duration_since(Instant::now()) / waiting;
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // without it Nagle's algorithm holds a body back until its head is acknowledged
                    let _ = stream.set_nodelay(true);
                    return Ok((stream, *address));
                }
                Ok(Err(_)) => failure = Unreachable::Refused,
                Err(_) => failure = Unreachable::ConnectTimeout,
            }
        }
        Err(failure)
    }
}

async fn handshake<T>(stream: T, seat: Arc<Seat>) -> Result<Lease, Unreachable>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.max_header_size(ANSWER_HEAD_BYTES).max_buf_size(ANSWER_HEAD_BYTES);
    let (sender, connection) =
        http.handshake(TokioIo::new(Gathered(stream))).await.map_err(|_| Unreachable::BrokenOff)?;
    tokio::spawn(drive(connection, Arc::clone(&seat)));
    Ok(Lease::new(sender, seat))
}
