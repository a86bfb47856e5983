//! An upstream that records what it is sent, byte for byte, and answers as it is told.
//!
//! ```ignore
//! let upstream = Recorder::answering(200, "{}").await;            // the same answer to all
//! let upstream = Recorder::start(|request| match request.line() {  // or by request
//!     "GET /slow HTTP/1.1" => Reply::Nothing,
//!     _ => Reply::json(200, "{}"),
//! }).await;
//! // ... send something to upstream.address() ...
//! let request = upstream.request().await;                          // waits for the next one
//! assert_eq!(request.header("content-length"), ["2"]);
//! assert_eq!(upstream.seen(), 1);
//! ```

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// A request as it arrived: every byte of head and body.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    /// Which connection it came on, from 0.
    pub(crate) connection: usize,
    /// Request line and header lines, with the empty line that ends them.
    pub(crate) head: String,
    /// The body as it was framed: with chunk sizes where it was chunked.
    pub(crate) raw_body: Vec<u8>,
    /// The body itself.
    pub(crate) body: Vec<u8>,
}

/// What the upstream does about a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Writes these bytes and keeps the connection.
    Bytes(Vec<u8>),
    /// Writes these bytes and closes the connection.
    BytesThenClose(Vec<u8>),
    /// Says nothing, for as long as the client waits.
    Nothing,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

/// The upstream. Dropping it closes everything.
pub(crate) struct Recorder {
    address: SocketAddr,
    book: Arc<Book>,
    task: AbortHandle,
}

#[derive(Default)]
struct Book {
    requests: Mutex<Vec<Recorded>>,
    read: Mutex<usize>,
    connections: Mutex<Vec<AbortHandle>>,
    arrived: Arrived,
}

struct Arrived(Semaphore);

impl Default for Arrived {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

type Script = dyn Fn(&Recorded) -> Reply + Send + Sync;

impl Recorder {
    /// Answers each request as `script` says.
    pub(crate) async fn start(script: impl Fn(&Recorded) -> Reply + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), None, script)
    }

    /// Answers every request with `status` and `body` as JSON.
    pub(crate) async fn answering(status: u16, body: &str) -> Self {
        let reply = Reply::json(status, body);
        Self::start(move |_| reply.clone()).await
    }

    /// As [`Recorder::start`], over TLS.
    pub(crate) async fn tls(
        acceptor: TlsAcceptor,
        script: impl Fn(&Recorded) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), Some(acceptor), script)
    }

    pub(crate) fn on(
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        script: impl Fn(&Recorded) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let book = Arc::new(Book::default());
        let task = tokio::spawn(listen(listener, tls, Arc::clone(&book), Arc::new(script))).abort_handle();
        Self { address, book, task }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next request not yet asked for; waits for it.
    pub(crate) async fn request(&self) -> Recorded {
        self.book.arrived.0.acquire().await.unwrap().forget();
        let mut read = self.book.read.lock().unwrap();
        *read += 1;
        self.book.requests.lock().unwrap()[*read - 1].clone()
    }

    /// How many requests arrived whole.
    pub(crate) fn seen(&self) -> usize {
        self.book.requests.lock().unwrap().len()
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.book.connections.lock().unwrap().len()
    }

    /// Closes the connections that are open now, as a server does with idle ones, and lets the other side see it:
    /// what is sent before that meets a reset, which is another case.
    pub(crate) async fn close_connections(&self) {
        self.abort_connections();
        while !self.book.connections.lock().unwrap().iter().all(AbortHandle::is_finished) {
            tokio::task::yield_now().await;
        }
        // a yield lets the runtime ask the kernel what happened, and then whoever it happened to runs before us
        tokio::task::yield_now().await;
    }

    fn abort_connections(&self) {
        for connection in self.book.connections.lock().unwrap().iter() {
            connection.abort();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
        self.abort_connections();
    }
}

impl Reply {
    /// A whole JSON answer.
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::Bytes(
            format!(
                "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
        )
    }
}

impl Recorded {
    /// The request line.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The values of every header line of this name, in order.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

async fn listen(listener: TcpListener, tls: Option<TlsAcceptor>, book: Arc<Book>, script: Arc<Script>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (tls, script, on_book) = (tls.clone(), Arc::clone(&script), Arc::clone(&book));
        let mut connections = book.connections.lock().unwrap();
        let index = connections.len();
        let task = tokio::spawn(async move {
            match tls {
                None => serve_plain(stream, index, &on_book, &*script).await,
                Some(tls) => {
                    if let Ok(mut stream) = tls.accept(stream).await {
                        converse(&mut stream, index, &on_book, &*script).await;
                    }
                }
            }
        });
        connections.push(task.abort_handle());
    }
}

async fn serve_plain(mut stream: TcpStream, index: usize, book: &Book, script: &Script) {
    if converse(&mut stream, index, book, script).await == Ending::Reset {
        stream.set_zero_linger().unwrap();
    }
}

#[derive(PartialEq)]
enum Ending {
    Close,
    Reset,
}

async fn converse<T: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut T,
    connection: usize,
    book: &Book,
    script: &Script,
) -> Ending {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(stream, &mut buffer, connection).await {
        let reply = script(&request);
        book.requests.lock().unwrap().push(request);
        book.arrived.0.add_permits(1);
        match reply {
            Reply::Bytes(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    break;
                }
                let _ = stream.flush().await;
            }
            Reply::BytesThenClose(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                break;
            }
            Reply::Nothing => std::future::pending().await,
            Reply::Close => break,
            Reply::Reset => return Ending::Reset,
        }
    }
    Ending::Close
}

