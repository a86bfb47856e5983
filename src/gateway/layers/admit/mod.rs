//! Admit: a head with one meaning. What a server could read in two ways is refused before the body is read.

mod authority;
mod caller;
mod head;
mod misplaced_version;

use super::forward_or_refuse::ForwardOrRefuse;
use super::take_ready;
use crate::contract::fallthrough::WriteFallthrough;
use crate::contract::{Routed, VersionError, is_date, requested_version};
use crate::gateway::body::drain::drain;
use crate::gateway::body::presence::BodyPresence;
use crate::gateway::call::{Admitted, Call, RequestClass};
use crate::gateway::gate::Gate;
use crate::gateway::headers::API_VERSION;
use crate::gateway::refusal::Refusal;
use crate::judge::Bundle;
use crate::judge::violation::{Action, Rule, Violation};
use crate::reason::Reason;
use bytes::Bytes;
use caller::{Caller, CallerCache};
use http::Request;
use http_body::Body;
use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

const NO_OPERATION: &str = "no operation of the contract has this method and path";

/// Checks the head of each request and routes it.
#[derive(Clone)]
pub(in crate::gateway) struct AdmitLayer {
    pub(in crate::gateway) gate: Arc<Gate>,
}

/// The service of [`AdmitLayer`].
#[derive(Clone)]
pub struct Admit<S> {
    gate: Arc<Gate>,
    callers: CallerCache,
    inner: S,
}

impl<S> Layer<S> for AdmitLayer {
    type Service = Admit<S>;

    fn layer(&self, inner: S) -> Admit<S> {
        Admit { gate: self.gate.clone(), callers: CallerCache::default(), inner }
    }
}

impl<S, B> Service<Call<B>> for Admit<S>
where
    S: Service<Admitted<B>, Error = Refusal, Future: Send> + Clone + Send + 'static,
    B: Body<Data = Bytes> + Unpin + Send + 'static,
{
    type Response = S::Response;
    type Error = Refusal;
    type Future = ForwardOrRefuse<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut call: Call<B>) -> Self::Future {
        // only a GET, HEAD or DELETE that declares a body: the others are admitted without a boxed future
        if BodyPresence::is_in_doubt(&call.request) {
            let (gate, callers) = (self.gate.clone(), self.callers.clone());
            let mut inner = take_ready(&mut self.inner);
            return ForwardOrRefuse::decide(async move {
                let presence = BodyPresence::read(&mut call.request, gate.limits.body_timeout).await;
                call.request.extensions_mut().insert(presence);
                match admit(&gate, &callers, call) {
                    Ok(admitted) => inner.call(admitted).await,
                    Err(refused) => Err(drain_refused(refused).await),
                }
            });
        }
        match admit(&self.gate, &self.callers, call) {
            Ok(admitted) => ForwardOrRefuse::forward(self.inner.call(admitted), ()),
            Err(refused) => ForwardOrRefuse::refuse(drain_refused(refused)),
        }
    }
}

/// A refusal, with the request whose body is still to be drained.
pub(super) type Refused<B> = Box<(Refusal, Request<B>)>;

/// Drains the body of a refused request, then returns the refusal.
pub(super) async fn drain_refused<B: Body<Data = Bytes>>(refused: Refused<B>) -> Refusal {
    let (refusal, request) = *refused;
    drain(refusal.reason, request).await;
    refusal
}

/// Checks the head and routes it.
///
/// # Errors
///
/// A refusal, if the head has more than one meaning or the contract does not let the request pass.
fn admit<B: Body>(gate: &Gate, callers: &CallerCache, call: Call<B>) -> Result<Admitted<B>, Refused<B>> {
    let caller = callers.identify(gate, &call.request);
    let environment = gate.environment_of(caller.environment);
    if let Some(probe) = &call.probe {
        probe.record_environment(caller.environment);
    }
    {
        // before the checks, so that the record of a refused request names its credential too
        let mut record = call.record.lock();
        record.key_class = caller.key_class;
        record.key_fingerprint = caller.key_fingerprint;
        record.environment = environment;
    }
    match head::check(gate, &call.bundle, &call.request).and_then(|()| route(&call, &caller)) {
        Ok(class) => Ok(Admitted { call, environment, class }),
        Err(refusal) => Err(Box::new((refusal, call.request))),
    }
}

