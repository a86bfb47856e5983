//! A client's socket, TCP or Unix, whose first bytes are peeked at to detect the protocol.

use super::listener::canonical;
use crate::budget::ClientKey;
use crate::peer::Client;
use crate::peer::LocalEndpoint;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// The beginning of the HTTP/2 connection preface (RFC 9113 section 3.4), as far as no HTTP/1.1 request begins with it.
const PREFACE: &[u8] = b"PRI * HTTP/2";
/// The first byte of every TLS connection: the type of a handshake record (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// A client's connection.
pub(super) enum Socket {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// A connection between two runtimes: the accept loop's and a worker's.
// tokio registers a socket with one runtime, so that it has to be taken out of the first before the second can poll it
pub(super) enum DetachedSocket {
    Tcp(std::net::TcpStream, SocketAddr),
    Unix(std::os::unix::net::UnixStream),
}

/// A client's protocol, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientProtocol {
    Http1,
    Http2,
    Tls,
}

/// A socket, with the bytes that were read to detect the protocol. Reads return those first.
pub(super) struct PeekedStream {
    socket: Socket,
    first: [u8; PREFACE.len()],
    given: usize,
    read: usize,
}

impl Socket {
    pub(super) fn detach(self) -> io::Result<DetachedSocket> {
        Ok(match self {
            Self::Tcp(stream, peer) => DetachedSocket::Tcp(stream.into_std()?, peer),
            Self::Unix(stream) => DetachedSocket::Unix(stream.into_std()?),
        })
    }

    /// The client's identity, as far as the socket knows it.
    pub(super) fn client(&self) -> Client {
        match self {
            Self::Tcp(_, peer) => Client { address: Some(*peer), ..Client::default() },
            Self::Unix(stream) => {
                Client { unix_uid: stream.peer_cred().ok().map(|peer| peer.uid()), ..Client::default() }
            }
        }
    }

    /// The address of the client; `None` for a Unix socket.
    pub(super) fn client_address(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(_, peer) => Some(peer.ip()),
            Self::Unix(_) => None,
        }
    }

    /// What the client's share goes by, as far as the socket knows it.
    pub(super) fn client_key(&self) -> ClientKey {
        match self {
            Self::Tcp(_, peer) => ClientKey::of_address(peer.ip()),
            // all whom the system does not name share one account
            Self::Unix(stream) => {
                stream.peer_cred().map_or(ClientKey::User(u32::MAX), |peer| ClientKey::User(peer.uid()))
            }
        }
    }

    /// The gateway's end, without TLS.
    pub(super) fn endpoint(&self) -> LocalEndpoint {
        let address = match self {
            Self::Tcp(stream, _) => stream.local_addr().ok().map(canonical),
            Self::Unix(_) => None,
        };
        LocalEndpoint { address, ..LocalEndpoint::default() }
    }

    /// Waits for the first byte.
    ///
    /// # Errors
    ///
    /// If the client closes before it.
    pub(super) async fn begin(self) -> io::Result<PeekedStream> {
        let mut begun = PeekedStream { socket: self, first: [0; PREFACE.len()], given: 0, read: 0 };
        begun.read_on().await?;
        Ok(begun)
    }
}

impl PeekedStream {
    /// Detects the protocol, reading more bytes if the first ones do not decide.
    pub(super) async fn protocol(&mut self) -> io::Result<ClientProtocol> {
        loop {
            if let Some(protocol) = protocol(self.first.get(..self.read).unwrap_or_default()) {
                return Ok(protocol);
            }
            self.read_on().await?;
        }
    }

    async fn read_on(&mut self) -> io::Result<()> {
        match self.socket.read(self.first.get_mut(self.read..).unwrap_or_default()).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.read += read;
                Ok(())
            }
        }
    }
}

impl DetachedSocket {
    pub(super) fn attach(self) -> io::Result<Socket> {
        Ok(match self {
            Self::Tcp(stream, peer) => {
                let stream = TcpStream::from_std(stream)?;
                // Nagle's algorithm would hold the end of a response back until its beginning is acknowledged
                let _ = stream.set_nodelay(true);
                Socket::Tcp(stream, peer)
            }
            Self::Unix(stream) => Socket::Unix(UnixStream::from_std(stream)?),
        })
    }
}

/// The protocol that begins with `first`. `None` if more bytes are needed to decide.
fn protocol(first: &[u8]) -> Option<ClientProtocol> {
    match first {
        [] => None,
        [TLS_HANDSHAKE, ..] => Some(ClientProtocol::Tls),
        PREFACE => Some(ClientProtocol::Http2),
        part if PREFACE.starts_with(part) => None,
        _ => Some(ClientProtocol::Http1),
    }
}

impl AsyncRead for PeekedStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let first = this.first.get(this.given..this.read).unwrap_or_default();
        if first.is_empty() {
            return Pin::new(&mut this.socket).poll_read(context, buffer);
        }
        let given = first.len().min(buffer.remaining());
        buffer.put_slice(first.get(..given).unwrap_or_default());
        this.given += given;
        // more bytes are mostly there already, which saves a wakeup; an error will be returned by the next read
        let _ = Pin::new(&mut this.socket).poll_read(context, buffer);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PeekedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // a socket has no buffer of ours to flush
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream, _) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream, _) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream, _) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream, _) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide_the_protocol() {
        let table: [(&[u8], _); 10] = [
            (b"", None),
            (b"P", None),
            (b"PR", None),
            (b"PRI * HTTP/", None),
            (b"PRI * HTTP/2", Some(ClientProtocol::Http2)),
            (b"PRI * HTTP/1", Some(ClientProtocol::Http1)),
            (b"PAT", Some(ClientProtocol::Http1)),
            (b"G", Some(ClientProtocol::Http1)),
            (b"\r\n", Some(ClientProtocol::Http1)),
            (b"\x16\x03", Some(ClientProtocol::Tls)),
        ];
        for (first, expected) in table {
            assert_eq!(protocol(first), expected, "{first:?}");
        }
    }

    #[tokio::test]
    async fn peeked_bytes_are_read_first() {
        use tokio::io::AsyncWriteExt as _;
        let (client, server) = UnixStream::pair().unwrap();
        let writing = tokio::spawn(async move {
            let mut client = client;
            for byte in b"PRI * HTTP/2.0\r\n" {
                client.write_all(&[*byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut opened = Socket::Unix(server).begin().await.unwrap();
        let protocol = opened.protocol().await.unwrap();
        writing.await.unwrap();
        let mut all = Vec::new();
        opened.read_to_end(&mut all).await.unwrap();
        assert_eq!((protocol, all.as_slice()), (ClientProtocol::Http2, b"PRI * HTTP/2.0\r\n".as_slice()));
    }
}
