//! A client that writes bytes and reads one answer, with nothing clever between it and the socket.

use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection to the server under test.
pub(crate) struct Client<T = TcpStream> {
    pub(crate) stream: T,
    buffer: Vec<u8>,
}

/// An answer: its head as text and its body, unframed.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// Closes the connection in both directions, by a reset: a client that only closes may still wait for its answer.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    /// A client on a connection that is there.
    pub(crate) fn over(stream: T) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends a `GET` for `path` and reads the answer.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.get_with(path, "").await
    }

    /// The same, with more lines in the head.
    pub(crate) async fn get_with(&mut self, path: &str, headers: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: gateway\r\n{headers}\r\n")).await;
        self.answer().await.expect("an answer")
    }

    /// The next answer, which has a `content-length`; none if the server closed.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(found) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break found + 4;
            }
            self.fill().await?;
        };
        let head = String::from_utf8(self.buffer.drain(..end).collect()).unwrap();
        let mut answer = Answer { head, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.buffer.len() < length {
            self.fill().await?;
        }
        answer.body = self.buffer.drain(..length).collect();
        Some(answer)
    }

    /// Waits until the server closed the connection; what it sent before is returned.
    pub(crate) async fn closed(&mut self) -> Vec<u8> {
        while self.fill().await.is_some() {}
        std::mem::take(&mut self.buffer)
    }

    async fn fill(&mut self) -> Option<()> {
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}
