//! A stream that reads on after a write has failed: a server may respond before it has read the whole request, and close.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose failed writes are not reported. Its reads report the end, or the error, after what has arrived.
// hyper drops the response that it has not read yet when a write fails (RFC 9112 section 9.5 asks for it to be read)
pub(super) struct EarlyResponseStream<T> {
    stream: T,
    /// Whether a write has failed, and the connection must not be used again.
    has_failed: Arc<AtomicBool>,
}

impl<T> EarlyResponseStream<T> {
    pub(super) fn new(stream: T, has_failed: Arc<AtomicBool>) -> Self {
        Self { stream, has_failed }
    }

    /// `done` in place of an error.
    fn hide<V>(&self, polled: Poll<io::Result<V>>, done: V) -> Poll<io::Result<V>> {
        match ready!(polled) {
            Ok(value) => Poll::Ready(Ok(value)),
            Err(_) => {
                self.has_failed.store(true, Ordering::Relaxed);
                Poll::Ready(Ok(done))
            }
        }
    }

    fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for EarlyResponseStream<T> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for EarlyResponseStream<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.has_failed() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.hide(written, bytes.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let length = parts.iter().map(|part| part.len()).sum();
        if this.has_failed() {
            return Poll::Ready(Ok(length));
        }
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        this.hide(written, length)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.has_failed() {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.hide(flushed, ())
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
