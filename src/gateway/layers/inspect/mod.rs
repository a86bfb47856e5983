//! Inspect: reads the whole body, within bounds, and has it judged.

mod judge;
mod media_type;
mod read_body;
mod shadow;
mod step_timer;

use crate::budget::{Hold, prices};
use crate::contract::Operation;
use crate::contract::strictness::InspectionRules;
use crate::gateway::body::drain::{drain, drain_body};
use crate::gateway::call::{Admitted, Call, Permitted, RequestClass};
use crate::gateway::gate::Gate;
use crate::gateway::layers::take_ready;
use crate::gateway::refusal::Refusal;
use crate::judge::{Permit, permit_unread};
use crate::reason::Reason;
use crate::telemetry::record::Outcome;
use bytes::Bytes;
use http::header::EXPECT;
use http_body::Body;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Longest body, in bytes, whose parsed values are not counted on their own.
const SMALL_BODY: usize = 512;

/// Reads and judges the body of each request that is not exempt.
#[derive(Clone)]
pub(in crate::gateway) struct InspectLayer {
    pub(in crate::gateway) gate: Arc<Gate>,
}

/// The service of [`InspectLayer`].
#[derive(Clone)]
pub struct Inspect<S> {
    gate: Arc<Gate>,
    inner: S,
}

impl<S> Layer<S> for InspectLayer {
    type Service = Inspect<S>;

    fn layer(&self, inner: S) -> Inspect<S> {
        Inspect { gate: self.gate.clone(), inner }
    }
}

impl<S, B> Service<Admitted<B>> for Inspect<S>
where
    S: Service<Permitted<B>, Error = Refusal, Future: Send> + Clone + Send + 'static,
    B: Body<Data = Bytes, Error: Error + 'static> + Unpin + Send + 'static,
{
    type Response = S::Response;
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Refusal>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, admitted: Admitted<B>) -> Self::Future {
        let Admitted { mut call, environment, class } = admitted;
        let (operation, parameters) = match class {
            RequestClass::Exempt(permit) => {
                call.record.lock().outcome = Outcome::Exempt;
                return Box::pin(self.inner.call(Permitted { call, permit, charges: Vec::new() }));
            }
            RequestClass::Inspected(operation, parameters) => (operation, parameters),
        };
        let (gate, mut inner) = (self.gate.clone(), take_ready(&mut self.inner));
        // before the body is read: a request whose body never arrives is in the decision log, too
        judge::capture_head(&gate, &call, &operation, &parameters, environment);
        Box::pin(async move {
            let (body, mut memory) = match reserve(&gate, &call, &operation) {
                Ok(memory) => read_body::read(&gate, &mut call, memory).await?,
                Err(reason) => {
                    let permit = permit_or_refuse_unread(&mut call, &operation, reason).await?;
                    return inner.call(Permitted { call, permit, charges: Vec::new() }).await;
                }
            };
            let received = body.len();
            let judged = if reserve_values(memory.as_mut(), &body) {
                judge::judge(&gate, &call, &operation, &parameters, environment, body)
            } else {
                Err(Refusal::of(Reason::Overloaded))
            };
            // the parsed values are gone, the bytes are not
            if let Some(memory) = &mut memory {
                memory.shrink_to(prices::body(received));
            }
            let (permit, charges) = match judged {
                Ok(permitted) => permitted,
                Err(refusal) => {
                    drain_call(call, refusal.reason).await;
                    return Err(refusal);
                }
            };
            let response = inner.call(Permitted { call, permit, charges }).await;
            // held until here: the judged bytes are in memory until the upstream has taken them
            drop(memory);
            response
        })
    }
}

/// Reserves memory for the body of `call`. `None` if there is no body to read.
///
/// # Errors
///
/// The reason why the body cannot be read.
fn reserve<B: Body>(gate: &Gate, call: &Call<B>, operation: &Operation) -> Result<Option<Hold>, Reason> {
    if operation.body.is_none() || call.request.body().is_end_stream() {
        return Ok(None);
    }
    let length = read_body::expected_length(gate, call.request.headers())?;
    // A body that is only audited is read only if all of it is sure to fit: without the gateway it would have been
    // streamed, and an audit must not break what worked.
    let is_shadow = call.bundle.inspection(operation).is_some_and(InspectionRules::is_shadow);
    let needed = if is_shadow { prices::body_with_values(length.ok_or(Reason::BodyTooLarge)?) } else { 0 };
    call.account.memory(needed).map(Some).ok_or(Reason::Overloaded)
}

/// Reserves memory for the values that `body` is parsed to. False if there is not enough.
fn reserve_values(memory: Option<&mut Hold>, body: &[u8]) -> bool {
    // the values of a small body are within the price of a request, whatever they are
    let Some(memory) = memory.filter(|_| body.len() > SMALL_BODY) else { return true };
    // each value but the first is behind one of these; one of them in a string counts as a value that is not there
    let values = 1 + count_separators(body);
    memory.grow_to(prices::body(body.len()) + body.len() + values * prices::VALUE)
}

/// The number of commas and opening brackets.
fn count_separators(body: &[u8]) -> usize {
    // a sum of bytes, in parts that cannot overflow one: the compiler makes it compare many bytes at once
    let count = |part: &[u8]| part.iter().map(|byte| u8::from(matches!(byte, b',' | b'[' | b'{'))).sum::<u8>();
    body.chunks(u8::MAX.into()).map(|part| usize::from(count(part))).sum()
}

/// The permit of a request whose body cannot be read for `reason`, if the operation is only audited.
///
/// # Errors
///
/// The refusal, if the operation is enforced.
async fn permit_or_refuse_unread<B>(
    call: &mut Call<B>,
    operation: &Operation,
    reason: Reason,
) -> Result<Permit, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let Some((permit, violation)) = permit_unread(&call.bundle, operation, reason) else {
        return Err(refuse_unread(call, reason).await);
    };
    if let Some(probe) = &call.probe {
        probe.record_unread(violation.clone());
    }
    let mut record = call.record.lock();
    record.outcome = Outcome::Allowed;
    record.add_violations([violation]);
    Ok(permit)
}

/// Drains the rest of the body, then refuses for `reason`.
async fn refuse_unread<B: Body<Data = Bytes> + Unpin>(call: &mut Call<B>, reason: Reason) -> Refusal {
    let expects = call.request.headers().contains_key(EXPECT);
    drain_body(reason, expects, call.request.body_mut()).await;
    Refusal::of(reason)
}

async fn drain_call<B: Body<Data = Bytes>>(call: Call<B>, reason: Reason) {
    drain(reason, call.request).await;
}

#[cfg(test)]
mod tests {
    use super::count_separators;

    #[test]
    fn separators_are_counted_in_bodies_of_any_length() {
        for length in [0, 1, 254, 255, 256, 1_000, 70_000] {
            assert_eq!(count_separators(&vec![b','; length]), length);
            assert_eq!(count_separators(&vec![b']'; length]), 0);
        }
        assert_eq!(count_separators(br#"{"a":[1,2],"b":{}}"#), 5);
    }
}
