//! TCP connections to the upstream: resolves its name and connects to the first address that accepts.

use super::error::Unreachable;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use rustix::io::Errno;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tower::Service;

/// Resolves the names of upstreams by the operating system.
#[derive(Clone)]
pub(super) struct SystemResolver(GaiResolver);

/// A name has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address")]
struct Unresolvable;

impl SystemResolver {
    pub(super) fn new() -> Self {
        Self(GaiResolver::new())
    }
}

impl Service<Name> for SystemResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    // an error of its own, because the connector reports those of the resolver and of the sockets alike
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.0.call(name);
        Box::pin(async move {
            let addresses: Vec<_> = resolving.await.map_err(|_| Unresolvable)?.collect();
            if addresses.is_empty() { Err(Unresolvable.into()) } else { Ok(addresses.into_iter()) }
        })
    }
}

/// Connects to `origin`. Returns the connection and the address of the other end.
///
/// # Errors
///
/// [`Unreachable`], by what kept every address from being connected to.
pub(super) async fn connect<R>(
    connector: &HttpConnector<R>,
    origin: Uri,
) -> Result<(TcpStream, SocketAddr), Unreachable>
where
    HttpConnector<R>: Service<Uri, Response = hyper_util::rt::TokioIo<TcpStream>, Error: Error + 'static> + Clone,
{
    let stream = connector.clone().call(origin).await.map_err(|error| unreachable(&error))?.into_inner();
    let peer = stream.peer_addr().map_err(|_| Unreachable::BrokenOff)?;
    Ok((stream, peer))
}

/// Whether the error is that this process, or the system, has no free file descriptor.
fn is_out_of_descriptors(error: i32) -> bool {
    [Errno::MFILE, Errno::NFILE].iter().any(|code| code.raw_os_error() == error)
}

/// Classifies an error of the connector by its causes, because its own type is private.
fn unreachable(error: &(dyn Error + 'static)) -> Unreachable {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<Unresolvable>() {
            return Unreachable::Name;
        }
        if error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error).is_some_and(is_out_of_descriptors) {
            return Unreachable::NoDescriptor;
        }
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return Unreachable::ConnectTimeout;
        }
        cause = error.source();
    }
    Unreachable::Refused
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::tcp_connector;
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::time::{Duration, Instant};
    use tokio::net::{TcpListener, TcpSocket};

    /// Resolves every name to the same addresses.
    #[derive(Clone)]
    struct FixedResolver(Vec<SocketAddr>);

    impl Service<Name> for FixedResolver {
        type Response = std::vec::IntoIter<SocketAddr>;
        type Error = Infallible;
        type Future = Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Name) -> Self::Future {
            ready(Ok(self.0.clone().into_iter()))
        }
    }

    async fn connect_to(addresses: &[SocketAddr], timeout: Duration) -> Result<SocketAddr, Unreachable> {
        let connector = tcp_connector(FixedResolver(addresses.to_vec()), Some(timeout));
        // without a port in the URI the connector keeps the port of each address
        let connected = connect(&connector, Uri::from_static("http://upstream/")).await;
        connected.map(|(_stream, peer)| peer)
    }

    /// A listener whose backlog is full: the kernel drops further connection requests, as a dead host does.
    async fn dead() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut filling = Vec::new();
        while let Ok(Ok(stream)) =
            pingora_timeout::timeout(Duration::from_millis(100), TcpStream::connect(address)).await
        {
            filling.push(stream);
        }
        (listener, filling, address)
    }

    #[tokio::test]
    async fn a_dead_first_address_costs_less_than_a_second() {
        let (_listener, _filling, dead) = dead().await;
        // a machine without IPv6 has no second family to fall back to
        let Ok(live) = TcpListener::bind("[::1]:0").await else { return };
        let live = live.local_addr().unwrap();
        let clock = Instant::now();
        assert_eq!(connect_to(&[dead, live], Duration::from_secs(10)).await, Ok(live));
        assert!(clock.elapsed() < Duration::from_secs(1), "{:?}", clock.elapsed());
    }

    #[tokio::test]
    async fn a_dead_address_leaves_time_for_the_next_of_its_family() {
        let (_listener, _filling, dead) = dead().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let live = listener.local_addr().unwrap();
        assert_eq!(connect_to(&[dead, live], Duration::from_millis(600)).await, Ok(live));
        assert_eq!(connect_to(&[dead], Duration::from_millis(100)).await, Err(Unreachable::ConnectTimeout));
    }

    #[tokio::test]
    async fn a_refused_first_address_falls_through_to_the_second() {
        // bound and not listening: the port of a dropped listener may be another test's
        let closed = tokio::net::TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let refused = closed.local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let live = listener.local_addr().unwrap();
        assert_eq!(connect_to(&[refused, live], Duration::from_secs(5)).await, Ok(live));
        assert_eq!(connect_to(&[refused], Duration::from_secs(5)).await, Err(Unreachable::Refused));
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_named_as_the_reason() {
        let connector = tcp_connector(SystemResolver::new(), Some(Duration::from_secs(5)));
        let result = connect(&connector, Uri::from_static("http://no-such-host.invalid/")).await;
        assert_eq!(result.err(), Some(Unreachable::Name));
    }
}
