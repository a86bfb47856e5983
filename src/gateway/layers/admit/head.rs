//! The checks of a request's head, in their order.

use super::authority;
use crate::gateway::body::presence::{BodyPresence, forbids_body};
use crate::gateway::gate::Gate;
use crate::gateway::headers::{self, METHOD_OVERRIDES, SINGULAR};
use crate::gateway::refusal::Refusal;
use crate::head::HeadDefect;
use crate::judge::Bundle;
use crate::reason::Reason;
use crate::redact::{OTHER, method_label};
use http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri, Version};
use http_body::Body;

const CASE_FIX: &str = "write the method in upper case: methods are case-sensitive (RFC 9110 section 9.1)";

/// Most parameters of a query. Clerk's lists take a few hundred ids.
const MOST_PARAMETERS: usize = 1_000;

fn head_refusal(defect: HeadDefect) -> Refusal {
    match defect {
        HeadDefect::TooLong => Refusal::because(Reason::HeadTooLarge, defect.message()).with_fix(defect.fix()),
        HeadDefect::Overloaded => Refusal::because(Reason::Overloaded, defect.message()),
        // 408 (RFC 9110 section 15.5.9) has no reason of its own: this is the nearest
        HeadDefect::TooSlow => Refusal::because(Reason::BodyTimeout, defect.message()).with_fix(defect.fix()),
        _ => Refusal::ambiguous(defect.message(), defect.fix()),
    }
}

/// Checks that the head has one meaning.
///
/// # Errors
///
/// The refusal, if servers could differ in how they read it.
pub(super) fn check<B: Body>(gate: &Gate, bundle: &Bundle, request: &Request<B>) -> Result<(), Refusal> {
    if let Some(defect) = request.extensions().get::<HeadDefect>() {
        return Err(head_refusal(*defect));
    }
    // the head's bytes first: where they are in doubt, so is everything parsed from them
    check_method(request)?;
    authority::check(gate, request)?;
    check_target(request)?;
    check_fields(bundle, request)?;
    check_framing(request)
}

/// Methods are case-sensitive (RFC 9110 section 9.1): `patch` is not `PATCH`, but some routers treat it as that.
fn check_method<B>(request: &Request<B>) -> Result<(), Refusal> {
    let method = request.method();
    let is_plain = method.as_str().bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_plain || *method == Method::CONNECT || *method == Method::TRACE {
        let refusal = Refusal::because(Reason::MethodNotAllowed, "the gateway does not forward this method");
        let upper = Method::from_bytes(method.as_str().to_ascii_uppercase().as_bytes());
        let is_respelled = upper.is_ok_and(|upper| upper != *method && method_label(&upper) != OTHER);
        return Err(if is_respelled { refusal.with_fix(CASE_FIX) } else { refusal });
    }
    if request.headers().keys().any(|name| METHOD_OVERRIDES.contains(name)) {
        let fix = "leave out `X-HTTP-Method-Override` and its variants, and send that method itself";
        return Err(Refusal::ambiguous("a header asks for another method", fix));
    }
    Ok(())
}

/// The target is a path: neither `*`, nor something a server could resolve to another path.
fn check_target<B>(request: &Request<B>) -> Result<(), Refusal> {
    let target = request.uri().path_and_query();
    let begins = target.is_some_and(|target| target.as_str().starts_with('/'));
    // `http` prints an empty path as `/`, but hyper would send it as it is: nothing
    let is_empty = |target: &PathAndQuery| target.as_str() == "/" && Uri::from(target.clone()).path().is_empty();
    if begins && !target.is_some_and(is_empty) {
        return check_query(request.uri().query().unwrap_or_default());
    }
    Err(Refusal::because(Reason::AmbiguousPath, "the request target is not a path"))
}

/// Servers stop at different numbers of parameters, and ignore the rest (PHP at 1,000, Rack at 4,096).
fn check_query(query: &str) -> Result<(), Refusal> {
    if query.bytes().filter(|byte| matches!(byte, b'&' | b';')).count() < MOST_PARAMETERS {
        return Ok(());
    }
    let message = format!("the query has more than {MOST_PARAMETERS} parameters");
    Err(Refusal::ambiguous(message, "send fewer parameters in the query"))
}

fn check_fields<B>(bundle: &Bundle, request: &Request<B>) -> Result<(), Refusal> {
    let fields = request.headers();
    // of two, the upstream might follow the one that was not judged; most heads repeat nothing, which one comparison shows
    let repeats = fields.len() > fields.keys_len();
    if repeats && let Some(name) = SINGULAR.iter().find(|name| fields.get_all(*name).iter().nth(1).is_some()) {
        let message = format!("the `{name}` header occurs more than once");
        return Err(Refusal::ambiguous(message, "send it once; a proxy on the way may add its own"));
    }
    if headers::has_many_options(fields) {
        let fix = "send `Connection` with `close` or `keep-alive` only";
        return Err(Refusal::ambiguous("`Connection` has more than 32 options", fix));
    }
    // RFC 9110 section 7.6.1: what `Connection` names is dropped before forwarding, after it was judged
    let relied_on = |name: &str| headers::is_relied_on(name) || bundle.policies.rely_on_header(name);
    if headers::nominates(fields, relied_on) {
        let message = "`Connection` names a header that the request itself needs";
        return Err(Refusal::ambiguous(message, "send `Connection` with `close` or `keep-alive` only"));
    }
    if fields.keys().any(|name| headers::is_twin(name, relied_on)) {
        let message = "a header's name is one with `-`, written with `_`; servers differ in whether they are the same";
        return Err(Refusal::ambiguous(message, "write the names of headers with `-`"));
    }
    let expects = fields.get(EXPECT).map(http::HeaderValue::as_bytes);
    if expects.is_some_and(|value| !value.eq_ignore_ascii_case(b"100-continue")) {
        let message = "`Expect` asks for something other than `100-continue`";
        return Err(Refusal::ambiguous(message, "leave out `Expect`"));
    }
    Ok(())
}

/// RFC 9112 section 6.1: two framings, or one that HTTP/1.0 does not have, let requests be smuggled. No operation of the
/// contract has a body on `GET`, `HEAD` or `DELETE`, and servers differ in whether they read one.
fn check_framing<B: Body>(request: &Request<B>) -> Result<(), Refusal> {
    let fields = request.headers();
    let is_chunked = fields.contains_key(TRANSFER_ENCODING);
    if is_chunked && (fields.contains_key(CONTENT_LENGTH) || request.version() == Version::HTTP_10) {
        let fix = "frame the body by `Content-Length` alone; HTTP/1.0 has no `Transfer-Encoding`";
        return Err(Refusal::ambiguous("the body is framed in two ways", fix));
    }
    // HTTP/2 has no guard of its bytes, nor has a service that embeds the layers
    let is_length = |value: &http::HeaderValue| crate::head::number(value.as_bytes()).is_some();
    if !request.body().is_end_stream() && !fields.get(CONTENT_LENGTH).is_none_or(is_length) {
        return Err(head_refusal(HeadDefect::ContentLength));
    }
    let has_body = match request.extensions().get::<BodyPresence>() {
        Some(presence) => *presence == BodyPresence::Present,
        None => !request.body().is_end_stream(),
    };
    if forbids_body(request.method()) && has_body {
        let message = format!("a {} request has no body", request.method());
        return Err(Refusal::ambiguous(message, "leave out the body and its `Content-Length`"));
    }
    Ok(())
}
