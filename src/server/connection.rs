//! One client's connection, from first byte to last.

use super::balance::Accepted;
use super::passed::Passed;
use super::service::Answers;
use super::settings::Settings;
use super::watched::{Bounds, Watched};
use crate::transport::Gathered;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Bytes hyper may buffer of one connection, each way, before it waits for the reader: what bounds memory when a
/// large body streams. A longer head than that is allowed where `limits.headerBytes` says so.
const BUFFER_BYTES: usize = 64 * 1024;

/// The client's end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// HTTP/1.1 as we speak it to clients, and what bounds them.
#[derive(Clone, Debug)]
pub(super) struct Http {
    builder: http1::Builder,
    bounds: Bounds,
}

/// HTTP/1.1 as we speak it to clients.
///
/// `max_headers` stays at hyper's 100: any other number makes it allocate for each request, and a hundred header lines
/// are as many as Envoy takes. Heads that are longer never get here, see [`super::watched`].
///
/// hyper's one timer for heads runs from the moment when it begins to wait for one: it is the bound on idling. The time
/// of a head itself is bounded where it is looked at.
///
/// `half_close` stays off: a client that closes its sending side is gone, and its request is dropped at once with the
/// upstream's connection, where half-open ones would be held to the end. No SDK half-closes.
///
/// `pipeline_flush` stays off: hyper calls it experimental, and no SDK pipelines.
pub(super) fn http(settings: Settings) -> Http {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(settings.idle_timeout)
        .max_header_size(settings.header_bytes)
        .max_buf_size(settings.header_bytes.max(BUFFER_BYTES))
        .keep_alive(true)
        .half_close(false)
        .pipeline_flush(false);
    let bounds =
        Bounds { head_bytes: settings.header_bytes, head_time: settings.header_timeout, stall: settings.idle_timeout };
    Http { builder, bounds }
}

/// Serves the connection until either side closes it, or until `draining` ends: then it finishes the request it has
/// begun, tells the client with `connection: close`, and closes.
pub(super) async fn serve<S: Answers>(http: Http, accepted: Accepted, service: S, draining: oneshot::Receiver<()>) {
    let Accepted { stream, place: _place, .. } = accepted;
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => return tracing::debug!(%error, "a connection could not be taken over"),
    };
    // without it Nagle's algorithm holds the end of an answer back until its beginning is acknowledged
    let _ = stream.set_nodelay(true);
    let passed = Arc::new(Passed::default());
    let stream = TokioIo::new(Gathered(Watched::new(stream, http.bounds, Arc::clone(&passed))));
    let answers = service_fn(move |request| call(service.clone(), &passed, request));
    let connection = http.builder.serve_connection(stream, answers);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        // asked first, so that an answer which becomes ready together with the signal says `connection: close`
        biased;
        _ = draining => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        ended = connection.as_mut() => ended,
    };
    if let Err(error) = ended {
        // hyper's errors print their own level only, which holds nothing of the request
        tracing::debug!(%error, "a connection broke");
    }
}

/// Asks the service for its answer. Behind a head that cannot be trusted nothing on the connection can.
fn call<S: Answers>(
    mut service: S,
    passed: &Passed,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<S::Body>, Infallible>> + use<S> {
    let defect = passed.next_request();
    if let Some(defect) = defect {
        request.extensions_mut().insert(defect);
    }
    async move {
        poll_fn(|context| service.poll_ready(context)).await?;
        let mut response = service.call(request).await?;
        if defect.is_some() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}
