//! A place that is listened on, and what is spoken there.

use super::socket::Socket;
use super::tls::ReloadableTls;
use super::unix_socket::SocketFile;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// A listening socket for another process to go on with. While it exists, the socket is open.
#[derive(Debug)]
pub struct SocketHandover {
    /// The socket, which stays that of the listener, too.
    pub socket: OwnedFd,
    /// Keeps the file of a Unix socket when the listener closes.
    file: Option<Arc<AtomicBool>>,
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

    /// The socket for another process to go on with.
    ///
    /// # Errors
    ///
    /// If the operating system has no file descriptor left.
    pub fn handover(&self) -> io::Result<SocketHandover> {
        let (socket, file) = match &self.place {
            ListenerKind::Tcp(socket, _) => (socket.as_fd(), None),
            ListenerKind::Unix(socket, file) => (socket.as_fd(), Some(file.kept_flag())),
        };
        Ok(SocketHandover { socket: socket.try_clone_to_owned()?, file })
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

impl SocketHandover {
    /// That of a TCP socket.
    ///
    /// # Errors
    ///
    /// If the operating system has no file descriptor left.
    pub fn of_tcp(socket: &TcpListener) -> io::Result<Self> {
        Ok(Self { socket: socket.as_fd().try_clone_to_owned()?, file: None })
    }

    /// Leaves the socket to the other process: its file is no longer removed with the listener.
    pub fn complete(self) {
        self.keep_file(true);
    }

    /// Takes over a socket of another process, which has left it: its file is removed with the listener.
    pub fn claim(&self) {
        self.keep_file(false);
    }

    fn keep_file(&self, is_kept: bool) {
        if let Some(flag) = &self.file {
            flag.store(is_kept, Ordering::Relaxed);
        }
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
