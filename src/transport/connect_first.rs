//! Outgoing TCP connections, to the first of several addresses that accepts one (happy eyeballs, RFC 8305).

use pingora_timeout::timeout;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Head start of an attempt over the one to the next address (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Time without traffic after which the kernel probes a connection, and the time between probes.
// shorter than the response timeout, so that a peer that vanished fails a waiting request before its deadline does
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Longest time for sent bytes to stay unacknowledged.
// the kernel's own default retransmits for about 15 minutes, in which the connection looks open
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// Connects to the first of `addresses` that accepts. Each gets a head start over the next one; one that fails, none. Reports the
/// addresses that failed, or that a later one overtook, to `on_failure`. The caller has a deadline for all of it.
///
/// # Errors
///
/// The error of the first address that failed.
pub async fn connect_first(
    addresses: &[SocketAddr],
    mut on_failure: impl FnMut(SocketAddr),
) -> io::Result<(TcpStream, SocketAddr)> {
    // tasks, which end with this set
    let mut attempts = JoinSet::new();
    let mut begun = Vec::new();
    let mut first_error = None;
    let mut next = addresses.iter().copied();
    let mut upcoming = next.next();
    loop {
        if let Some(address) = upcoming.take() {
            attempts.spawn(async move { (address, connect(address).await) });
            begun.push(address);
            upcoming = next.next();
        }
        let ended = if upcoming.is_some() {
            match timeout(HEAD_START, attempts.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        } else {
            attempts.join_next().await
        };
        match ended {
            Some(Ok((address, Ok(stream)))) => {
                begun.iter().filter(|other| **other != address).for_each(|slower| on_failure(*slower));
                return Ok((stream, address));
            }
            Some(Ok((address, Err(error)))) => {
                on_failure(address);
                begun.retain(|other| *other != address);
                first_error.get_or_insert(error);
            }
            None if upcoming.is_none() => break,
            // a task that panicked, of which there is none
            Some(Err(_)) | None => {}
        }
    }
    Err(first_error.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    let options = SockRef::from(&socket);
    options.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE))?;
    #[cfg(target_os = "linux")]
    options.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    // Nagle's algorithm would hold a body back until its head is acknowledged
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use tokio::net::TcpListener;

    /// A listener whose backlog is full: the kernel drops further connection requests, as a dead host does.
    async fn dead() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut filling = Vec::new();
        while let Ok(Ok(stream)) = timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
            filling.push(stream);
        }
        (listener, filling, address)
    }

    /// The address that was connected to, or the kind of the error, and the addresses that failed.
    async fn connect_to(addresses: &[SocketAddr]) -> (Result<SocketAddr, io::ErrorKind>, Vec<SocketAddr>) {
        let mut failed = Vec::new();
        let connected = connect_first(addresses, |address| failed.push(address)).await;
        (connected.map(|(_, address)| address).map_err(|error| error.kind()), failed)
    }

    #[tokio::test]
    async fn dead_addresses_cost_a_head_start_each() {
        let ((_one, _its, first), (_other, _ones, second)) = (dead().await, dead().await);
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = live.local_addr().unwrap();
        let clock = Instant::now();
        assert_eq!(connect_to(&[first, second, address]).await, (Ok(address), vec![first, second]));
        assert!(clock.elapsed() >= 2 * HEAD_START && clock.elapsed() < 6 * HEAD_START, "{:?}", clock.elapsed());
    }

    #[tokio::test]
    async fn a_refused_address_costs_nothing() {
        // bound and not listening: the port of a dropped listener may be another test's
        let closed = TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let refused = closed.local_addr().unwrap();
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = live.local_addr().unwrap();
        let clock = Instant::now();
        assert_eq!(connect_to(&[refused, address]).await, (Ok(address), vec![refused]));
        assert!(clock.elapsed() < HEAD_START, "{:?}", clock.elapsed());
        assert_eq!(connect_to(&[refused]).await, (Err(io::ErrorKind::ConnectionRefused), vec![refused]));
        assert_eq!(connect_to(&[]).await, (Err(io::ErrorKind::AddrNotAvailable), vec![]));
    }

    #[tokio::test]
    async fn a_vanished_peer_is_noticed_by_probes() {
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (stream, _) = connect_first(&[live.local_addr().unwrap()], |_| {}).await.unwrap();
        let options = SockRef::from(&stream);
        assert_eq!((options.keepalive().unwrap(), options.tcp_keepalive_time().unwrap()), (true, KEEP_ALIVE));
        assert!(stream.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(options.tcp_user_timeout().unwrap(), Some(USER_TIMEOUT));
    }
}
