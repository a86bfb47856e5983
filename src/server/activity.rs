//! How long a connection in HTTP/2 has had no request, which nothing else bounds there.

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The requests of one connection: how many are under way, and when the last one ended.
pub(super) struct Activity {
    begun: Instant,
    requests: AtomicUsize,
    /// Milliseconds after `begun`.
    last_end: AtomicU64,
}

/// A request under way.
pub(super) struct Active(Arc<Activity>);

/// The body of an answer; its request is under way until it ends.
pub(super) struct ActiveBody<B> {
    body: Pin<Box<B>>,
    _active: Active,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { begun: Instant::now(), requests: AtomicUsize::new(0), last_end: AtomicU64::new(0) })
    }

    pub(super) fn request(self: &Arc<Self>) -> Active {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Active(Arc::clone(self))
    }

    /// Waits until there has been no request for `limit`. One timer a connection and limit, rather than one a request.
    pub(super) async fn idle_for(&self, limit: Duration) {
        while let Some(left) = self.idle_left(limit) {
            pingora_timeout::sleep(left).await;
        }
    }

    /// Has the time without a request begin anew.
    pub(super) fn touch(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_end.store(now, Ordering::Relaxed);
    }

    fn idle_left(&self, limit: Duration) -> Option<Duration> {
        if self.requests.load(Ordering::Relaxed) > 0 {
            return Some(limit);
        }
        let last_end = Duration::from_millis(self.last_end.load(Ordering::Relaxed));
        let left = limit.checked_sub(self.begun.elapsed().saturating_sub(last_end))?;
        // a zero deadline underflows inside pingora's timer
        (!left.is_zero()).then(|| left.max(Duration::from_millis(1)))
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.touch();
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<B> ActiveBody<B> {
    pub(super) fn new(body: B, active: Active) -> Self {
        Self { body: Box::pin(body), _active: active }
    }
}

impl<B: Body<Data: Buf>> Body for ActiveBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.get_mut().body.as_mut().poll_frame(context)
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

    const LIMIT: Duration = Duration::from_millis(40);

    #[tokio::test]
    async fn a_request_under_way_is_no_idleness() {
        let activity = Activity::new();
        let active = activity.request();
        assert!(pingora_timeout::timeout(LIMIT * 4, activity.idle_for(LIMIT)).await.is_err());
        drop(active);
        assert!(activity.idle_left(LIMIT).is_some(), "time runs from the end of the request");
        activity.idle_for(LIMIT).await;
        assert!(activity.idle_left(LIMIT).is_none());
    }
}
