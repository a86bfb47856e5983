//! A reverse proxy without a header map: the head is examined once, and rewritten by copying ranges of it. No check, no log.
//!
//! `rival-offsets LISTEN UPSTREAM`, with one worker. Prototype: refuses chunked bodies on both sides, has no deadlines and no TLS.

use portcullis::head::{BodyFraming, examine};
use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LONGEST_HEAD: usize = 64 * 1024;
/// A body is read as a whole before the upstream is connected to, as the gateway reads it.
const LONGEST_BODY: u64 = 1024 * 1024;
const MOST_FIELDS: usize = 100;

/// Concern one connection, so that they are not copied.
const HOP_BY_HOP: [&[u8]; 7] =
    [b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"];

/// Status and reason of a request that is refused; its connection is closed.
type Refusal = &'static str;

const INVALID_RESPONSE: Refusal = "502 Bad Gateway";

struct Worker {
    upstream: SocketAddr,
    idle: RefCell<Vec<TcpStream>>,
}

/// What is to be known of a head besides its bytes.
struct Copied {
    is_last: bool,
    hosts: usize,
}

impl Worker {
    async fn serve(self: Rc<Self>, mut client: TcpStream) -> io::Result<()> {
        let (mut read, mut out, mut response) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let served = self.serve_request(&mut client, &mut read, &mut out, &mut response).await?;
            match served {
                Ok(false) => {}
                Ok(true) => return Ok(()),
                Err(refusal) => {
                    let text = format!("HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    return client.write_all(text.as_bytes()).await;
                }
            }
        }
    }

    /// Whether the connection ends after this request.
    async fn serve_request(
        &self,
        client: &mut TcpStream,
        read: &mut Vec<u8>,
        out: &mut Vec<u8>,
        response: &mut Vec<u8>,
    ) -> io::Result<Result<bool, Refusal>> {
        let head = loop {
            match examine(read, LONGEST_HEAD) {
                Ok(Some(head)) => break head,
                Ok(None) if client.read_buf(read).await? == 0 => return Ok(Ok(true)),
                Ok(None) => {}
                Err(_) => return Ok(Err("400 Bad Request")),
            }
        };
        let length = match head.framing {
            BodyFraming::Length(length) if length <= LONGEST_BODY => length as usize,
            BodyFraming::Length(_) => return Ok(Err("413 Content Too Large")),
            BodyFraming::Chunked => return Ok(Err("411 Length Required")),
        };
        out.clear();
        let copied = match copy_request(&read[..head.length], out) {
            Ok(copied) => copied,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let whole = head.length + length;
        while read.len() < whole {
            if client.read_buf(read).await? == 0 {
                return Ok(Ok(true));
            }
        }
        let is_head = read.starts_with(b"HEAD ");
        out.extend_from_slice(&read[head.length..whole]);
        read.drain(..whole);
        let exchanged = self.exchange(client, out, response, is_head).await?;
        Ok(exchanged.map(|()| copied.is_last))
    }

    /// Sends a request and passes on its response. An error of the outer kind leaves the response unfinished.
    async fn exchange(
        &self,
        client: &mut TcpStream,
        out: &mut Vec<u8>,
        response: &mut Vec<u8>,
        is_head: bool,
    ) -> io::Result<Result<(), Refusal>> {
        let Ok(mut upstream) = self.take_or_connect().await else { return Ok(Err(INVALID_RESPONSE)) };
        if upstream.write_all(out).await.is_err() {
            return Ok(Err(INVALID_RESPONSE));
        }
        response.clear();
        let (head, length) = loop {
            match response_head(response, is_head) {
                Ok(Some(found)) => break found,
                Ok(None) if matches!(upstream.read_buf(response).await, Ok(1..)) => {}
                _ => return Ok(Err(INVALID_RESPONSE)),
            }
        };
        out.clear();
        let Ok(copied) = copy_head(&response[..head], out) else { return Ok(Err(INVALID_RESPONSE)) };
        let part = length.min((response.len() - head) as u64);
        let has_more = (response.len() - head) as u64 > length;
        out.extend_from_slice(&response[head..head + part as usize]);
        client.write_all(out).await?;
        let mut left = length - part;
        while left > 0 {
            response.clear();
            // never more than belongs to this response
            let count = (&mut upstream).take(left).read_buf(response).await?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            client.write_all(response).await?;
            left -= count as u64;
        }
        if !copied.is_last && !has_more {
            self.idle.borrow_mut().push(upstream);
        }
        Ok(Ok(()))
    }

    async fn take_or_connect(&self) -> io::Result<TcpStream> {
        loop {
            let Some(idle) = self.idle.borrow_mut().pop() else { break };
            // nothing may arrive on an idle connection: bytes would be a response to no request
            if matches!(idle.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock) {
                return Ok(idle);
            }
        }
        let stream = TcpStream::connect(self.upstream).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

fn copy_request(head: &[u8], out: &mut Vec<u8>) -> Result<Copied, Refusal> {
    let first = head.iter().position(|byte| *byte == b'\r').unwrap_or_default();
    let line = &head[..first];
    let target = line.iter().position(|byte| *byte == b' ').map(|space| line[space + 1]);
    if !line.ends_with(b" HTTP/1.1") || target != Some(b'/') {
        return Err("400 Bad Request");
    }
    let copied = copy_head(head, out)?;
    if copied.hosts == 1 { Ok(copied) } else { Err("400 Bad Request") }
}

/// Copies each line but those of one connection. The head ends with its empty line.
fn copy_head(head: &[u8], out: &mut Vec<u8>) -> Result<Copied, Refusal> {
    let mut copied = Copied { is_last: false, hosts: 0 };
    // what is to be copied starts here; a line that is dropped ends the range before it
    let (mut start, mut at, mut is_first) = (0, 0, true);
    for end in memchr::memchr_iter(b'\n', head) {
        let line = head[at..=end].strip_suffix(b"\r\n").ok_or("400 Bad Request")?;
        if !is_first && let Some(colon) = memchr::memchr(b':', line) {
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if is_hop_by_hop(name) {
                out.extend_from_slice(&head[start..at]);
                start = end + 1;
            }
            match name.len() {
                4 if name.eq_ignore_ascii_case(b"host") => copied.hosts += 1,
                6 if name.eq_ignore_ascii_case(b"expect") => return Err("417 Expectation Failed"),
                10 if name.eq_ignore_ascii_case(b"connection") => match value {
                    _ if value.eq_ignore_ascii_case(b"close") => copied.is_last = true,
                    _ if value.eq_ignore_ascii_case(b"keep-alive") => {}
                    // fields that it names would have to be dropped, before or after it
                    _ => return Err("400 Bad Request"),
                },
                _ => {}
            }
        }
        (at, is_first) = (end + 1, false);
    }
    out.extend_from_slice(&head[start..]);
    Ok(copied)
}

fn is_hop_by_hop(name: &[u8]) -> bool {
    HOP_BY_HOP.iter().any(|other| name.len() == other.len() && name.eq_ignore_ascii_case(other))
}

/// The length of a response's head and of its body. `None` if the head is incomplete.
fn response_head(bytes: &[u8], is_head: bool) -> Result<Option<(usize, u64)>, Refusal> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let head = match response.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) if bytes.len() < LONGEST_HEAD => return Ok(None),
        _ => return Err(INVALID_RESPONSE),
    };
    let mut declared = None;
    for field in response.headers.iter() {
        if field.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(INVALID_RESPONSE);
        }
        if field.name.eq_ignore_ascii_case("content-length") {
            let digits = Some(field.value).filter(|value| value.iter().all(u8::is_ascii_digit));
            let length = digits.and_then(|value| std::str::from_utf8(value).ok()?.parse::<u64>().ok());
            if declared.is_some() || length.is_none() {
                return Err(INVALID_RESPONSE);
            }
            declared = length;
        }
    }
    match response.code {
        Some(204 | 304) => Ok(Some((head, 0))),
        Some(200..) if is_head => Ok(Some((head, 0))),
        // a body that ends with the connection cannot be told from one that was cut short
        Some(200..) => declared.map(|length| Some((head, length))).ok_or(INVALID_RESPONSE),
        _ => Err(INVALID_RESPONSE),
    }
}

async fn work(listen: SocketAddr, upstream: SocketAddr) -> io::Result<()> {
    let worker = Rc::new(Worker { upstream, idle: RefCell::default() });
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (client, _) = listener.accept().await?;
        client.set_nodelay(true)?;
        let worker = worker.clone();
        spawn_local(async move {
            // the load closes its connections in the middle of requests
            let _ = worker.serve(client).await;
        });
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let mut next = || given.next().ok_or("an argument is missing");
    let (listen, upstream) = (next()?.parse()?, next()?.parse()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    Ok(LocalSet::new().block_on(&runtime, work(listen, upstream))?)
}
