//! New connections to the upstream: name, TCP, TLS, and the version of HTTP that TLS agreed on.

use super::client::ConnectionPools;
use super::connection::UpstreamConnection;
use super::error::Unreachable;
use super::origin::Origin;
use super::tls::{self, TrustError};
use super::{http1_pool, http2_pool};
use crate::config::gateway::UpstreamConfig as Settings;
use crate::transport::CoalescingStream;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use pingora_timeout::timeout;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

/// Longest head of an answer, in bytes: four times what Node.js takes, yet a bound; and as much of a body is held for a
/// client that does not read it. The number of header lines is hyper's default, 100 (as Envoy's): any other bound makes hyper
/// allocate for each answer.
const ANSWER_HEAD_BYTES: u32 = 64 * 1024;

/// Bytes of an answer in HTTP/2 that the upstream may send before they are read.
const STREAM_WINDOW: u32 = 128 * 1024;
/// As many as all streams together, so that a client that reads slowly holds back no answer but its own.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * http2_pool::STREAMS;
/// How often an upstream in HTTP/2 that owes an answer is asked whether it is there. A lost connection would take all
/// its requests along, each to the end of its deadline.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// Longest time for it to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A new connection, and the time in the handshake where it is by TLS.
type Connected = (UpstreamConnection, Option<Duration>);

/// How to reach the upstream: made once, shared by the workers.
#[derive(Clone)]
pub struct UpstreamConnector(Arc<Route>);

struct Route {
    origin: Origin,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    connect_timeout: Duration,
    response_timeout: Duration,
    upload_timeout: Duration,
}

impl UpstreamConnector {
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

    /// A new connection, whose driver runs on this worker, within the connect timeout; and the time in TLS's handshake.
    pub(super) async fn connect(&self, connections: &ConnectionPools) -> Result<Connected, Unreachable> {
        let route = &self.0;
        // apart from the future of a request, which few connections begin in: a handshake's state is many times as large
        let connected = timeout(route.connect_timeout, Box::pin(route.connect(connections))).await;
        connected.unwrap_or(Err(Unreachable::ConnectTimeout))
    }
}

impl Route {
    async fn connect(&self, connections: &ConnectionPools) -> Result<Connected, Unreachable> {
        let (stream, peer) = self.connect_tcp().await?;
        let Some((connector, name)) = &self.tls else { return Ok((version1(stream, peer, connections).await?, None)) };
        let clock = Instant::now();
        let stream = connector.connect(name.clone(), stream).await.map_err(|error| Unreachable::from(&error))?;
        let handshake = clock.elapsed();
        let connection = if tls::is_http2(stream.get_ref().1) {
            version2(stream, peer, connections).await?
        } else {
            version1(stream, peer, connections).await?
        };
        Ok((connection, Some(handshake)))
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

async fn version1<T>(
    stream: T,
    peer: SocketAddr,
    connections: &ConnectionPools,
) -> Result<UpstreamConnection, Unreachable>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.max_header_size(ANSWER_HEAD_BYTES as usize).max_buf_size(ANSWER_HEAD_BYTES as usize);
    let (sender, connection) =
        http.handshake(TokioIo::new(CoalescingStream(stream))).await.map_err(|_| Unreachable::BrokenOff)?;
    let entry = connections.pool.register(peer, connections.open.track());
    tokio::spawn(http1_pool::drive(connection, Arc::clone(&entry)));
    Ok(UpstreamConnection::Http1(http1_pool::PooledConnection::new(sender, entry)))
}

async fn version2<T>(
    stream: T,
    peer: SocketAddr,
    connections: &ConnectionPools,
) -> Result<UpstreamConnection, Unreachable>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_header_list_size(ANSWER_HEAD_BYTES)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    let (sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(|_| Unreachable::BrokenOff)?;
    let multiplex = &connections.multiplex;
    let stream = multiplex.share(sender, peer, connections.open.track());
    tokio::spawn(http2_pool::drive(connection, stream.connection(), Arc::downgrade(multiplex)));
    Ok(UpstreamConnection::Http2(stream))
}
