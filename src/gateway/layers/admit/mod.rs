//! Admit: a head with one meaning. Everything that a server could read in two ways is refused before the body is read.

mod authority;

use crate::contract::credential::KeyClass;
use crate::contract::{Routed, VersionError, names_only_the_version, requested_version};
use crate::gateway::body::drain::drain;
use crate::gateway::body::presence::{BodyPresence, forbids_body};
use crate::gateway::call::{Admitted, Call, RequestClass};
use crate::gateway::gate::Gate;
use crate::gateway::headers::{self, API_VERSION, METHOD_OVERRIDES, SINGULAR};
use crate::gateway::layers::forward_or_refuse::ForwardOrRefuse;
use crate::gateway::refusal::Refusal;
use crate::head::HeadDefect;
use crate::judge::Bundle;
use crate::reason::Reason;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri, Version};
use http_body::Body;
use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Lets pass what has one meaning, and finds out what there is to judge.
#[derive(Clone)]
pub(in crate::gateway) struct AdmitLayer {
    pub(in crate::gateway) gate: Arc<Gate>,
}

/// See [`AdmitLayer`].
#[derive(Clone)]
pub struct Admit<S> {
    gate: Arc<Gate>,
    inner: S,
}

impl<S> Layer<S> for AdmitLayer {
    type Service = Admit<S>;

    fn layer(&self, inner: S) -> Admit<S> {
        Admit { gate: self.gate.clone(), inner }
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
        if BodyPresence::is_in_doubt(&call.request) {
            let (gate, mut inner) = (self.gate.clone(), self.inner.clone());
            return ForwardOrRefuse::decide(async move {
                let void = BodyPresence::read(&mut call.request, gate.limits.body_timeout).await;
                call.request.extensions_mut().insert(void);
                match admit(&gate, call) {
                    Ok(admitted) => inner.call(admitted).await,
                    Err(refused) => Err(drain_refused(refused).await),
                }
            });
        }
        match admit(&self.gate, call) {
            Ok(admitted) => ForwardOrRefuse::forward(self.inner.call(admitted), ()),
            Err(refused) => ForwardOrRefuse::refuse(drain_refused(refused)),
        }
    }
}

/// The refusal, once the body is read away.
async fn drain_refused<B: Body<Data = Bytes>>(refused: Box<(Refusal, Request<B>)>) -> Refusal {
    let (refusal, request) = *refused;
    let (head, body) = request.into_parts();
    drain(refusal.reason, &head.headers, body).await;
    refusal
}

/// Checks the head and routes it. What is refused is given back, so that its body can be read away.
fn admit<B: Body>(gate: &Gate, call: Call<B>) -> Result<Admitted<B>, Box<(Refusal, Request<B>)>> {
    let key = KeyClass::of(call.request.headers().get(AUTHORIZATION).map(http::HeaderValue::as_bytes));
    let environment = gate.environment_of(key);
    {
        let mut record = call.record.lock();
        let authorization = call.request.headers().get(AUTHORIZATION);
        record.key_class = key;
        record.key_fingerprint = authorization.map(|value| gate.fingerprinter.fingerprint(value.as_bytes()));
        record.environment = environment;
    }
    match check(gate, &call.bundle, &call.request).and_then(|()| route(&call)) {
        Ok(duty) => Ok(Admitted { call, environment, duty }),
        Err(refusal) => Err(Box::new((refusal, call.request))),
    }
}

fn head_refusal(defect: HeadDefect) -> Refusal {
    match defect {
        // 431 and 408 (RFC 6585 section 5, RFC 9110 section 15.5.9); the reasons nearest to them
        HeadDefect::TooLong => Refusal::because(Reason::BodyTooLarge, defect.message()).with_status(431),
        HeadDefect::TooSlow => Refusal::because(Reason::BodyTimeout, defect.message()),
        _ => Refusal::because(Reason::AmbiguousRequest, defect.message()),
    }
}

/// Whether the head has one meaning.
pub(in crate::gateway) fn check<B: Body>(gate: &Gate, bundle: &Bundle, request: &Request<B>) -> Result<(), Refusal> {
    if let Some(defect) = request.extensions().get::<HeadDefect>() {
        return Err(head_refusal(*defect));
    }
    check_method(request)?;
    authority::check(gate, request)?;
    check_target(request)?;
    check_fields(bundle, request)?;
    check_framing(request)
}

/// Methods are case-sensitive (RFC 9110 section 9.1): another case is another method, which some routers take for this one.
fn check_method<B>(request: &Request<B>) -> Result<(), Refusal> {
    let method = request.method();
    let is_plain = method.as_str().bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_plain || *method == Method::CONNECT || *method == Method::TRACE {
        return Err(Refusal::because(Reason::MethodNotAllowed, "the gateway does not forward this method"));
    }
    if request.headers().keys().any(|name| METHOD_OVERRIDES.contains(name)) {
        return Err(Refusal::because(
            Reason::AmbiguousRequest,
            "a header asks for another method; send that method itself",
        ));
    }
    Ok(())
}

