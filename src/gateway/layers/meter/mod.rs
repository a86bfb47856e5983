//! Meter: counts what has a permit by the limits that are for it, and refuses what is above them.

mod clock;
mod concurrency;
mod counters;
mod keyed_windows;
mod metered_body;
mod window;

pub use clock::Clock;
pub(in crate::gateway) use counters::LimitCounters;
pub use metered_body::MeteredBody;

use crate::gateway::body::drain::drain;
use crate::gateway::call::Permitted;
use crate::gateway::gate::Gate;
use crate::gateway::refusal::Refusal;
use crate::judge::violation::{Rule, Violation};
use crate::policy::Action;
use crate::reason::Reason;
use bytes::Bytes;
use counters::{ChargeResult, Exceeded, HeldSlots};
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer, Service};

/// LimitCounters requests by the limits that are for them.
#[derive(Clone)]
pub(in crate::gateway) struct MeterLayer {
    pub(in crate::gateway) gate: Arc<Gate>,
}

/// See [`MeterLayer`].
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
    type Future = Metering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, permitted: Permitted<B>) -> Self::Future {
        if permitted.charges.is_empty() {
            return Metering::On { answer: self.inner.call(permitted), counted: None };
        }
        let ChargeResult { counted, exceeded, forgotten } =
            self.gate.counts.take(&permitted.charges, self.gate.clock.now());
        {
            let mut record = permitted.call.record.lock();
            record.add_violations(exceeded.iter().map(violation));
            record.keys_forgotten += forgotten;
        }
        let denied = exceeded.iter().filter(|above| above.limit.action == Action::Deny);
        let Some(wait) = denied.map(|above| above.wait.unwrap_or_default()).max() else {
            return Metering::On { answer: self.inner.call(permitted), counted: Some(counted) };
        };
        let refusal = Refusal::of(Reason::RateLimited).with_retry_after(whole_seconds(wait));
        Metering::Refused {
            refusing: Box::pin(async move {
                let (head, body) = permitted.call.request.into_parts();
                drain(refusal.reason, &head.headers, body).await;
                refusal
            }),
        }
    }
}

fn violation(Exceeded { limit, .. }: &Exceeded) -> Violation {
    Violation {
        reason: Reason::RateLimited,
        action: limit.action,
        rule: Rule::Policy(limit.name.clone()),
        field: None,
        message: limit.message.clone(),
        hint: limit.hint.clone(),
        owner: limit.owner.clone(),
        waived_by: None,
    }
}

/// SDKs read whole seconds only, and come back too early where they are rounded down.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

pin_project! {
    /// The answer to a request that is counted, or a refusal.
    #[project = Step]
    pub enum Metering<F> {
        /// Handed on.
        On {
            #[pin]
            answer: F,
            counted: Option<HeldSlots>,
        },
        /// Refused.
        Refused { refusing: Pin<Box<dyn Future<Output = Refusal> + Send>> },
    }
}

impl<F, U> Future for Metering<F>
where
    F: Future<Output = Result<Response<U>, Refusal>>,
{
    type Output = Result<Response<MeteredBody<U>>, Refusal>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Step::On { answer, counted } => answer.poll(context).map(|answer| {
                let counted = counted.take();
                Ok(answer?.map(|body| MeteredBody::new(body, counted)))
            }),
            Step::Refused { refusing } => refusing.as_mut().poll(context).map(Err),
        }
    }
}
