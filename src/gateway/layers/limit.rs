//! Limit: at most `limits.inFlight` requests at once. A request above the limit is refused, not queued.

use super::forward_or_refuse::{ForwardOrRefuse, Guard};
use crate::gateway::body::drain::drain;
use crate::gateway::call::Call;
use crate::gateway::capacity::Reservation;
use crate::gateway::refusal::Refusal;
use crate::gateway::worker_context::WorkerContext;
use crate::reason::Reason;
use bytes::Bytes;
use http_body::Body;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Bounds the requests in flight over all workers.
#[derive(Clone)]
pub(in crate::gateway) struct ConcurrencyLimitLayer {
    pub(in crate::gateway) context: Arc<WorkerContext>,
}

/// The service of [`ConcurrencyLimitLayer`].
#[derive(Clone)]
pub struct ConcurrencyLimit<S> {
    context: Arc<WorkerContext>,
    inner: S,
}

/// One request's share of the limit, held until the head of its response is there.
#[derive(Default)]
pub struct InFlightShare {
    _reservation: Option<Reservation>,
}

impl<R> Guard<R> for InFlightShare {
    type Response = R;

    fn release(self, response: R) -> R {
        response
    }
}

impl<S> Layer<S> for ConcurrencyLimitLayer {
    type Service = ConcurrencyLimit<S>;

    fn layer(&self, inner: S) -> ConcurrencyLimit<S> {
        ConcurrencyLimit { context: self.context.clone(), inner }
    }
}

impl<S, B> Service<Call<B>> for ConcurrencyLimit<S>
where
    S: Service<Call<B>, Error = Refusal, Future: Send> + Clone + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = S::Response;
    type Error = Refusal;
    type Future = ForwardOrRefuse<S::Future, InFlightShare>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, call: Call<B>) -> Self::Future {
        let Some(reservation) = self.context.requests.reserve(1) else {
            return ForwardOrRefuse::refuse(async move {
                let (head, body) = call.request.into_parts();
                drain(Reason::Overloaded, &head.headers, body).await;
                Refusal::of(Reason::Overloaded)
            });
        };
        let share = InFlightShare { _reservation: Some(reservation) };
        ForwardOrRefuse::forward(self.inner.call(call), share)
    }
}