async fn read_request<T: AsyncRead + Unpin>(
    stream: &mut T,
    buffer: &mut Vec<u8>,
    connection: usize,
) -> Option<Recorded> {
    let head = read_until(stream, buffer, b"\r\n\r\n").await?;
    let head = String::from_utf8(head).expect("heads are ASCII here");
    let mut request = Recorded { connection, head, raw_body: Vec::new(), body: Vec::new() };
    if request.header("transfer-encoding") == ["chunked"] {
        read_chunks(stream, buffer, &mut request).await?;
    } else if let [length] = *request.header("content-length") {
        request.body = read_exactly(stream, buffer, length.parse().unwrap()).await?;
        request.raw_body.clone_from(&request.body);
    }
    Some(request)
}

async fn read_chunks<T: AsyncRead + Unpin>(stream: &mut T, buffer: &mut Vec<u8>, request: &mut Recorded) -> Option<()> {
    loop {
        let size = read_until(stream, buffer, b"\r\n").await?;
        let length = usize::from_str_radix(std::str::from_utf8(&size).unwrap().trim_end(), 16).unwrap();
        request.raw_body.extend(&size);
        let chunk = read_exactly(stream, buffer, length + 2).await?;
        request.raw_body.extend(&chunk);
        request.body.extend(&chunk[..length]);
        if length == 0 {
            return Some(());
        }
    }
}

async fn read_until<T: AsyncRead + Unpin>(stream: &mut T, buffer: &mut Vec<u8>, end: &[u8]) -> Option<Vec<u8>> {
    loop {
        if let Some(found) = buffer.windows(end.len()).position(|window| window == end) {
            return Some(buffer.drain(..found + end.len()).collect());
        }
        fill(stream, buffer).await?;
    }
}

async fn read_exactly<T: AsyncRead + Unpin>(stream: &mut T, buffer: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    while buffer.len() < length {
        fill(stream, buffer).await?;
    }
    Some(buffer.drain(..length).collect())
}

async fn fill<T: AsyncRead + Unpin>(stream: &mut T, buffer: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(buffer).await.ok()?;
    (read > 0).then_some(())
}
