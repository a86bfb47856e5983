//! Finds HTTP/2 connections that are of no use: idle, with a client that reads nothing of its responses, or with one that
//! resets request after request.

// hyper bounds none of the three in HTTP/2; in HTTP/1.1 its header timeout and the guard's stall timer do

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Requests reset in a row after which a connection ends.
// h2 bounds the streams that are reset before they are accepted ("rapid reset", CVE-2023-44487); a client that resets a
// little later costs a whole request each time
const MAX_ABANDONED: usize = 100;

/// The requests of one connection.
pub(super) struct ConnectionActivity {
    requests: Mutex<RequestTable>,
    /// Notified when too many were reset.
    enough: Notify,
}

struct RequestTable {
    next: u64,
    /// Number of requests reset since the last one that was answered.
    abandoned: usize,
    /// Requests in flight, each with the time since when its client has not read on, if it is the client's turn.
    under_way: HashMap<u64, Option<Instant>>,
    last_end: Instant,
}

/// A request in flight.
pub(super) struct ActiveRequest {
    activity: Arc<ConnectionActivity>,
    number: u64,
    is_answered: bool,
}

pin_project! {
    /// The body of a response; its request is in flight until it ends.
    pub(super) struct ActiveBody<B> {
        #[pin]
        body: B,
        active: ActiveRequest,
    }
}

impl ConnectionActivity {
    pub(super) fn new() -> Arc<Self> {
        let requests = RequestTable { next: 0, abandoned: 0, under_way: HashMap::new(), last_end: Instant::now() };
        Arc::new(Self { requests: Mutex::new(requests), enough: Notify::new() })
    }

    pub(super) fn request(self: &Arc<Self>) -> ActiveRequest {
        let mut requests = self.requests();
        let number = requests.next;
        requests.next += 1;
        requests.under_way.insert(number, None);
        ActiveRequest { activity: Arc::clone(self), number, is_answered: false }
    }

    /// Restarts the idle time.
    pub(super) fn touch(&self) {
        self.requests().last_end = Instant::now();
    }

    /// Waits until the connection was idle for `idle`, or its client read nothing for `stall`, or until it has reset too often.
    // one timer a connection and limit, not one a request
    pub(super) async fn wait_until_useless(&self, idle: Duration, stall: Duration) {
        while let Some(left) = self.time_left(idle, stall) {
            let _ = pingora_timeout::timeout(left, self.enough.notified()).await;
        }
    }

    fn time_left(&self, idle: Duration, stall: Duration) -> Option<Duration> {
        let requests = self.requests();
        if requests.abandoned > MAX_ABANDONED {
            return None;
        }
        let left = if requests.under_way.is_empty() {
            idle.checked_sub(requests.last_end.elapsed())?
        } else {
            let since = requests.under_way.values().flatten().min();
            since.map_or(Some(stall), |since| stall.checked_sub(since.elapsed()))?
        };
        // a zero deadline underflows inside pingora's timer
        (!left.is_zero()).then(|| left.max(Duration::from_millis(1)))
    }

    fn requests(&self) -> MutexGuard<'_, RequestTable> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ActiveRequest {
    /// Records whether it is the client's turn.
    fn client_owes(&self, owes: bool) {
        self.activity.requests().under_way.insert(self.number, owes.then(Instant::now));
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let mut requests = self.activity.requests();
        requests.under_way.remove(&self.number);
        requests.last_end = Instant::now();
        requests.abandoned = if self.is_answered { 0 } else { requests.abandoned + 1 };
        if requests.abandoned > MAX_ABANDONED {
            self.activity.enough.notify_one();
        }
    }
}

impl<B: Body> ActiveBody<B> {
    pub(super) fn new(body: B, mut active: ActiveRequest) -> Self {
        active.is_answered = body.is_end_stream();
        active.client_owes(true);
        Self { body, active }
    }
}

impl<B: Body<Data: Buf>> Body for ActiveBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        // hyper polls the body only once the head is sent, so that this request was not reset before
        this.active.is_answered = true;
        let polled = this.body.poll_frame(context);
        // hyper polls only if the client's flow-control window has room: until the next poll it is the client's turn
        this.active.client_owes(polled.is_ready());
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

    const LIMIT: Duration = Duration::from_millis(40);

    #[tokio::test]
    async fn a_request_under_way_is_of_use_until_its_client_stalls() {
        let activity = ConnectionActivity::new();
        let active = activity.request();
        assert!(pingora_timeout::timeout(LIMIT * 4, activity.wait_until_useless(LIMIT, LIMIT)).await.is_err());
        active.client_owes(true);
        pingora_timeout::timeout(LIMIT * 100, activity.wait_until_useless(LIMIT, LIMIT))
            .await
            .expect("the client stalls");
        active.client_owes(false);
        assert!(activity.time_left(LIMIT, LIMIT).is_some());
    }

    #[tokio::test]
    async fn idleness_begins_with_the_end_of_the_last_request() {
        let activity = ConnectionActivity::new();
        drop(activity.request());
        assert!(activity.time_left(LIMIT, LIMIT).is_some());
        pingora_timeout::timeout(LIMIT * 100, activity.wait_until_useless(LIMIT, LIMIT)).await.expect("it idles");
        assert!(activity.time_left(LIMIT, LIMIT).is_none());
    }
}
