//! The body of a request in transit, with its progress, by which a slow client is distinguished from a silent upstream.

use super::UpstreamBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The body that hyper sends. A streamed one records its progress.
#[derive(Debug)]
pub(super) struct Upload {
    body: UpstreamBody,
    progress: Option<Arc<UploadProgress>>,
}

/// The progress of a streamed body, read by the task that waits for the response.
#[derive(Debug)]
pub(super) struct UploadProgress {
    begun: Instant,
    /// Milliseconds from `begun` to when hyper last took bytes, or [`UploadProgress::CLIENT`].
    handed: AtomicU64,
    /// Milliseconds from `begun` to when hyper began to wait for bytes that the client has not sent yet.
    awaited: AtomicU64,
    /// Bytes that hyper took.
    bytes: AtomicU64,
    /// Whether the client broke off the upload.
    broken: AtomicBool,
}

impl Upload {
    pub(super) fn new(body: UpstreamBody) -> Self {
        let progress = matches!(body, UpstreamBody::Streamed(_)).then(|| Arc::new(UploadProgress::new()));
        Self { body, progress }
    }

    /// The same body once more, if it is whole in memory.
    pub(super) fn repeat(&self) -> Option<Self> {
        let body = match &self.body {
            UpstreamBody::Buffered(bytes) => UpstreamBody::Buffered(bytes.clone()),
            UpstreamBody::Empty => UpstreamBody::Empty,
            UpstreamBody::Streamed(_) => return None,
        };
        Some(Self { body, progress: None })
    }

    pub(super) fn progress(&self) -> Option<Arc<UploadProgress>> {
        self.progress.clone()
    }
}

impl UploadProgress {
    /// In place of a time: hyper waits for bytes that the client has not sent yet.
    const CLIENT: u64 = u64::MAX;

    fn new() -> Self {
        Self {
            begun: Instant::now(),
            handed: AtomicU64::default(),
            awaited: AtomicU64::default(),
            bytes: AtomicU64::default(),
            broken: AtomicBool::default(),
        }
    }

    /// How long the upstream could have read on or responded. Zero while the client's bytes are awaited.
    pub(super) fn upstream_idle(&self) -> Duration {
        match self.handed.load(Ordering::Relaxed) {
            Self::CLIENT => Duration::ZERO,
            handed => self.begun.elapsed().saturating_sub(Duration::from_millis(handed)),
        }
    }

    /// Whether the client's bytes are awaited.
    pub(super) fn awaits_client(&self) -> bool {
        self.handed.load(Ordering::Relaxed) == Self::CLIENT
    }

    /// How long the client has sent nothing. Zero while it is not its turn.
    pub(super) fn client_idle(&self) -> Duration {
        let awaited = Duration::from_millis(self.awaited.load(Ordering::Relaxed));
        if self.awaits_client() { self.begun.elapsed().saturating_sub(awaited) } else { Duration::ZERO }
    }

    /// Whether the client broke off the upload, so that the request cannot be completed.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Bytes that hyper has taken so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The time since the upload began.
    pub(super) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    fn note(&self, polled: &Poll<Option<Result<Frame<Bytes>, hyper::Error>>>) {
        let now = || u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(Self::CLIENT - 1);
        if !polled.is_pending() {
            self.handed.store(now(), Ordering::Relaxed);
        } else if !self.awaits_client() {
            // only at the first of several polls without a byte
            self.awaited.store(now(), Ordering::Relaxed);
            self.handed.store(Self::CLIENT, Ordering::Relaxed);
        }
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
            }
            Poll::Ready(Some(Err(_))) => self.broken.store(true, Ordering::Relaxed),
            Poll::Ready(None) | Poll::Pending => {}
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if let Some(progress) = &this.progress {
            progress.note(&polled);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_the_client_owes_bytes_the_upstream_is_not_late() {
        let progress = UploadProgress::new();
        progress.note(&Poll::Pending);
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(progress.upstream_idle(), Duration::ZERO);
    }

    #[test]
    fn once_bytes_are_handed_over_the_upstream_s_time_runs() {
        let progress = UploadProgress::new();
        progress.note(&Poll::Ready(None));
        std::thread::sleep(Duration::from_millis(5));
        assert!(progress.upstream_idle() >= Duration::from_millis(4));
    }

    #[test]
    fn only_a_streamed_body_pays_for_progress() {
        assert!(Upload::new(UpstreamBody::Empty).progress().is_none());
        assert!(Upload::new(UpstreamBody::Buffered(Bytes::new().into())).progress().is_none());
    }
}
