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
    /// Nothing leaves the machine here, so there is no TLS.
    Unix(UnixListener, SocketFile),
}

/// Where a listener is reached. `Display` writes it as clients would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenerAddress {
    /// By HTTP.
    Http(SocketAddr),
    /// By HTTP over TLS.
    Https(SocketAddr),
    /// By HTTP over a Unix socket.
    Unix(PathBuf),
}

/// A connection, with what is to be spoken on it.
pub(super) struct IncomingConnection {
    pub(super) socket: Socket,
    pub(super) tls: Option<Arc<ReloadableTls>>,
}

impl BoundListener {
    /// Plain HTTP on `socket`.
    pub const fn plain(socket: TcpListener) -> Self {
        Self { place: ListenerKind::Tcp(socket, None) }
    }

    /// TLS, and nothing else, on `socket`.
    pub const fn tls(socket: TcpListener, tls: Arc<ReloadableTls>) -> Self {
        Self { place: ListenerKind::Tcp(socket, Some(tls)) }
    }

    /// Plain HTTP on a Unix socket, whose file goes when the listener does.
    pub(super) const fn unix(socket: UnixListener, file: SocketFile) -> Self {
        Self { place: ListenerKind::Unix(socket, file) }
    }

    /// Where clients reach it.
    ///
    /// # Errors
    /// What the operating system said when asked for the port.
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
                IncomingConnection { socket: Socket::Tcp(stream, peer), tls: tls.clone() }
            }
            ListenerKind::Unix(socket, _) => {
                let (stream, _) = ready!(socket.poll_accept(context))?;
                IncomingConnection { socket: Socket::Unix(stream), tls: None }
            }
        }))
    }
}

impl ListenerAddress {
    /// Its address, where it has one.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Http(address) | Self::Https(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// Its file, where it is one.
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
