//! An upstream that records all it receives, and responds to everything that it can read as a request.

use super::arrival::{Arrival, parse_request};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{\"object\":\"ok\"}";

/// Maximum size of an incomplete request in bytes.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// A recording upstream. Dropping it closes its listener and connections.
pub struct Recording {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
    task: AbortHandle,
}

#[derive(Default)]
struct Book {
    arrivals: Vec<Arrival>,
    connections: HashMap<usize, OpenRecording>,
}

/// An open connection with the bytes of an incomplete request.
struct OpenRecording {
    unread: Vec<u8>,
    task: AbortHandle,
}

impl Recording {
    /// Listens on `address`, within a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn listen(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let (address, book) = (listener.local_addr()?, Arc::<Mutex<Book>>::default());
        let task = tokio::spawn(serve(listener, Arc::clone(&book))).abort_handle();
        Ok(Self { address, book, task })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests received since the last call, with incomplete ones, whose connections are closed.
    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        let mut book = lock(&self.book);
        let mut arrivals = std::mem::take(&mut book.arrivals);
        book.connections.retain(|_, connection| {
            let part = parse_request(&connection.unread);
            // closed, so that the rest of this case cannot pass for the next one
            if !connection.unread.is_empty() {
                connection.task.abort();
            }
            arrivals.extend(part.map(|part| part.arrival));
            connection.unread.is_empty()
        });
        arrivals
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.task.abort();
        for connection in lock(&self.book).connections.values() {
            connection.task.abort();
        }
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    // a panic in one connection must not end the recording of the others
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, book: Arc<Mutex<Book>>) {
    let mut number = 0;
    while let Ok((stream, _)) = listener.accept().await {
        // locked before the task starts, so that it finds its connection in the book
        let mut open = lock(&book);
        let task = tokio::spawn(record(stream, number, Arc::clone(&book))).abort_handle();
        open.connections.insert(number, OpenRecording { unread: Vec::new(), task });
        number += 1;
    }
}

/// Records requests until the connection ends; an incomplete last one counts, too.
async fn record(mut stream: TcpStream, number: usize, book: Arc<Mutex<Book>>) {
    let mut buffer = Vec::new();
    while matches!(stream.read_buf(&mut buffer).await, Ok(read) if read > 0) && buffer.len() < MAX_BYTES {
        // all that is available before parsing: else a long body is parsed again for each piece, which is quadratic
        while buffer.len() < MAX_BYTES && matches!(stream.try_read_buf(&mut buffer), Ok(read) if read > 0) {}
        let answers = note(&book, number, &mut buffer);
        for _ in 0..answers {
            if stream.write_all(ANSWER).await.is_err() {
                break;
            }
        }
    }
    let mut book = lock(&book);
    if let Some(connection) = book.connections.remove(&number)
        && let Some(part) = parse_request(&connection.unread)
    {
        book.arrivals.push(part.arrival);
    }
}

/// Moves the complete requests out of `buffer`. Returns their number.
fn note(book: &Mutex<Book>, number: usize, buffer: &mut Vec<u8>) -> usize {
    let mut book = lock(book);
    let mut whole = 0;
    while let Some(taken) = parse_request(buffer) {
        let Some(length) = taken.length else { break };
        buffer.drain(..length);
        book.arrivals.push(taken.arrival);
        whole += 1;
    }
    if let Some(connection) = book.connections.get_mut(&number) {
        connection.unread.clone_from(buffer);
    }
    whole
}
