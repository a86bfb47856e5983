//! Listening sockets that another process opened: the service manager's, or those of the process that this one replaces.

use super::listener::BoundListener;
#[cfg(doc)]
use super::listener::SocketHandover;
use super::tcp;
use super::unix_socket::SocketFile;
use socket2::{Domain, Socket, Type};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, UnixListener};

/// Listening sockets, each to be taken by the listener that has its address.
#[derive(Debug, Default)]
pub struct InheritedSockets(Vec<InheritedSocket>);

#[derive(Debug)]
struct InheritedSocket {
    socket: Socket,
    address: InheritedAddress,
}

/// The address of a listening socket. `Display` writes it as the configuration does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InheritedAddress {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl InheritedSockets {
    /// Adds a socket. The file of a Unix socket is not removed with its listener, unless [`SocketHandover::claim`] is called.
    ///
    /// # Errors
    ///
    /// It is not a listening stream socket of TCP or with a path.
    pub fn add(&mut self, socket: OwnedFd) -> io::Result<()> {
        let socket = Socket::from(socket);
        let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "is no listening TCP or Unix stream socket");
        if socket.r#type().map_err(|_| wrong())? != Type::STREAM || !is_listening(&socket).map_err(|_| wrong())? {
            return Err(wrong());
        }
        let address = socket.local_addr()?;
        let tcp = address.as_socket().map(InheritedAddress::Tcp);
        let unix = || address.as_pathname().map(|path| InheritedAddress::Unix(path.to_owned()));
        let address = tcp.or_else(unix).ok_or_else(wrong)?;
        socket.set_nonblocking(true)?;
        self.0.push(InheritedSocket { socket, address });
        Ok(())
    }

    /// Takes the socket that listens on `address`. `None` if there is none.
    ///
    /// # Errors
    ///
    /// The operating system refuses an option of the socket. Must be called inside a tokio runtime.
    pub fn take_tcp(&mut self, address: SocketAddr) -> Option<io::Result<TcpListener>> {
        let InheritedSocket { socket, .. } = self.take(&InheritedAddress::Tcp(address))?;
        Some(tcp::prepare(&socket).and_then(|()| TcpListener::from_std(socket.into())))
    }

    /// As [`Self::take_tcp`], of the Unix socket `path`.
    ///
    /// # Errors
    ///
    /// The file of the socket cannot be examined. Must be called inside a tokio runtime.
    pub fn take_unix(&mut self, path: &Path) -> Option<io::Result<BoundListener>> {
        let InheritedSocket { socket, .. } = self.take(&InheritedAddress::Unix(path.to_owned()))?;
        let file = SocketFile::of(path, false);
        let listener = |file| Ok(BoundListener::unix(UnixListener::from_std(socket.into())?, file));
        Some(file.and_then(listener))
    }

    /// The addresses of those that were not taken.
    pub fn addresses(&self) -> impl Iterator<Item = &InheritedAddress> {
        self.0.iter().map(|inherited| &inherited.address)
    }

    fn take(&mut self, address: &InheritedAddress) -> Option<InheritedSocket> {
        let position = self.0.iter().position(|inherited| inherited.address == *address)?;
        Some(self.0.remove(position))
    }
}

/// Whether connections can arrive at it.
// `SO_ACCEPTCONN`; every family but those of the internet and of Unix is refused by its address
fn is_listening(socket: &Socket) -> io::Result<bool> {
    let is_known = matches!(socket.domain()?, Domain::IPV4 | Domain::IPV6 | Domain::UNIX);
    Ok(is_known && socket.is_listener()?)
}

impl fmt::Display for InheritedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
