//! The idle HTTP/1.1 connections of one worker.

use super::addresses::INTERVAL;
use super::dial::DialedAddress;
use super::upload::Upload;
use crate::telemetry::OpenConnection;
use crate::transport::InterimResponses;
use hyper::client::conn::http1::SendRequest;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Longest time for a connection to be idle.
// just under 60 s, after which many servers and load balancers close: a request that races with such a close fails, because
// one that may have arrived is never repeated
const IDLE_LIMIT: Duration = Duration::from_secs(55);

/// Most idle connections of a worker; the least recently used one is closed first. More than a worker has in flight, so that
/// it only bounds file descriptors.
const IDLE_CONNECTIONS: usize = 1024;

/// The idle connections of one worker.
pub(super) struct Http1Pool {
    /// The one that was used last is the last.
    // its own and not a pool of a library: those are shared by threads and have many groups, where this one has one of each
    idle: Mutex<Vec<PooledConnection>>,
    idle_limit: Duration,
    /// Time between two looks at whether the address of a connection is still the upstream's.
    recheck: Duration,
}

/// A connection in use by one request. Dropping it closes the connection; [`PooledConnection::give_back`] keeps it.
pub(super) struct PooledConnection {
    pub(super) sender: SendRequest<Upload>,
    entry: Arc<PoolEntry>,
}

/// What a connection shares with its driver and the pool.
pub(super) struct PoolEntry {
    pool: Weak<Http1Pool>,
    peer: DialedAddress,
    interim: Arc<InterimResponses>,
    /// Whether it must not be used again: a write has failed, for which see [`super::early_response`], or its address is no longer
    /// the upstream's.
    is_spent: Arc<AtomicBool>,
    opened: Instant,
    /// Milliseconds from `opened` to when it became idle, or [`PoolEntry::IN_USE`].
    idle_since: AtomicU64,
    counted: OpenConnection,
}

impl Http1Pool {
    pub(super) fn new() -> Arc<Self> {
        Self::with_limits(IDLE_LIMIT, INTERVAL)
    }

    fn with_limits(idle_limit: Duration, recheck: Duration) -> Arc<Self> {
        Arc::new(Self { idle: Mutex::default(), idle_limit, recheck })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<PooledConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an idle connection that is open and not idle for too long.
    pub(super) fn take(&self) -> Option<PooledConnection> {
        loop {
            let connection = self.idle().pop()?;
            let fresh = connection.entry.idle_for().is_some_and(|idle| idle < self.idle_limit);
            connection.entry.idle_since.store(PoolEntry::IN_USE, Ordering::Relaxed);
            connection.entry.counted.set_idle(false);
            if fresh && connection.sender.is_ready() && !connection.sender.is_closed() {
                return Some(connection);
            }
        }
    }

    /// Registers a new connection to `peer`, counted by `counted`; `interim` counts its interim responses.
    pub(super) fn register(
        self: &Arc<Self>,
        peer: DialedAddress,
        interim: Arc<InterimResponses>,
        is_spent: Arc<AtomicBool>,
        counted: OpenConnection,
    ) -> Arc<PoolEntry> {
        Arc::new(PoolEntry {
            pool: Arc::downgrade(self),
            peer,
            interim,
            is_spent,
            opened: Instant::now(),
            idle_since: AtomicU64::new(PoolEntry::IN_USE),
            counted,
        })
    }

    fn put(&self, connection: PooledConnection) {
        let now = u64::try_from(connection.entry.opened.elapsed().as_millis()).unwrap_or(PoolEntry::IN_USE - 1);
        connection.entry.idle_since.store(now, Ordering::Relaxed);
        connection.entry.counted.set_idle(true);
        let mut idle = self.idle();
        let oldest = (idle.len() == IDLE_CONNECTIONS).then(|| idle.remove(0));
        idle.push(connection);
        // closed outside of the lock
        drop(idle);
        drop(oldest);
    }

    /// Removes an idle connection. Dropping it closes it.
    fn remove(&self, entry: &PoolEntry) -> Option<PooledConnection> {
        let mut idle = self.idle();
        let position = idle.iter().position(|connection| std::ptr::eq(connection.entry.as_ref(), entry))?;
        Some(idle.remove(position))
    }
}

impl PooledConnection {
    pub(super) fn new(sender: SendRequest<Upload>, entry: Arc<PoolEntry>) -> Self {
        Self { sender, entry }
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.entry.peer.address()
    }

