//! Inspect: reads the whole body, within bounds, and has it judged.

mod media_type;
mod step_timer;

use crate::contract::credential::Environment;
use crate::contract::strictness::InspectionRules;
use crate::contract::{Operation, Parameters};
use crate::gateway::body::drain::drain;
use crate::gateway::call::{Admitted, Call, Charge, Permitted, RequestClass};
use crate::gateway::capacity::Reservation;
use crate::gateway::gate::Gate;
use crate::gateway::refusal::Refusal;
use crate::judge::{Permit, decide, permit_unread};
use crate::policy::{Attributes, LimitOutcome};
use crate::reason::Reason;
use crate::telemetry::record::Outcome;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body;
use pingora_timeout::timeout;
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;
use step_timer::StepTimer;
use tower::{Layer, Service};

/// Has the judge look at what must be judged.
#[derive(Clone)]
pub(in crate::gateway) struct InspectLayer {
    pub(in crate::gateway) gate: Arc<Gate>,
}

/// See [`InspectLayer`].
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
        let Admitted { mut call, environment, duty } = admitted;
        let (operation, parameters) = match duty {
            RequestClass::Exempt(permit) => {
                call.record.lock().outcome = Outcome::Exempt;
                return Box::pin(self.inner.call(Permitted { call, permit, charges: Vec::new() }));
            }
            RequestClass::Inspect(operation, parameters) => (operation, parameters),
        };
        let (gate, mut inner) = (self.gate.clone(), self.inner.clone());
        keep_head(&gate, &call, &operation, &parameters, environment);
        Box::pin(async move {
            let (body, share) = match hold(&gate, &call, &operation) {
                Ok(held) => read(&gate, &mut call, held).await?,
                Err(reason) => {
                    let permit = unreadable(&mut call, &operation, reason).await?;
                    return inner.call(Permitted { call, permit, charges: Vec::new() }).await;
                }
            };
            let judged = judge(&gate, &call, &operation, &parameters, environment, body);
            let (permit, charges) = match judged {
                Ok(judged) => judged,
                Err(refusal) => {
                    drain_unread(call, refusal.reason).await;
                    return Err(refusal);
                }
            };
            let answer = inner.call(Permitted { call, permit, charges }).await;
            drop(share);
            answer
        })
    }
}

/// Takes memory for the body of `call`, none where it has none to read. What is only looked at is read only where all of it
/// is sure to find room: nothing that streamed before may break for being looked at.
///
/// # Errors
///
/// Why the body cannot be read.
fn hold<B: Body>(gate: &Gate, call: &Call<B>, operation: &Operation) -> Result<Option<Reservation>, Reason> {
    if operation.body.is_none() || call.request.body().is_end_stream() {
        return Ok(None);
    }
    let length = readable(gate, call.request.headers())?;
    let is_shadow = call.bundle.inspection(operation).is_some_and(InspectionRules::is_shadow);
    let needed = if is_shadow { length.ok_or(Reason::BodyTooLarge)? } else { 0 };
    gate.bodies.take(needed).map(Some).ok_or(Reason::Overloaded)
}

/// Reads the body of `call` to its end, into the memory that is `held` for it.
///
/// # Errors
///
/// It is too long, too slow, broken off, or there is no memory for it.
async fn read<B>(
    gate: &Gate,
    call: &mut Call<B>,
    held: Option<Reservation>,
) -> Result<(Bytes, Option<Reservation>), Refusal>
where
    B: Body<Data = Bytes, Error: Error + 'static> + Unpin,
{
    let Some(mut share) = held else { return Ok((Bytes::new(), None)) };
    let mut received = 0;
    let collecting = collect(gate, call.request.body_mut(), &mut share, &mut received);
    let collected = timeout(gate.limits.body_timeout, collecting).await;
    call.record.lock().request_bytes = Some(received as u64);
    match collected {
        Ok(Ok(body)) => Ok((body, Some(share))),
        Ok(Err(Unread::Refused(reason))) => Err(refuse_unread(call, reason).await),
        Ok(Err(Unread::ResponseBodyError)) => Err(Refusal::broken_off()),
        Ok(Err(Unread::Misframed)) => {
            Err(Refusal::because(Reason::AmbiguousRequest, "the framing of the body is not valid"))
        }
        Err(_) => Err(Refusal::of(Reason::BodyTimeout)),
    }
}

/// Why a body was not read to its end.
enum Unread {
    /// It must not be.
    Refused(Reason),
    /// The client went away. What came so far must not be taken for the whole.
    ResponseBodyError,
    /// Nobody can say where it ends.
    Misframed,
}

impl Unread {
    /// To hyper both are errors of the connection; below that, only broken framing is a matter of what was said.
    fn from_error(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            if matches!(kind, Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)) {
                return Self::Misframed;
            }
            cause = error.source();
        }
        Self::ResponseBodyError
    }
}