/// The target is a path: not `*`, and nothing that a server could put one in front of.
fn check_target<B>(request: &Request<B>) -> Result<(), Refusal> {
    let target = request.uri().path_and_query();
    let begins = target.is_some_and(|target| target.as_str().starts_with('/'));
    // one that is empty says `/` here, and nothing when it is sent
    let is_empty = |target: &PathAndQuery| target.as_str() == "/" && Uri::from(target.clone()).path().is_empty();
    if begins && !target.is_some_and(is_empty) {
        return Ok(());
    }
    Err(Refusal::because(Reason::AmbiguousPath, "the request target is not a path"))
}

fn check_fields<B>(bundle: &Bundle, request: &Request<B>) -> Result<(), Refusal> {
    let fields = request.headers();
    let repeats = fields.len() > fields.keys_len();
    if repeats && let Some(name) = SINGULAR.iter().find(|name| fields.get_all(*name).iter().nth(1).is_some()) {
        return Err(Refusal::because(Reason::AmbiguousRequest, format!("the `{name}` header stands more than once")));
    }
    let relied_on = |name: &str| headers::is_relied_on(name) || bundle.policies.rely_on_header(name);
    if headers::nominates(fields, relied_on) {
        let message = "`Connection` names a header that the request itself needs";
        return Err(Refusal::because(Reason::AmbiguousRequest, message));
    }
    if fields.keys().any(|name| headers::is_twin(name, relied_on)) {
        let message = "a header's name is one with `-`, written with `_`; servers differ in whether they are the same";
        return Err(Refusal::because(Reason::AmbiguousRequest, message));
    }
    let expects = fields.get(EXPECT).map(http::HeaderValue::as_bytes);
    if expects.is_some_and(|value| !value.eq_ignore_ascii_case(b"100-continue")) {
        return Err(Refusal::because(
            Reason::AmbiguousRequest,
            "`Expect` asks for something the gateway does not know",
        ));
    }
    Ok(())
}

/// RFC 9112 section 6.1: two framings, or one that HTTP/1.0 does not have, are the stuff of request smuggling. No operation
/// of the contract has a body on `GET`, `HEAD` or `DELETE`; servers differ in whether they read one.
fn check_framing<B: Body>(request: &Request<B>) -> Result<(), Refusal> {
    let fields = request.headers();
    let is_chunked = fields.contains_key(TRANSFER_ENCODING);
    if is_chunked && (fields.contains_key(CONTENT_LENGTH) || request.version() == Version::HTTP_10) {
        return Err(Refusal::because(Reason::AmbiguousRequest, "the body is framed in two ways"));
    }
    let says_something = match request.extensions().get::<BodyPresence>() {
        Some(void) => *void == BodyPresence::Present,
        None => !request.body().is_end_stream(),
    };
    if forbids_body(request.method()) && says_something {
        let message = format!("a {} request has no body", request.method());
        return Err(Refusal::because(Reason::AmbiguousRequest, message));
    }
    Ok(())
}

/// Finds out what the request is, and what of it must be judged.
fn route<B>(call: &Call<B>) -> Result<RequestClass, Refusal> {
    let version = asked_version(&call.request)?;
    let version = version.as_deref();
    let routed = call.bundle.route(call.request.method().as_str(), call.request.uri().path(), version);
    if let Routed::Operation(operation, _) = &routed {
        let mut record = call.record.lock();
        record.operation = Some(Arc::clone(operation));
        record.asked_version = version.is_some();
        record.unknown_version = call.bundle.contract.unknown_version(version);
    }
    duty(&call.bundle, &call.request, routed)
}

/// The API version that the request asks for.
pub(in crate::gateway) fn asked_version<B>(request: &Request<B>) -> Result<Option<Cow<'_, str>>, Refusal> {
    let header = request.headers().get(API_VERSION).map(|value| value.to_str()).transpose();
    let header =
        header.map_err(|_| Refusal::because(Reason::AmbiguousRequest, "`Clerk-API-Version` is not a version"))?;
    requested_version(header, request.uri().query()).map_err(ambiguous_version)
}

/// What there is to judge of a request that is `routed` so.
pub(in crate::gateway) fn duty<B>(
    bundle: &Bundle,
    request: &Request<B>,
    routed: Routed,
) -> Result<RequestClass, Refusal> {
    if let Some(permit) = bundle.exempt(&routed) {
        return Ok(RequestClass::Exempt(permit));
    }
    match routed {
        Routed::Operation(operation, parameters) => {
            let query = request.uri().query().unwrap_or_default();
            if bundle.takes_query(&operation) || names_only_the_version(query) {
                return Ok(RequestClass::Inspect(operation, parameters));
            }
            let message = format!("{} takes no query parameters; send them in the body", operation.id);
            Err(Refusal::because(Reason::AmbiguousRequest, message))
        }
        Routed::Ambiguous => {
            let message = "the path is not the canonical spelling of the operation that it could be taken for";
            Err(Refusal::because(Reason::AmbiguousPath, message))
        }
        Routed::MethodUnknown => Err(Refusal::because(
            Reason::MethodNotAllowed,
            "the contract has no operation with this method at this path",
        )),
        Routed::Unknown => {
            Err(Refusal::because(Reason::OperationNotAllowed, "the request is no operation of the contract"))
        }
    }
}

fn ambiguous_version(error: VersionError) -> Refusal {
    Refusal::because(Reason::AmbiguousRequest, error.to_string())
}