    pub(super) fn interim(&self) -> &Arc<InterimResponses> {
        &self.entry.interim
    }

    /// Returns the connection to the pool once it is ready for another request.
    ///
    /// Must be called only when the response has been read to its end.
    pub(super) fn give_back(mut self) {
        if self.entry.is_spent.load(Ordering::Relaxed) {
            return;
        }
        if self.sender.is_ready() {
            self.put();
        } else if !self.sender.is_closed() {
            // the response came before the request was sent completely, or the driver has not been polled yet
            tokio::spawn(async move {
                if self.sender.ready().await.is_ok() {
                    self.put();
                }
            });
        }
    }

    fn put(self) {
        if let Some(pool) = self.entry.pool.upgrade() {
            pool.put(self);
        }
    }
}

impl PoolEntry {
    /// In place of a time: the connection is in use.
    const IN_USE: u64 = u64::MAX;

    fn idle_for(&self) -> Option<Duration> {
        match self.idle_since.load(Ordering::Relaxed) {
            Self::IN_USE => None,
            since => Some(self.opened.elapsed().saturating_sub(Duration::from_millis(since))),
        }
    }

    fn leave_pool(&self) {
        if let Some(pool) = self.pool.upgrade().filter(|_| self.idle_for().is_some()) {
            drop(pool.remove(self));
        }
    }

    /// Time until this connection may have been idle for too long, or is to be rechecked. `None` if it was idle for too long.
    fn time_left(&self) -> Option<Duration> {
        let pool = self.pool.upgrade()?;
        let left = pool.idle_limit.checked_sub(self.idle_for().unwrap_or_default()).filter(|left| !left.is_zero())?;
        Some(left.min(pool.recheck))
    }

    /// Ends the use of a connection to an address that is no longer the upstream's: now if it is idle, or else with its request.
    fn recheck(&self) {
        if self.peer.is_withdrawn() {
            self.is_spent.store(true, Ordering::Relaxed);
            self.leave_pool();
        }
    }
}

/// Drives a connection to its end. Removes it from the pool when the upstream closes it or it is idle for too long.
// one timer a connection and limit, not one a request
pub(super) async fn drive(connection: impl Future<Output = hyper::Result<()>>, entry: Arc<PoolEntry>) {
    let mut connection = pin!(connection);
    while let Some(left) = entry.time_left() {
        if pingora_timeout::timeout(left, connection.as_mut()).await.is_ok() {
            return entry.leave_pool();
        }
        entry.recheck();
    }
    // removing it drops its sender, on which hyper closes the connection
    entry.leave_pool();
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::OpenConnections;
    use crate::upstream::addresses::AddressBook;
    use hyper::client::conn::http1;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, DuplexStream};

    /// A connection of `pool`'s that is ready for a request, and the upstream's end of it.
    async fn connection(pool: &Arc<Http1Pool>) -> (PooledConnection, DuplexStream) {
        connection_by(pool, DialedAddress::of_address(([127, 0, 0, 1], 443).into())).await
    }

    async fn connection_by(pool: &Arc<Http1Pool>, peer: DialedAddress) -> (PooledConnection, DuplexStream) {
        let (ours, upstream) = tokio::io::duplex(1024);
        let (mut sender, connection) = http1::handshake(TokioIo::new(ours)).await.unwrap();
        let entry = pool.register(peer, Arc::default(), Arc::default(), OpenConnections::default().track());
        tokio::spawn(drive(connection, Arc::clone(&entry)));
        sender.ready().await.unwrap();
        (PooledConnection::new(sender, entry), upstream)
    }

