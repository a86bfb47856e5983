//! ConcurrencyLimit: at most `limits.inFlight` requests at once; the one above is refused at once rather than queued.

use crate::gateway::body::drain::drain;
use crate::gateway::call::Call;
use crate::gateway::capacity::Reservation;
use crate::gateway::layers::forward_or_refuse::ForwardOrRefuse;
use crate::gateway::refusal::Refusal;
use crate::gateway::worker_context::WorkerContext;
use crate::reason::Reason;
use bytes::Bytes;
use http_body::Body;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Bounds the requests at once, over all workers.
#[derive(Clone)]
pub(in crate::gateway) struct ConcurrencyLimitLayer {
    pub(in crate::gateway) shared: Arc<WorkerContext>,
}

/// See [`ConcurrencyLimitLayer`].
#[derive(Clone)]
pub struct ConcurrencyLimit<S> {
    shared: Arc<WorkerContext>,
    inner: S,
}

impl<S> Layer<S> for ConcurrencyLimitLayer {
    type Service = ConcurrencyLimit<S>;

    fn layer(&self, inner: S) -> ConcurrencyLimit<S> {
        ConcurrencyLimit { shared: self.shared.clone(), inner }
    }
}

impl<S, B> Service<Call<B>> for ConcurrencyLimit<S>
where
    S: Service<Call<B>, Error = Refusal, Future: Send> + Clone + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = S::Response;
    type Error = Refusal;
    type Future = ForwardOrRefuse<S::Future, Reservation>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, call: Call<B>) -> Self::Future {
        let Some(share) = self.shared.requests.take(1) else {
            return ForwardOrRefuse::refuse(async move {
                let (head, body) = call.request.into_parts();
                drain(Reason::Overloaded, &head.headers, body).await;
                Refusal::of(Reason::Overloaded)
            });
        };
        ForwardOrRefuse::forward(self.inner.call(call), share)
    }
}
