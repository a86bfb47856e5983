//! Limit: at most `limits.inFlight` requests at once; the one above is refused at once rather than queued.

use super::budget::Share;
use super::call::Call;
use super::drain::drain;
use super::onward::Onward;
use super::refuse::Refusal;
use super::shared::Shared;
use crate::reason::Reason;
use bytes::Bytes;
use http_body::Body;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Bounds the requests at once, over all workers.
#[derive(Clone)]
pub(super) struct LimitLayer {
    pub(super) shared: Arc<Shared>,
}

/// See [`LimitLayer`].
#[derive(Clone)]
pub struct Limit<S> {
    shared: Arc<Shared>,
    inner: S,
}

impl<S> Layer<S> for LimitLayer {
    type Service = Limit<S>;

    fn layer(&self, inner: S) -> Limit<S> {
        Limit { shared: self.shared.clone(), inner }
    }
}

impl<S, B> Service<Call<B>> for Limit<S>
where
    S: Service<Call<B>, Error = Refusal, Future: Send> + Clone + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = S::Response;
    type Error = Refusal;
    type Future = Onward<S::Future, Share>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, call: Call<B>) -> Self::Future {
        let Some(share) = self.shared.requests.take(1) else {
            return Onward::refused(async move {
                let (head, body) = call.request.into_parts();
                drain(Reason::Overloaded, &head.headers, body).await;
                Refusal::of(Reason::Overloaded)
            });
        };
        Onward::on(self.inner.call(call), share)
    }
}
