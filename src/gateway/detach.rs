//! A request whose client hangs up while the upstream works on it.

use super::call::SharedRecord;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// The response to a request, which is awaited to its end even if it is dropped after the upstream was sent the request.
///
/// What the request holds, of `limits.inFlight` and of the policies' limits, it holds until the upstream answered or timed out:
/// a client that hangs up and asks again must not have more under way upstream than its limits allow.
pub struct DetachOnDrop<O: Send + 'static> {
    response: Option<Pin<Box<dyn Future<Output = O> + Send>>>,
    record: SharedRecord,
}

impl<O: Send + 'static> DetachOnDrop<O> {
    /// Awaits `response`, of the request with this record.
    pub(super) const fn new(response: Pin<Box<dyn Future<Output = O> + Send>>, record: SharedRecord) -> Self {
        Self { response: Some(response), record }
    }
}

impl<O: Send + 'static> Future for DetachOnDrop<O> {
    type Output = O;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<O> {
        let Some(response) = &mut self.response else { return Poll::Pending };
        let polled = response.as_mut().poll(context);
        if polled.is_ready() {
            self.response = None;
        }
        polled
    }
}

impl<O: Send + 'static> Drop for DetachOnDrop<O> {
    fn drop(&mut self) {
        let Some(response) = self.response.take() else { return };
        // a request that was not sent yet is dropped with its client: no client waits for its result
        if self.record.client_left()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move { drop(response.await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DetachOnDrop;
    use crate::gateway::call::SharedRecord;
    use crate::telemetry::record::samples::allowed_request;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::sync::Notify;

    /// A response for which the upstream has to be released, and what its request holds.
    fn held_response(record: &SharedRecord) -> (DetachOnDrop<()>, Arc<Notify>, Arc<()>) {
        let (upstream, place) = (Arc::new(Notify::new()), Arc::new(()));
        let (answered, held) = (Arc::clone(&upstream), Arc::clone(&place));
        let response = async move {
            answered.notified().await;
            drop(held);
        };
        (DetachOnDrop::new(Box::pin(response), record.clone()), upstream, place)
    }

    #[tokio::test]
    async fn a_sent_request_keeps_its_place_until_the_upstream_answers() {
        let record = SharedRecord::new(allowed_request());
        let (response, upstream, place) = held_response(&record);
        record.send_observer().note_sent();
        drop(response);
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&place), 2, "its client left, and the upstream works on it");
        assert!(record.has_client_left());
        upstream.notify_one();
        let given_back = async {
            while Arc::strong_count(&place) > 1 {
                tokio::task::yield_now().await;
            }
        };
        assert!(pingora_timeout::timeout(Duration::from_secs(60), given_back).await.is_ok());
    }

    #[tokio::test]
    async fn a_request_that_was_not_sent_leaves_with_its_client() {
        let (response, _upstream, place) = held_response(&SharedRecord::new(allowed_request()));
        drop(response);
        assert_eq!(Arc::strong_count(&place), 1);
    }
}
