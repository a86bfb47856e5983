//! New connections to the upstream: TCP, TLS, and the version of HTTP that TLS negotiated.

use super::addresses::AddressBook;
use super::backoff::Backoff;
use super::client::ConnectionPools;
use super::connection::UpstreamConnection;
use super::dial::{DialedAddress, DialedStream, Dialer};
use super::early_response::EarlyResponseStream;
use super::error::Unreachable;
use super::origin::Origin;
use super::own_listeners::OwnListeners;
use super::tls::{self, TrustError};
use super::tls_files::ReloadableTlsClient;
use super::trouble::UpstreamTrouble;
use super::{http1_pool, http2_pool};
use crate::config::gateway::{UpstreamConfig as Settings, UpstreamHttp2};
use crate::transport::{CoalescingStream, InterimBoundStream, InterimResponses};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use pingora_timeout::timeout;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};

/// Longest head of a response, in bytes: four times what Node.js accepts. As much of a body is buffered for a client that
/// does not read it.
// the number of header lines stays at hyper's default, 100 (as Envoy's): any other bound makes hyper allocate for each response
const RESPONSE_HEAD_BYTES: u32 = 64 * 1024;

/// Flow-control window of an HTTP/2 stream: bytes of a response that the upstream may send before they are read. The price of a
/// response has room for it.
const STREAM_WINDOW: u32 = 64 * 1024;
/// Flow-control window of an HTTP/2 connection.
// as large as all of its streams' together, so that a client that reads slowly holds back no response but its own
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * http2_pool::STREAMS;
/// Interval of pings on an HTTP/2 connection with requests in flight.
// a lost connection would otherwise hold each of its requests until that one's deadline
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// Longest time for the response to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A new connection, and the time of its TLS handshake. `None` without TLS.
type Connected = (UpstreamConnection, Option<Duration>);

/// The versions of HTTP that a new connection offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProtocolOffer {
    /// Those of the configuration.
    Configured,
    /// HTTP/1.1 alone.
    Http1,
}

/// Opens connections to the upstream. Made once and shared by the workers, because loading certificates is expensive.
#[derive(Clone)]
pub struct UpstreamConnector {
    route: Arc<Route>,
    own: OwnListeners,
}

struct Route {
    origin: Origin,
    dialer: Dialer,
    backoff: Backoff,
    tls: Option<(ReloadableTlsClient, ServerName<'static>)>,
    offers_http2: bool,
    connect_timeout: Duration,
    response_timeout: Duration,
    upload_timeout: Duration,
    stall_timeout: Duration,
    trouble: UpstreamTrouble,
}

impl UpstreamConnector {
    /// Connects to `origin` with the deadlines and trusted authorities of `settings`.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if TLS is used and its authorities cannot be loaded.
    pub fn new(origin: Origin, settings: &Settings) -> Result<Self, TrustError> {
        let tls = match &origin.server_name {
            Some(name) => Some((ReloadableTlsClient::load(settings)?, name.clone())),
            None => None,
        };
        // without TLS there is no ALPN, which negotiates it
        let offers_http2 = tls.is_some() && settings.http2 == UpstreamHttp2::Auto;
        let (connect_timeout, response_timeout) = (settings.connect_timeout, settings.response_timeout);
        let (upload_timeout, stall_timeout) = (settings.upload_timeout, settings.stall_timeout);
        let route = Route {
            dialer: Dialer::new(&origin, settings),
            backoff: Backoff::default(),
            origin,
            tls,
            offers_http2,
            connect_timeout,
            response_timeout,
            upload_timeout,
            stall_timeout,
            trouble: UpstreamTrouble::new(),
        };
        Ok(Self { route: Arc::new(route), own: OwnListeners::default() })
    }

    /// Refuses connections to `listeners`, which are those of this process.
    // A request carries no mark of the gateway, such as `Via`, by which one that comes back through other proxies could be
    // recognized: the upstream gets what the client sent. Such a loop ends at the limits on requests.
    #[must_use]
    pub fn beside(self, listeners: Vec<SocketAddr>) -> Self {
        Self { own: OwnListeners::new(listeners), ..self }
    }

    /// The failures of all workers.
    pub(super) fn trouble(&self) -> &UpstreamTrouble {
        &self.route.trouble
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.route.origin
    }

    /// Whether a connection can be one of HTTP/2.
    pub(super) fn offers_http2(&self) -> bool {
        self.route.offers_http2
    }

    pub(super) fn response_timeout(&self) -> Duration {
        self.route.response_timeout
    }

    pub(super) fn upload_timeout(&self) -> Duration {
        self.route.upload_timeout
    }

    pub(super) fn stall_timeout(&self) -> Duration {
        self.route.stall_timeout
    }