/// Finds the operation that the request calls, and whether it has to be judged.
fn route<B>(call: &Call<B>, caller: &Caller) -> Result<RequestClass, Refusal> {
    let version = requested_api_version(&call.request)?;
    let version = version.as_deref();
    let routed = call.bundle.route(call.request.method().as_str(), call.request.uri().path(), version);
    if let Routed::Operation(operation, _) = &routed {
        let mut record = call.record.lock();
        record.operation = Some(Arc::clone(operation));
        record.asked_version = version.is_some();
        record.unknown_version = call.bundle.contract.unknown_version(version);
        record.unknown_asked = version.filter(|_| record.unknown_version.is_some()).and_then(unknown_date);
    }
    if let Some(probe) = &call.probe {
        probe.record_route(version, &routed);
    }
    if matches!(routed, Routed::Unknown) {
        record_unknown(call);
    }
    let class = classify(&call.bundle, &call.request, routed)?;
    if let RequestClass::Inspected(operation, _) = &class {
        caller.check(&call.bundle, operation)?;
    }
    Ok(class)
}

/// The version that a request asks for and the contract does not have, if it is a date: anything else could be a secret.
fn unknown_date(version: &str) -> Option<Box<str>> {
    is_date(version).then(|| version.into())
}

/// Records a request that is for no operation of the contract.
fn record_unknown<B>(call: &Call<B>) {
    let mut record = call.record.lock();
    record.unknown_path = Some(call.bundle.contract.path_shape(call.request.uri().path()));
    if call.bundle.fallthrough(call.request.method().as_str()) == WriteFallthrough::Audit {
        let violation = Violation {
            reason: Reason::OperationNotAllowed,
            action: Action::Audit,
            rule: Rule::Gateway,
            field: None,
            message: NO_OPERATION.into(),
            hint: None,
            owner: None,
            judged_by: None,
            waived_by: None,
        };
        if let Some(probe) = &call.probe {
            probe.record_unread(violation.clone());
        }
        record.add_violations([violation]);
    }
}

pub(super) fn requested_api_version<B>(request: &Request<B>) -> Result<Option<Cow<'_, str>>, Refusal> {
    let header = request.headers().get(API_VERSION).map(|value| value.to_str()).transpose();
    let header = header
        .map_err(|_| Refusal::ambiguous("`Clerk-API-Version` is not a version", "send a date, such as 2026-05-12"))?;
    requested_version(header, request.uri().query()).map_err(ambiguous_version)
}

/// Whether a request with this route has to be judged.
fn classify<B>(bundle: &Bundle, request: &Request<B>, routed: Routed) -> Result<RequestClass, Refusal> {
    let (method, path) = (request.method().as_str(), request.uri().path());
    let is_twice = matches!(routed, Routed::Unknown) && misplaced_version::is_twice(bundle, method, path);
    if let Some(permit) = bundle.exempt(method, &routed).filter(|_| !is_twice) {
        return Ok(RequestClass::Exempt(permit));
    }
    let with_fix = |refusal: Refusal| match misplaced_version::fix(bundle, method, path) {
        Some(fix) => refusal.with_fix(fix),
        None => refusal,
    };
    match routed {
        Routed::Operation(operation, parameters) => {
            let query = request.uri().query().unwrap_or_default();
            if bundle.takes_query(&operation, query) {
                let checked = bundle.check_head(&operation, query, request.headers());
                checked.map_err(|error| Refusal::ambiguous(error.to_string(), error.fix()))?;
                return Ok(RequestClass::Inspected(operation, parameters));
            }
            // a lenient upstream could take a field from the query, where no schema and no policy sees it
            let message = match operation.query.as_ref() {
                [] => format!("{} takes no query parameters", operation.id),
                known => format!("{} takes no query parameters but {}", operation.id, known.join(", ")),
            };
            Err(Refusal::ambiguous(message, "leave out the query, and send its fields in the body"))
        }
        Routed::Ambiguous => {
            let message = "the path is not the canonical spelling of the operation that it could be taken for";
            Err(with_fix(Refusal::because(Reason::AmbiguousPath, message)))
        }
        Routed::MethodUnknown => Err(Refusal::because(
            Reason::MethodNotAllowed,
            "the contract has no operation with this method at this path",
        )),
        Routed::Unknown => Err(with_fix(Refusal::because(Reason::OperationNotAllowed, NO_OPERATION))),
    }
}

fn ambiguous_version(error: VersionError) -> Refusal {
    Refusal::ambiguous(error.to_string(), "send one `Clerk-API-Version`, and no `__clerk_api_version` in the query")
}
