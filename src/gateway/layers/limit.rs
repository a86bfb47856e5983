//! Limit: at most `limits.inFlight` requests at once, and as many as `limits.memoryBytes` has room for. A request above a limit
//! is refused, not queued.

use super::forward_or_refuse::{ForwardOrRefuse, Guard};
use crate::budget::{Hold, prices};
use crate::gateway::body::counted::CountedBody;
use crate::gateway::body::drain::drain;
use crate::gateway::call::Call;
use crate::gateway::refusal::Refusal;
use crate::reason::Reason;
use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::Body;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Bounds the requests in flight over all workers.
#[derive(Clone)]
pub(in crate::gateway) struct ConcurrencyLimitLayer;

/// The service of [`ConcurrencyLimitLayer`].
#[derive(Clone)]
pub struct ConcurrencyLimit<S> {
    inner: S,
}

/// What one request holds. It moves into the response's body, because a request is in flight until the last byte of its
/// response, and the unread part of a response is in memory.
#[derive(Default)]
pub struct InFlightShare {
    hold: Option<Hold>,
    is_http2: bool,
}

impl<U> Guard<Response<U>> for InFlightShare {
    type Response = Response<CountedBody<U>>;

    fn release(self, response: Response<U>) -> Self::Response {
        response.map(|body| CountedBody::new(body, self.hold, self.is_http2))
    }
}

impl<S> Layer<S> for ConcurrencyLimitLayer {
    type Service = ConcurrencyLimit<S>;

    fn layer(&self, inner: S) -> ConcurrencyLimit<S> {
        ConcurrencyLimit { inner }
    }
}

impl<S, B, U> Service<Call<B>> for ConcurrencyLimit<S>
where
    S: Service<Call<B>, Response = Response<U>, Error = Refusal, Future: Send> + Clone + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<CountedBody<U>>;
    type Error = Refusal;
    type Future = ForwardOrRefuse<S::Future, InFlightShare>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, call: Call<B>) -> Self::Future {
        let Some(hold) = call.account.request(price(&call.request)) else {
            // begun here, which frees the head: many refused requests of one connection may wait for their turn
            let draining = drain(Reason::Overloaded, call.request);
            return ForwardOrRefuse::refuse(async move {
                draining.await;
                Refusal::of(Reason::Overloaded)
            });
        };
        let is_http2 = call.request.version() == Version::HTTP_2;
        ForwardOrRefuse::forward(self.inner.call(call), InFlightShare { hold: Some(hold), is_http2 })
    }
}

/// What a request takes of memory from its head to the last byte of its response, without the part of its body that is read.
fn price<B: Body>(request: &Request<B>) -> usize {
    let texts = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
    let path = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let head = prices::FIELD * request.headers().len() + texts + path;
    let declared = request.body().size_hint().upper().and_then(|length| usize::try_from(length).ok());
    let body = declared.map_or(prices::UNREAD_BODY, |length| length.min(prices::UNREAD_BODY));
    // the response is paid in advance: once the upstream has acted on the request, it is too late for a refusal
    prices::REQUEST + head + body + prices::RESPONSE
}
