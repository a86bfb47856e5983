//! How a stream of bytes to the upstream is opened, and where its other end is.

use super::addresses::AddressBook;
use super::error::Unreachable;
use super::origin::Origin;
use super::proxy::{of_proxy, open_tunnel};
use super::tcp;
use crate::config::gateway::{UpstreamConfig as Settings, UpstreamTarget};
use crate::transport::ConnectTunnel;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tokio::net::{TcpStream, UnixStream};

/// Opens streams to the upstream.
pub(super) enum Dialer {
    /// By TCP, directly or through a proxy.
    Tcp {
        /// The addresses of the upstream, or of the proxy.
        book: Arc<AddressBook>,
        /// Through the proxy. `None` without one.
        tunnel: Option<ConnectTunnel>,
    },
    /// To a Unix socket at this path.
    Unix(PathBuf),
}

/// A stream to the upstream.
pub(super) enum DialedStream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The other end of a connection. `None` for a Unix socket.
#[derive(Clone)]
pub(super) struct DialedAddress(Option<(SocketAddr, Arc<AddressBook>)>);

impl Dialer {
    /// Opens streams to `origin` as `settings` want it.
    pub(super) fn new(origin: &Origin, settings: &Settings) -> Self {
        if let UpstreamTarget::Unix { path } = &settings.target {
            return Self::Unix(path.clone());
        }
        let Some(used) = &settings.proxy else {
            let (host, port) = origin.host_and_port();
            let book = match settings.resolve.as_slice() {
                [] => AddressBook::of_name(host, port),
                addresses => AddressBook::with_addresses(addresses, port),
            };
            return Self::Tcp { book: Arc::new(book), tunnel: None };
        };
        let book = AddressBook::of_name(used.proxy.host(), used.proxy.port());
        Self::Tcp { book: Arc::new(book), tunnel: Some(ConnectTunnel::new(&used.proxy, &origin.dial_uri())) }
    }

    /// The addresses of the upstream, or of the proxy. `None` for a Unix socket.
    pub(super) const fn book(&self) -> Option<&Arc<AddressBook>> {
        match self {
            Self::Tcp { book, .. } => Some(book),
            Self::Unix(_) => None,
        }
    }

    /// A stream whose bytes are the upstream's: to it, or to the proxy once that has opened a tunnel. `dialed` is set as soon as
    /// there is a connection, so that the caller knows what failed after that.
    pub(super) async fn dial(
        &self,
        dialed: &OnceLock<SocketAddr>,
    ) -> Result<(DialedStream, DialedAddress), Unreachable> {
        let (book, tunnel) = match self {
            Self::Tcp { book, tunnel } => (book, tunnel),
            Self::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(|error| of_socket(&error))?;
                return Ok((DialedStream::Unix(stream), DialedAddress(None)));
            }
        };
        let (mut stream, address) = tcp::connect(book).await.map_err(|error| self.of_next_hop(error))?;
        let _ = dialed.set(address);
        if let Some(tunnel) = tunnel {
            open_tunnel(tunnel, &mut stream).await?;
        }
        Ok((DialedStream::Tcp(stream), DialedAddress(Some((address, Arc::clone(book))))))
    }

    /// `error` as one of the proxy, if there is one.
    pub(super) const fn of_next_hop(&self, error: Unreachable) -> Unreachable {
        if matches!(self, Self::Tcp { tunnel: Some(_), .. }) { of_proxy(error) } else { error }
    }
}

fn of_socket(error: &io::Error) -> Unreachable {
    match error.kind() {
        io::ErrorKind::NotFound => Unreachable::NoSocket,
        io::ErrorKind::PermissionDenied => Unreachable::SocketDenied,
        _ => tcp::unreachable(error),
    }
}

impl DialedAddress {
    /// The address: of the upstream, or of the proxy. `None` for a Unix socket.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.0.as_ref().map(|(address, _)| *address)
    }

    /// Whether the name no longer has the address, so that the connection is not to be used for further requests.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.0.as_ref().is_some_and(|(address, book)| book.is_withdrawn(*address))
    }

    /// At this address, of which nothing more is known.
    #[cfg(test)]
    pub(super) fn of_address(address: SocketAddr) -> Self {
        Self::of_book(address, &Arc::new(AddressBook::of_addresses(&[address])))
    }

    /// At this address of `book`.
    #[cfg(test)]
    pub(super) fn of_book(address: SocketAddr, book: &Arc<AddressBook>) -> Self {
        Self(Some((address, Arc::clone(book))))
    }
}
