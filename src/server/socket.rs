//! A client's socket, of either family, with the first bytes looked at before anything is made of them.

use crate::peer::Client;
use crate::peer::LocalEndpoint;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// With which every connection in HTTP/2 begins (RFC 9113 section 3.4), as far as no request in HTTP/1.1 does.
const PREFACE: &[u8] = b"PRI * HTTP/2";
/// With which every connection in TLS begins: a record with a handshake (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// A connection of a client.
pub(super) enum Socket {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// A connection that belongs to no runtime, on its way from the acceptor's to a worker's.
pub(super) enum DetachedSocket {
    Tcp(std::net::TcpStream, SocketAddr),
    Unix(std::os::unix::net::UnixStream),
}

/// What a client speaks, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
    Tls,
}

/// A socket, and the bytes of it that were read to see what is protocol; whoever reads gets those first.
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

    /// What the socket itself tells of its other end.
    pub(super) fn client(&self) -> Client {
        match self {
            Self::Tcp(_, peer) => Client { address: Some(*peer), ..Client::default() },
            Self::Unix(stream) => {
                Client { unix_uid: stream.peer_cred().ok().map(|peer| peer.uid()), ..Client::default() }
            }
        }
    }

    /// Our end of it, before anything is protocol.
    pub(super) fn endpoint(&self) -> LocalEndpoint {
        let address = match self {
            Self::Tcp(stream, _) => stream.local_addr().ok(),
            Self::Unix(_) => None,
        };
        LocalEndpoint { address, ..LocalEndpoint::default() }
    }

    /// Waits for the first byte, at the longest until the client closes.
    pub(super) async fn begin(self) -> io::Result<PeekedStream> {
        let mut begun = PeekedStream { socket: self, first: [0; PREFACE.len()], given: 0, read: 0 };
        begun.read_on().await?;
        Ok(begun)
    }
}

impl PeekedStream {
    /// What is protocol, for which more bytes may be needed.
    pub(super) async fn protocol(&mut self) -> io::Result<Protocol> {
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
                // without it Nagle's algorithm holds the end of an answer back until its beginning is acknowledged
                let _ = stream.set_nodelay(true);
                Socket::Tcp(stream, peer)
            }
            Self::Unix(stream) => Socket::Unix(UnixStream::from_std(stream)?),
        })
    }
}

/// What begins with `first`; none while that is open.
fn protocol(first: &[u8]) -> Option<Protocol> {
    match first {
        [] => None,
        [TLS_HANDSHAKE, ..] => Some(Protocol::Tls),
        PREFACE => Some(Protocol::Http2),
        part if PREFACE.starts_with(part) => None,
        _ => Some(Protocol::Http1),
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
        // what follows is most often there already; a failure will come again
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
        // sockets hold nothing back
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
    fn the_first_bytes_tell_what_is_spoken() {
        let table: [(&[u8], _); 10] = [
            (b"", None),
            (b"P", None),
            (b"PR", None),
            (b"PRI * HTTP/", None),
            (b"PRI * HTTP/2", Some(Protocol::Http2)),
            (b"PRI * HTTP/1", Some(Protocol::Http1)),
            (b"PAT", Some(Protocol::Http1)),
            (b"G", Some(Protocol::Http1)),
            (b"\r\n", Some(Protocol::Http1)),
            (b"\x16\x03", Some(Protocol::Tls)),
        ];
        for (first, expected) in table {
            assert_eq!(protocol(first), expected, "{first:?}");
        }
    }

    #[tokio::test]
    async fn what_was_looked_at_is_read_again_and_first() {
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
        assert_eq!((protocol, all.as_slice()), (Protocol::Http2, b"PRI * HTTP/2.0\r\n".as_slice()));
    }
}