/// The length of a body that can be read, going by its head, where that tells it.
pub(in crate::gateway) fn readable(gate: &Gate, headers: &HeaderMap) -> Result<Option<usize>, Reason> {
    media_type::check(headers)?;
    declared_length(gate, headers)
}

/// The length that the head tells, where it tells one.
fn declared_length(gate: &Gate, headers: &HeaderMap) -> Result<Option<usize>, Reason> {
    let Some(length) = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok()) else {
        return Ok(None);
    };
    let length = usize::try_from(length).ok().filter(|length| *length <= gate.limits.body_bytes);
    length.map(Some).ok_or(Reason::BodyTooLarge)
}

/// Most bodies come in one piece, which is taken as it is. `length` is that of what came, whatever becomes of it.
async fn collect<B>(gate: &Gate, body: &mut B, share: &mut Reservation, length: &mut usize) -> Result<Bytes, Unread>
where
    B: Body<Data = Bytes, Error: Error + 'static> + Unpin,
{
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        let frame = frame.map_err(|error| Unread::from_error(&error))?;
        // trailers are not part of what is judged, and not forwarded
        let Ok(data) = frame.into_data() else { continue };
        *length = length.saturating_add(data.len());
        if *length > gate.limits.body_bytes {
            return Err(Unread::Refused(Reason::BodyTooLarge));
        }
        if !share.reach(*length) {
            return Err(Unread::Refused(Reason::Overloaded));
        }
        if first.is_empty() {
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// What becomes of a request whose body cannot be read, for `reason`.
async fn unreadable<B>(call: &mut Call<B>, operation: &Operation, reason: Reason) -> Result<Permit, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let Some((permit, violation)) = permit_unread(&call.bundle, operation, reason) else {
        return Err(refuse_unread(call, reason).await);
    };
    let mut record = call.record.lock();
    record.outcome = Outcome::Allowed;
    record.add_violations([violation]);
    Ok(permit)
}

async fn refuse_unread<B: Body<Data = Bytes> + Unpin>(call: &mut Call<B>, reason: Reason) -> Refusal {
    let headers = call.request.headers().clone();
    drain(reason, &headers, call.request.body_mut()).await;
    Refusal::of(reason)
}

async fn drain_unread<B: Body<Data = Bytes>>(call: Call<B>, reason: Reason) {
    let (head, body) = call.request.into_parts();
    drain(reason, &head.headers, body).await;
}

/// Keeps, for the decision log, what policies may know of the request besides its body.
fn keep_head<B>(gate: &Gate, call: &Call<B>, operation: &Operation, parameters: &Parameters, environment: Environment) {
    let Some(retention) = &gate.retention else { return };
    let started = call.record.lock().started;
    let attributes = attributes(call, parameters, environment, started);
    let decision_input = retention.capture_head(&call.bundle, operation, &attributes);
    call.record.lock().decision_input = Some(Box::new(decision_input));
}

fn judge<B>(
    gate: &Gate,
    call: &Call<B>,
    operation: &Arc<Operation>,
    parameters: &Parameters,
    environment: Environment,
    body: Bytes,
) -> Result<(Permit, Vec<Charge>), Refusal> {
    let time = SystemTime::now();
    let attributes = attributes(call, parameters, environment, time);
    let mut timer = StepTimer::start(time);
    let judgement = decide(&call.bundle, operation, &attributes, body, &mut timer);
    let mut record = call.record.lock();
    record.judging = Some(timer.finish());
    if let (Some(retention), Some(decision_input)) = (&gate.retention, &mut record.decision_input) {
        retention.add_judgement(decision_input, operation, &judgement);
    }
    record.add_violations(judgement.violations.into_iter().map(|mut violation| {
        violation.field = violation.field.take().map(|field| field.masked(&gate.masks));
        violation
    }));
    match judgement.verdict {
        Ok(permit) => {
            record.outcome = Outcome::Allowed;
            let charges = judgement.limits.into_iter().filter_map(|(limit, claim)| match claim {
                LimitOutcome::Counted(key) => Some((limit, key)),
                LimitOutcome::NotCounted(_) | LimitOutcome::Failed(_) => None,
            });
            Ok((permit, charges.collect()))
        }
        Err(reason) => Err(Refusal::for_operation(reason, operation)),
    }
}

fn attributes<'a, B>(
    call: &'a Call<B>,
    parameters: &'a Parameters,
    environment: Environment,
    time: SystemTime,
) -> Attributes<'a> {
    let request = &call.request;
    Attributes {
        method: request.method().as_str(),
        path: request.uri().path(),
        parameters,
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
        environment,
        key_fingerprint: call.record.lock().key_fingerprint,
        client: &call.client,
        time,
    }
}
