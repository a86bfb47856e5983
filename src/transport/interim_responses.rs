//! A bound on interim (1xx) responses, of which a server may send any number before the final one (RFC 9110 section 15.2).

// hyper skips each in HTTP/1.1, and h2 keeps each until the final one, so that a response that never comes would cost a worker its
// time or its memory

use http::{HeaderMap, Request};
use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most interim responses to a request.
const MOST: usize = 16;
/// Most bytes of the interim responses to a request.
const MOST_BYTES: usize = 64 * 1024;

/// Length of a frame's header (RFC 9113 section 4.1).
const FRAME_HEADER: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
/// Most streams whose heads are counted. The oldest are forgotten: their requests were reset by this side.
const STREAMS: usize = 1024;

/// The interim responses on one connection: since the last request in HTTP/1.1, of any stream in HTTP/2.
#[derive(Debug, Default)]
pub struct InterimResponses {
    count: AtomicUsize,
    bytes: AtomicUsize,
}

impl InterimResponses {
    /// Counts the interim responses to `request`, which is about to be sent over HTTP/1.1.
    pub fn count_for<B>(self: &Arc<Self>, request: &mut Request<B>) {
        self.count.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        let counted = Arc::clone(self);
        hyper::ext::on_informational(request, move |response| counted.add(length(response.headers())));
    }

    /// Whether there were too many.
    pub fn is_exceeded(&self) -> bool {
        self.count.load(Ordering::Relaxed) > MOST || self.bytes.load(Ordering::Relaxed) > MOST_BYTES
    }

    fn add(&self, bytes: usize) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn exceed(&self) {
        self.count.store(MOST + 1, Ordering::Relaxed);
    }
}

/// The length of a head in HTTP/1.1, without its status line.
fn length(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + b": \r\n".len()).sum()
}

/// A connection that breaks off when its interim responses are too many.
#[derive(Debug)]
pub struct InterimBoundStream<T> {
    inner: T,
    responses: Arc<InterimResponses>,
    /// In HTTP/2, where nothing else shows them.
    heads: Option<ResponseHeads>,
}

impl<T> InterimBoundStream<T> {
    /// Bounds a connection in HTTP/1.1, on which [`InterimResponses::count_for`] counts.
    pub const fn http1(inner: T, responses: Arc<InterimResponses>) -> Self {
        Self { inner, responses, heads: None }
    }

    /// Bounds a connection in HTTP/2, for each of its streams.
    pub fn http2(inner: T, responses: Arc<InterimResponses>) -> Self {
        Self { inner, responses, heads: Some(ResponseHeads::default()) }
    }
}

/// The heads of responses in the frames that a server sends.
#[derive(Debug, Default)]
struct ResponseHeads {
    /// The header of a frame, as far as it has arrived.
    header: Vec<u8>,
    /// Bytes left of a frame's payload.
    left: usize,
    /// Heads on each stream that has no body yet: their number, and the bytes of all.
    streams: BTreeMap<u32, (usize, usize)>,
}

impl ResponseHeads {
    /// Follows the frames through `bytes`. Returns whether each stream has few enough heads.
    fn follow(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            if self.left > 0 {
                let step = self.left.min(bytes.len());
                self.left -= step;
                bytes = bytes.get(step..).unwrap_or_default();
                continue;
            }
            let (header, rest) = bytes.split_at(bytes.len().min(FRAME_HEADER - self.header.len()));
            self.header.extend_from_slice(header);
            bytes = rest;
            let [high, middle, low, kind, flags, a, b, c, d] = *self.header.as_slice() else { return true };
            self.header.clear();
            self.left = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            if !self.take(kind, flags, u32::from_be_bytes([a, b, c, d])) {
                return false;
            }
        }
        true
    }

    /// Takes note of a frame. Returns whether its stream has few enough heads.
    fn take(&mut self, kind: u8, flags: u8, stream: u32) -> bool {
        match kind {
            // what follows is a body, or nothing
            DATA | RST_STREAM => _ = self.streams.remove(&stream),
            HEADERS if flags & END_STREAM != 0 => _ = self.streams.remove(&stream),
            HEADERS | CONTINUATION => {
                let (heads, bytes) = self.streams.entry(stream).or_default();
                // those before this one were interim
                let is_bounded = *heads <= MOST && (kind == CONTINUATION || *bytes <= MOST_BYTES);
                *heads += usize::from(kind == HEADERS);
                *bytes += self.left;
                if self.streams.len() > STREAMS {
                    self.streams.pop_first();
                }
                return is_bounded;
            }
            _ => {}
        }
        true
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for InterimBoundStream<T> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.responses.is_exceeded() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.inner).poll_read(context, buffer))?;
            let read = buffer.filled().get(before..).unwrap_or_default();
            if this.heads.as_mut().is_none_or(|heads| heads.follow(read)) {
                return Poll::Ready(Ok(()));
            }
            this.responses.exceed();
        }
        Poll::Ready(Err(io::Error::other("too many interim responses")))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for InterimBoundStream<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::{CONTINUATION, DATA, END_STREAM, HEADERS, MOST, ResponseHeads};

    fn frame(kind: u8, flags: u8, stream: u8, length: usize) -> Vec<u8> {
        let size = u32::try_from(length).unwrap().to_be_bytes();
        [&size[1..], &[kind, flags, 0, 0, 0, stream], vec![b'x'; length].as_slice()].concat()
    }

    /// Whether the frames are within the bound, in one piece and byte by byte.
    fn is_bounded(frames: &[Vec<u8>]) -> bool {
        let bytes = frames.concat();
        let whole = ResponseHeads::default().follow(&bytes);
        let mut heads = ResponseHeads::default();
        assert_eq!(bytes.iter().all(|byte| heads.follow(&[*byte])), whole);
        whole
    }

    #[test]
    fn heads_before_a_body_are_counted_for_each_stream() {
        let heads = |count, stream| vec![frame(HEADERS, 0, stream, 4); count];
        // the final one, too
        assert!(is_bounded(&heads(MOST + 1, 1)));
        assert!(!is_bounded(&heads(MOST + 2, 1)));
        assert!(is_bounded(&[heads(MOST, 1), heads(MOST, 3)].concat()));
        let answered = [heads(MOST + 1, 1), vec![frame(DATA, 0, 1, 100), frame(HEADERS, END_STREAM, 1, 4)]].concat();
        assert!(is_bounded(&[answered.clone(), answered.clone(), answered].concat()));
    }

    #[test]
    fn bytes_of_heads_are_counted_without_those_of_the_last() {
        let large = [frame(HEADERS, 0, 1, 16_000), frame(CONTINUATION, 0, 1, 16_000)].concat();
        assert!(is_bounded(&vec![large.clone(); 3]));
        assert!(!is_bounded(&vec![large; 4]));
    }
}
