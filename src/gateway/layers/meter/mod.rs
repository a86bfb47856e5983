//! Meter: counts each permitted request by the policies' limits, and refuses a request above one that denies.

mod clock;
mod concurrency;
mod counters;
mod keyed_windows;
mod metered_body;

pub use clock::Clock;
pub(in crate::gateway) use counters::LimitCounters;
pub use metered_body::MeteredBody;

use super::forward_or_refuse::{ForwardOrRefuse, Guard};
use crate::gateway::body::drain::drain;
use crate::gateway::call::Permitted;
use crate::gateway::gate::Gate;
use crate::gateway::refusal::Refusal;
use crate::policy::{Action, whole_seconds};
use crate::reason::Reason;
use bytes::Bytes;
use counters::{ChargeResult, HeldSlots};
use http::Response;
use http_body::Body;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Counts requests by the policies' limits.
#[derive(Clone)]
pub(in crate::gateway) struct MeterLayer {
    pub(in crate::gateway) gate: Arc<Gate>,
}

/// The service of [`MeterLayer`].
#[derive(Clone)]
pub struct Meter<S> {
    gate: Arc<Gate>,
    inner: S,
}

impl<S> Layer<S> for MeterLayer {
    type Service = Meter<S>;

    fn layer(&self, inner: S) -> Meter<S> {
        Meter { gate: self.gate.clone(), inner }
    }
}

impl<S, B, U> Service<Permitted<B>> for Meter<S>
where
    S: Service<Permitted<B>, Response = Response<U>, Error = Refusal>,
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<MeteredBody<U>>;
    type Error = Refusal;
    type Future = ForwardOrRefuse<S::Future, MeterGuard>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, permitted: Permitted<B>) -> Self::Future {
        if permitted.charges.is_empty() {
            return ForwardOrRefuse::forward(self.inner.call(permitted), MeterGuard::default());
        }
        let ChargeResult { slots, exceeded, evicted } =
            self.gate.counts.charge(&permitted.charges, self.gate.clock.now());
        let wait = {
            let mut record = permitted.call.record.lock();
            record.keys_forgotten += evicted;
            let denied = exceeded.iter().filter(|above| above.violation.action == Action::Deny);
            let wait = denied.map(|above| above.wait.unwrap_or_default()).max();
            record.add_violations(exceeded.into_iter().map(|above| above.violation));
            wait
        };
        let Some(wait) = wait else {
            return ForwardOrRefuse::forward(self.inner.call(permitted), MeterGuard { slots: Some(slots) });
        };
        let refusal = Refusal::of(Reason::RateLimited).with_retry_after(whole_seconds(wait));
        ForwardOrRefuse::refuse(async move {
            drain(refusal.reason, permitted.call.request).await;
            refusal
        })
    }
}

/// The concurrency slots of a request. They move into the response's body, because a request is in flight until the last
/// byte of its response.
#[derive(Default)]
pub struct MeterGuard {
    slots: Option<HeldSlots>,
}

impl<U> Guard<Response<U>> for MeterGuard {
    type Response = Response<MeteredBody<U>>;

    fn release(self, response: Response<U>) -> Self::Response {
        response.map(|body| MeteredBody::new(body, self.slots))
    }
}