    /// Opens a connection within the connect timeout. Its driver runs on this worker.
    ///
    /// # Errors
    ///
    /// [`Unreachable`], if there is no connection in time.
    pub(super) async fn connect(
        &self,
        connections: &ConnectionPools,
        offer: ProtocolOffer,
    ) -> Result<Connected, Unreachable> {
        let route = &self.route;
        let attempt = route.backoff.begin(Instant::now())?;
        let dialed = OnceLock::new();
        // boxed, because few requests open a connection: the state of a handshake is many times as large as a request's future
        let connecting = Box::pin(route.connect(connections, offer, &self.own, &dialed));
        let connected = timeout(route.connect_timeout, connecting).await;
        let connected = connected.unwrap_or_else(|_| Err(route.dialer.of_next_hop(Unreachable::ConnectTimeout)));
        match &connected {
            Ok(_) => attempt.note_success(),
            // ours, and over as soon as another request ends
            Err(Unreachable::NoDescriptor) => {}
            Err(error) => attempt.note_failure(*error, Instant::now()),
        }
        route.note(&dialed, connected.is_ok());
        connected
    }

    /// Reads the TLS files again. Returns true if they changed, which applies to new connections.
    ///
    /// # Errors
    ///
    /// [`TrustError`], once, if they can no longer be read or used. Those before stay in force.
    pub fn reload_tls(&self) -> Result<bool, TrustError> {
        self.route.tls.as_ref().map_or(Ok(false), |(tls, _)| tls.reload())
    }

    /// The TLS file that names all of them in logs: the certificate's, or else the authorities'. `None` if there are none.
    pub fn tls_file(&self) -> Option<&Path> {
        self.route.tls.as_ref()?.0.file()
    }

    /// The file of the gateway's certificate towards the upstream. `None` if it presents none.
    pub fn certificate_file(&self) -> Option<&Path> {
        self.route.tls.as_ref()?.0.certificate_file()
    }

    /// When that certificate ends, or an intermediate one in its file, in seconds since 1970.
    pub fn certificate_end(&self) -> Option<i64> {
        self.route.tls.as_ref()?.0.certificate_end()
    }

    /// Resolves the name of the upstream again and again in the background, so that connections follow it when it moves. Must be
    /// called inside a tokio runtime.
    pub fn follow_name(&self) {
        if let Some(book) = self.route.dialer.book() {
            tokio::spawn(AddressBook::keep_resolving(Arc::downgrade(book)));
        }
    }
}

impl Route {
    /// Takes note of whether there is a connection by the address that was dialed.
    fn note(&self, dialed: &OnceLock<SocketAddr>, is_connected: bool) {
        let Some(book) = self.dialer.book() else { return };
        match (dialed.get(), is_connected) {
            (Some(address), true) => book.note_good(*address),
            // it accepts connections, and is no more good than one that does not
            (Some(address), false) => book.note_failure(*address),
            (None, _) => {}
        }
        if !is_connected {
            book.note_all_failed();
        }
    }

    async fn connect(
        &self,
        connections: &ConnectionPools,
        offer: ProtocolOffer,
        own: &OwnListeners,
        dialed: &OnceLock<SocketAddr>,
    ) -> Result<Connected, Unreachable> {
        let (stream, peer) = self.dialer.dial(dialed).await?;
        let stream = match stream {
            DialedStream::Unix(stream) => return Ok((version1(stream, peer, connections).await?, None)),
            DialedStream::Tcp(stream) => stream,
        };
        own.check(&stream)?;
        let Some((tls, name)) = &self.tls else { return Ok((version1(stream, peer, connections).await?, None)) };
        let clock = Instant::now();
        let connector = match offer {
            ProtocolOffer::Configured => tls.connector(),
            ProtocolOffer::Http1 => tls::without_http2(&tls.connector()),
        };
        let stream = connector.connect(name.clone(), stream).await.map_err(|error| Unreachable::from(&error))?;
        let handshake = clock.elapsed();
        let connection = if tls::is_http2(stream.get_ref().1) {
            version2(stream, peer, connections).await?
        } else {
            version1(stream, peer, connections).await?
        };
        Ok((connection, Some(handshake)))
    }
}

async fn version1<T>(
    stream: T,
    peer: DialedAddress,
    connections: &ConnectionPools,
) -> Result<UpstreamConnection, Unreachable>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.max_header_size(RESPONSE_HEAD_BYTES as usize).max_buf_size(RESPONSE_HEAD_BYTES as usize);
    let interim = Arc::<InterimResponses>::default();
    let has_failed_write = Arc::<AtomicBool>::default();
    let stream = EarlyResponseStream::new(CoalescingStream(stream), Arc::clone(&has_failed_write));
    let stream = InterimBoundStream::http1(stream, Arc::clone(&interim));
    let (sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(|_| Unreachable::BrokenOff)?;
    let entry = connections.pool.register(peer, interim, has_failed_write, connections.open.track());
    tokio::spawn(http1_pool::drive(connection, Arc::clone(&entry)));
    Ok(UpstreamConnection::Http1(http1_pool::PooledConnection::new(sender, entry)))
}

async fn version2<T>(
    stream: T,
    peer: DialedAddress,
    connections: &ConnectionPools,
) -> Result<UpstreamConnection, Unreachable>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_header_list_size(RESPONSE_HEAD_BYTES)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    let interim = Arc::<InterimResponses>::default();
    let stream = InterimBoundStream::http2(stream, Arc::clone(&interim));
    let (sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(|_| Unreachable::BrokenOff)?;
    let multiplex = &connections.multiplex;
    let stream = multiplex.share(sender, peer, interim, connections.open.track());
    tokio::spawn(http2_pool::drive(connection, stream.connection(), Arc::downgrade(multiplex)));
    Ok(UpstreamConnection::Http2(stream))
}