    #[tokio::test]
    async fn an_idle_connection_is_taken_by_one_only() {
        let pool = Http1Pool::new();
        let (connection, _upstream) = connection(&pool).await;
        connection.give_back();
        let taken = pool.take();
        assert!(taken.is_some() && pool.take().is_none());
    }

    #[tokio::test]
    async fn a_full_pool_closes_the_connection_that_idled_longest() {
        let pool = Http1Pool::new();
        let (first, mut upstream) = connection(&pool).await;
        first.give_back();
        let mut others = Vec::new();
        for _ in 0..IDLE_CONNECTIONS {
            others.push(connection(&pool).await);
        }
        let upstreams: Vec<_> =
            others.into_iter().map(|(connection, upstream)| (connection.give_back(), upstream)).collect();
        assert_eq!(upstream.read(&mut [0]).await.unwrap(), 0, "the first is closed");
        assert_eq!((pool.idle().len(), upstreams.len()), (IDLE_CONNECTIONS, IDLE_CONNECTIONS));
    }

    #[tokio::test]
    async fn a_connection_that_idles_too_long_is_closed() {
        let pool = Http1Pool::with_limits(Duration::from_millis(30), INTERVAL);
        let (connection, mut upstream) = connection(&pool).await;
        connection.give_back();
        assert_eq!(upstream.read(&mut [0]).await.unwrap(), 0);
        assert!(pool.idle().is_empty());
    }

    /// A connection of `pool`'s to an address of `book`.
    async fn connection_to(pool: &Arc<Http1Pool>, book: &Arc<AddressBook>) -> (PooledConnection, DuplexStream) {
        let peer = DialedAddress::of_book(([10, 0, 0, 1], 1).into(), book);
        connection_by(pool, peer).await
    }

    #[tokio::test]
    async fn an_address_that_is_withdrawn_gets_no_further_request() {
        let pool = Http1Pool::with_limits(Duration::from_secs(60), Duration::from_millis(10));
        let book = Arc::new(AddressBook::of_addresses(&[([10, 0, 0, 1], 1).into()]));
        let (idle, mut its_upstream) = connection_to(&pool, &book).await;
        let (busy, mut upstream) = connection_to(&pool, &book).await;
        idle.give_back();
        book.replace(&[([10, 0, 0, 2], 1).into()]);
        assert_eq!(its_upstream.read(&mut [0]).await.unwrap(), 0, "the idle one is closed");
        while !busy.entry.is_spent.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        assert!(!busy.sender.is_closed(), "its request ends first");
        busy.give_back();
        assert_eq!(upstream.read(&mut [0]).await.unwrap(), 0);
        assert!(pool.take().is_none());
    }

    #[tokio::test]
    async fn a_connection_in_use_may_be_as_old_as_it_likes() {
        let pool = Http1Pool::with_limits(Duration::from_millis(30), INTERVAL);
        let (connection, mut upstream) = connection(&pool).await;
        let closed = pingora_timeout::timeout(Duration::from_millis(150), upstream.read(&mut [0])).await;
        assert!(closed.is_err() && !connection.sender.is_closed());
    }

    #[tokio::test]
    async fn one_that_is_too_old_is_not_used_although_its_driver_did_not_run_yet() {
        let pool = Http1Pool::with_limits(Duration::from_millis(30), INTERVAL);
        let (connection, _upstream) = connection(&pool).await;
        connection.give_back();
        std::thread::sleep(Duration::from_millis(40));
        assert!(pool.take().is_none());
    }

    #[tokio::test]
    async fn one_that_the_upstream_closes_leaves_the_pool_at_once() {
        let pool = Http1Pool::new();
        let (connection, upstream) = connection(&pool).await;
        let entry = Arc::downgrade(&connection.entry);
        connection.give_back();
        drop(upstream);
        // the driver and the pool hold the entry; when both let go, the connection is gone
        while entry.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(pool.idle().is_empty());
    }
}
