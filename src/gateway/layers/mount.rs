//! Mount: finds the path to judge where a router in front removed a mount prefix, as axum's `nest` does.
//!
//! The service behind may use what is left of the path, or what the client sent. So each of these readings is routed, and the
//! strictest decides: two that are different guarded operations are ambiguous.

use super::admit::{Refused, drain_refused, requested_api_version};
use super::forward_or_refuse::ForwardOrRefuse;
use crate::contract::Routed;
use crate::gateway::call::Call;
use crate::gateway::refusal::Refusal;
use crate::judge::Bundle;
use crate::reason::Reason;
use axum::extract::OriginalUri;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Request, Uri};
use http_body::Body;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Most segments of a prefix. Each is another reading to route.
const MAX_SEGMENTS: usize = 8;

/// Finds the path to judge below a mount prefix. In front of Admit, and only in embedding programs: the gateway has no prefix.
#[derive(Clone)]
pub(in crate::gateway) struct MountLayer;

/// The service of [`MountLayer`].
#[derive(Clone)]
pub(in crate::gateway) struct Mount<S> {
    inner: S,
}

impl<S> Layer<S> for MountLayer {
    type Service = Mount<S>;

    fn layer(&self, inner: S) -> Mount<S> {
        Mount { inner }
    }
}

impl<S, B> Service<Call<B>> for Mount<S>
where
    S: Service<Call<B>, Error = Refusal, Future: Send>,
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = S::Response;
    type Error = Refusal;
    type Future = ForwardOrRefuse<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut call: Call<B>) -> Self::Future {
        match path_to_judge(&call.bundle, &call.request) {
            Ok(Some(uri)) => {
                let local = std::mem::replace(call.request.uri_mut(), uri);
                call.request.extensions_mut().insert(LocalUri(local));
                ForwardOrRefuse::forward(self.inner.call(call), ())
            }
            Ok(None) => ForwardOrRefuse::forward(self.inner.call(call), ()),
            Err(refusal) => {
                let refused: Refused<B> = Box::new((refusal, call.request));
                ForwardOrRefuse::refuse(drain_refused(refused))
            }
        }
    }
}

/// The URI that the service behind the layer expects, while the request has the one that is judged.
#[derive(Clone)]
struct LocalUri(Uri);

/// Gives the request the URI back that the service behind the layer expects.
pub(in crate::gateway) fn restore_uri<B>(request: &mut Request<B>) {
    if let Some(LocalUri(uri)) = request.extensions_mut().remove() {
        *request.uri_mut() = uri;
    }
}

/// How strictly a reading is treated, the strictest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// An operation that a rule may refuse.
    Guarded,
    /// No operation, but a server could take it for a guarded one.
    Refused,
    /// An operation that is only audited.
    Audited,
    /// An operation with nothing to judge.
    Exempt,
    /// Not in the contract.
    Unknown,
}

/// The URI to judge `request` by. `None` if it is the one that the request has.
///
/// # Errors
///
/// The refusal, if its readings are different guarded operations.
fn path_to_judge<B>(bundle: &Bundle, request: &Request<B>) -> Result<Option<Uri>, Refusal> {
    let Some(OriginalUri(original)) = request.extensions().get() else { return Ok(None) };
    if original == request.uri() {
        return Ok(None);
    }
    let readings = readings(original, request.uri())?;
    // a version with two meanings is refused by Admit, whatever the path
    let version = requested_api_version(request).ok().flatten();
    let mut best: Option<(Strength, Routed, Uri)> = None;
    for uri in readings {
        let routed = bundle.route(request.method().as_str(), uri.path(), version.as_deref());
        let strength = strength(bundle, &routed);
        match &best {
            Some((Strength::Guarded, first, _)) if strength == Strength::Guarded && !is_same(first, &routed) => {
                let message = "the path is one operation with its mount prefix, and another one without it";
                return Err(Refusal::because(Reason::AmbiguousPath, message));
            }
            Some((so_far, ..)) if *so_far <= strength => {}
            _ => best = Some((strength, routed, uri)),
        }
    }
    Ok(best.map(|(.., uri)| uri))
}

/// The URI as the client sent it, then as each router on the way may have left it, down to `local`.
///
/// # Errors
///
/// The refusal, if there are too many.
fn readings(original: &Uri, local: &Uri) -> Result<Vec<Uri>, Refusal> {
    let mut readings = vec![original.clone()];
    let (path, end) = (original.path(), local.path());
    // a path that was rewritten in another way has no readings in between; below an exact mount it is `/`
    let is_stripped = end == "/" || path.ends_with(end);
    let starts = path.match_indices('/').skip(1).filter(|_| is_stripped);
    for rest in starts.filter_map(|(at, _)| path.get(at..)).take_while(|rest| rest.len() > end.len()) {
        if readings.len() >= MAX_SEGMENTS {
            return Err(Refusal::because(Reason::AmbiguousPath, "the mount prefix has more than 8 segments"));
        }
        let target = original.query().map_or_else(|| rest.to_owned(), |query| format!("{rest}?{query}"));
        readings.extend(PathAndQuery::try_from(target).ok().map(Uri::from));
    }
    readings.push(local.clone());
    Ok(readings)
}

fn strength(bundle: &Bundle, routed: &Routed) -> Strength {
    match routed {
        Routed::Operation(operation, _) if bundle.is_guarded(operation) => Strength::Guarded,
        Routed::Operation(operation, _) if bundle.inspection(operation).is_some() => Strength::Audited,
        Routed::Operation(..) => Strength::Exempt,
        Routed::Ambiguous | Routed::MethodUnknown => Strength::Refused,
        Routed::Unknown => Strength::Unknown,
    }
}

fn is_same(one: &Routed, other: &Routed) -> bool {
    match (one, other) {
        (Routed::Operation(one, first), Routed::Operation(other, second)) => one.id == other.id && first == second,
        _ => false,
    }
}
