//! One connection of the admin listener, bounded in time.

use super::PROBES;
use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pingora_timeout::sleep;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

/// Timeout for the head of a request, and for an idle connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time for which a client may read nothing of a response.
const STALL: Duration = Duration::from_secs(10);
/// Longest time of a connection, unless it watches decisions.
// a client that reads a byte now and then never stalls
const TOTAL: Duration = Duration::from_secs(120);

/// Serves `router` on `stream`; the probes alone if `is_for_probes`.
pub(super) async fn serve(stream: TcpStream, router: Router, is_for_probes: bool) {
    let is_watching = Arc::new(AtomicBool::new(false));
    let watches = Arc::clone(&is_watching);
    let service = service_fn(move |request: Request<Incoming>| {
        watches.fetch_or(request.uri().path() == "/decisions", Ordering::Relaxed);
        respond(router.clone(), request, is_for_probes)
    });
    let mut http = http1::Builder::new();
    // without a timer hyper applies no timeout
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let mut connection = pin!(http.serve_connection(TokioIo::new(StallLimit { stream, stalled: None }), service));
    // not logged: scrapers close their connections as they like
    if pingora_timeout::timeout(TOTAL, connection.as_mut()).await.is_err() && is_watching.load(Ordering::Relaxed) {
        let _ = connection.await;
    }
}

async fn respond(
    router: Router,
    request: Request<Incoming>,
    is_for_probes: bool,
) -> Result<Response<Body>, Infallible> {
    if is_for_probes && !PROBES.contains(&request.uri().path()) {
        let mut response = Response::new(Body::from("too many connections to the admin listener\n"));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return Ok(response);
    }
    router.oneshot(request.map(Body::new)).await
}

/// A stream that fails when its client reads nothing for [`STALL`].
struct StallLimit {
    stream: TcpStream,
    stalled: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl AsyncRead for StallLimit {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for StallLimit {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        if written.is_ready() {
            this.stalled = None;
            return written;
        }
        let stalled = this.stalled.get_or_insert_with(|| Box::pin(sleep(STALL)));
        stalled.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
