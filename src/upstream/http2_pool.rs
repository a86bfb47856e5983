//! The HTTP/2 connections of one worker, each shared by many requests.

use super::addresses::INTERVAL;
use super::dial::DialedAddress;
use super::upload::Upload;
use crate::telemetry::OpenConnection;
use crate::transport::InterimResponses;
use hyper::client::conn::http2::SendRequest;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Longest time for a connection to be idle, as in HTTP/1.1: see [`super::http1_pool`].
const IDLE_LIMIT: Duration = Duration::from_secs(55);

/// Most concurrent requests on a connection; the next one opens another.
// what most servers allow; at a server that allows fewer, h2 queues the rest
pub(super) const STREAMS: u32 = 100;

/// The shared connections of one worker.
pub(super) struct Http2Pool {
    connections: Mutex<Vec<Arc<Http2Connection>>>,
    idle_limit: Duration,
}

/// A connection that any number of requests use at once, up to the upstream's limit on streams.
pub(super) struct Http2Connection {
    sender: SendRequest<Upload>,
    peer: DialedAddress,
    interim: Arc<InterimResponses>,
    usage: Mutex<Usage>,
    counted: OpenConnection,
}

/// The use of a connection.
struct Usage {
    streams: u32,
    since: Instant,
}

/// A stream of one request on a shared connection. Dropping it frees the stream.
pub(super) struct Http2Stream {
    pub(super) sender: SendRequest<Upload>,
    connection: Arc<Http2Connection>,
}

impl Http2Pool {
    pub(super) fn new() -> Arc<Self> {
        Self::with_idle_limit(IDLE_LIMIT)
    }

    fn with_idle_limit(idle_limit: Duration) -> Arc<Self> {
        Arc::new(Self { connections: Mutex::default(), idle_limit })
    }

    /// Takes a stream on a connection that is open, not idle for too long and not full.
    pub(super) fn take(&self) -> Option<Http2Stream> {
        self.connections().iter().find_map(|connection| connection.stream(self.idle_limit))
    }

    /// Adds a new connection, and returns the first stream on it.
    pub(super) fn share(
        &self,
        sender: SendRequest<Upload>,
        peer: DialedAddress,
        interim: Arc<InterimResponses>,
        counted: OpenConnection,
    ) -> Http2Stream {
        let usage = Mutex::new(Usage { streams: 1, since: Instant::now() });
        let connection = Arc::new(Http2Connection { sender: sender.clone(), peer, interim, usage, counted });
        self.connections().push(Arc::clone(&connection));
        Http2Stream { sender, connection }
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Arc<Http2Connection>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, connection: &Weak<Http2Connection>) {
        self.connections().retain(|known| Arc::as_ptr(known) != connection.as_ptr());
    }
}

impl Http2Connection {
    fn stream(self: &Arc<Self>, idle_limit: Duration) -> Option<Http2Stream> {
        let mut usage = self.usage();
        let is_stale = usage.streams == 0 && usage.since.elapsed() >= idle_limit;
        if usage.streams >= STREAMS || is_stale || !self.sender.is_ready() {
            return None;
        }
        usage.streams += 1;
        self.counted.set_idle(false);
        Some(Http2Stream { sender: self.sender.clone(), connection: Arc::clone(self) })
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time until this connection may have been idle for too long. `None` if it has.
    fn time_left(&self, idle_limit: Duration) -> Option<Duration> {
        let usage = self.usage();
        let idle = if usage.streams == 0 { usage.since.elapsed() } else { Duration::ZERO };
        idle_limit.checked_sub(idle).filter(|left| !left.is_zero())
    }
}

impl Http2Stream {
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.connection.peer.address()
    }

    pub(super) fn interim(&self) -> &Arc<InterimResponses> {
        &self.connection.interim
    }

    pub(super) fn connection(&self) -> Weak<Http2Connection> {
        Arc::downgrade(&self.connection)
    }
}

impl Drop for Http2Stream {
    fn drop(&mut self) {
        let mut usage = self.connection.usage();
        usage.streams -= 1;
        self.connection.counted.set_idle(usage.streams == 0);
        usage.since = Instant::now();
    }
}

/// Drives a connection to its end. Removes it from the pool when it ends or is idle for too long.
// one timer a connection and limit, not one a request
pub(super) async fn drive(
    driver: impl Future<Output = hyper::Result<()>>,
    connection: Weak<Http2Connection>,
    pool: Weak<Http2Pool>,
) {
    let mut driver = pin!(driver);
    let forget = || pool.upgrade().into_iter().for_each(|pool| pool.forget(&connection));
    while let Some(left) = time_left(&connection, &pool) {
        if pingora_timeout::timeout(left.min(INTERVAL), driver.as_mut()).await.is_ok() {
            return forget();
        }
        // requests under way end on it
        if connection.upgrade().is_none_or(|connection| connection.peer.is_withdrawn()) {
            break;
        }
    }
    // hyper closes the connection when the last sender is dropped, after the streams in flight
    forget();
    let _ = driver.await;
}

fn time_left(connection: &Weak<Http2Connection>, pool: &Weak<Http2Pool>) -> Option<Duration> {
    connection.upgrade()?.time_left(pool.upgrade()?.idle_limit)
}
