//! Admit: a head with one meaning. Everything that a server could read in two ways is refused before the body is read.

use super::authority;
use super::call::{Admitted, Call, Duty};
use super::drain::drain;
use super::gate::Gate;
use super::head_defect::HeadDefect;
use super::headers::{self, API_VERSION, METHOD_OVERRIDES, SINGULAR};
use super::onward::Onward;
use super::refuse::Refusal;
use crate::contract::credential::KeyClass;
use crate::contract::{Routed, VersionError, names_only_the_version, requested_version};
use crate::judge::Bundle;
use crate::reason::Reason;
use crate::telemetry::record::Routed as RecordedRoute;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{Method, Request, Version};
use http_body::Body;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Lets pass what has one meaning, and finds out what there is to judge.
#[derive(Clone)]
pub(super) struct AdmitLayer {
    pub(super) gate: Arc<Gate>,
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
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = S::Response;
    type Error = Refusal;
    type Future = Onward<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, call: Call<B>) -> Self::Future {
        match admit(&self.gate, call) {
            Ok(admitted) => Onward::on(self.inner.call(admitted), ()),
            Err(refused) => Onward::refused(async move {
                let (refusal, request) = *refused;
                let (head, body) = request.into_parts();
                drain(refusal.reason, &head.headers, body).await;
                refusal
            }),
        }
    }
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

/// Whether the head has one meaning.
fn check<B: Body>(gate: &Gate, bundle: &Bundle, request: &Request<B>) -> Result<(), Refusal> {
    if let Some(defect) = request.extensions().get::<HeadDefect>() {
        return Err(defect.refusal());
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
    if request.uri().path().starts_with('/') {
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
    let takes_none = matches!(*request.method(), Method::GET | Method::HEAD | Method::DELETE);
    if takes_none && !request.body().is_end_stream() {
        let message = format!("a {} request has no body", request.method());
        return Err(Refusal::because(Reason::AmbiguousRequest, message));
    }
    Ok(())
}

/// Finds out what the request is, and what of it must be judged.
fn route<B>(call: &Call<B>) -> Result<Duty, Refusal> {
    let (uri, fields) = (call.request.uri(), call.request.headers());
    let header = fields.get(API_VERSION).map(|value| value.to_str()).transpose();
    let header =
        header.map_err(|_| Refusal::because(Reason::AmbiguousRequest, "`Clerk-API-Version` is not a version"))?;
    let version = requested_version(header, uri.query()).map_err(ambiguous_version)?;
    let routed = call.bundle.route(call.request.method().as_str(), uri.path(), version.as_deref());
    if let Routed::Operation(operation, _) = &routed {
        let mut record = call.record.lock();
        record.routed = Some(RecordedRoute {
            route: operation.path.clone(),
            operation: operation.id.clone(),
            api_version: operation.api_version.clone(),
        });
        record.asked_version = version.is_some();
        record.unknown_version = call.bundle.contract.unknown_version(version.as_deref());
    }
    if let Some(permit) = call.bundle.exempt(&routed) {
        return Ok(Duty::Exempt(permit));
    }
    match routed {
        Routed::Operation(operation, parameters) => {
            if call.bundle.takes_query(&operation) || names_only_the_version(uri.query().unwrap_or_default()) {
                return Ok(Duty::Inspect(operation, parameters));
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
