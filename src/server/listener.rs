//! A place that is listened on, and what is spoken there.

use super::socket::Socket;
use super::tls::ReloadableTls;
use super::unix_socket::SocketFile;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::net::{TcpListener, UnixListener};

/// A place that is listened on, and what is spoken there.
pub struct BoundListener {
    place: ListenerKind,
}

enum ListenerKind {
    Tcp(TcpListener, Option<Arc<ReloadableTls>>),
    // without TLS: these bytes do not leave the machine
    Unix(UnixListener, SocketFile),
}

/// The address of a listener. `Display` writes it as a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenerAddress {
    /// HTTP over TCP.
    Http(SocketAddr),
    /// HTTP over TLS.
    Https(SocketAddr),
    /// HTTP over a Unix socket.
    Unix(PathBuf),
}

/// An accepted connection, with the TLS configuration of its listener.
pub(super) struct IncomingConnection {
    pub(super) socket: Socket,
    pub(super) tls: Option<Arc<ReloadableTls>>,
}

impl BoundListener {
    /// Listens for plain HTTP on `socket`.
    pub const fn plain(socket: TcpListener) -> Self {
        Self { place: ListenerKind::Tcp(socket, None) }
    }

    /// Listens for TLS, and nothing else, on `socket`.
    pub const fn tls(socket: TcpListener, tls: Arc<ReloadableTls>) -> Self {
        Self { place: ListenerKind::Tcp(socket, Some(tls)) }
    }

    /// Listens for plain HTTP on a Unix socket, whose file is removed with the listener.
    pub(super) const fn unix(socket: UnixListener, file: SocketFile) -> Self {
        Self { place: ListenerKind::Unix(socket, file) }
    }

    /// The address that clients use.
    ///
    /// # Errors
    ///
    /// If the operating system does not return the port.
    pub fn endpoint(&self) -> io::Result<ListenerAddress> {
        Ok(match &self.place {
            ListenerKind::Tcp(socket, None) => ListenerAddress::Http(socket.local_addr()?),
            ListenerKind::Tcp(socket, Some(_)) => ListenerAddress::Https(socket.local_addr()?),
            ListenerKind::Unix(_, file) => ListenerAddress::Unix(file.path().to_owned()),
        })
    }

    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<IncomingConnection>> {
        Poll::Ready(Ok(match &self.place {
            ListenerKind::Tcp(socket, tls) => {
                let (stream, peer) = ready!(socket.poll_accept(context))?;
                IncomingConnection { socket: Socket::Tcp(stream, canonical(peer)), tls: tls.clone() }
            }
            ListenerKind::Unix(socket, _) => {
                let (stream, _) = ready!(socket.poll_accept(context))?;
                IncomingConnection { socket: Socket::Unix(stream), tls: None }
            }
        }))
    }
}

/// `address` in its one spelling: an IPv4 address that an IPv6 socket shows as `::ffff:a.b.c.d` is IPv4.
// here, where addresses enter: a policy that compares `client.ip` with an IPv4 address would else hold or not by the listener
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

impl ListenerAddress {
    /// The socket address. `None` for a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Http(address) | Self::Https(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The file. `None` for a TCP socket.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Http(_) | Self::Https(_) => None,
        }
    }
}

impl fmt::Display for ListenerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(address) => write!(f, "http://{address}"),
            Self::Https(address) => write!(f, "https://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
