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
