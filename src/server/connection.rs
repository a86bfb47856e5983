//! Serves one client's connection, from its first byte to its last.

use super::balancer::Accepted;
use super::connection_memory::{Backpressure, ConnectionMemory};
use super::handshake::{HttpStream, OpenError, OpenedConnection, open};
use super::head_guard::HeadGuard;
use super::head_ledger::HeadLedger;
use super::http_service::HttpService;
use super::http_settings::Http;
use super::http2_activity::{ActiveBody, ConnectionActivity};
use super::http2_guard::{Http2Guard, Http2Requests};
use crate::budget::Account;
use crate::head::HeadDefect;
use crate::peer::Client;
use crate::peer::LocalEndpoint;
use crate::telemetry::{RefusedConnection, ServerMetrics};
use crate::transport::CoalescingStream;
use http::header::CONNECTION;
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

/// The shortest time that pingora's timer can wait for.
const SHORTEST: Duration = Duration::from_millis(1);

/// Most fields in the head of an HTTP/2 request, as in HTTP/1.
const MAX_FIELDS: usize = 100;

/// The two ends of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The client's identity.
    pub client: Arc<Client>,
    /// The account of what the client holds.
    pub account: Arc<Account>,
    /// The gateway's end.
    pub endpoint: LocalEndpoint,
}

/// What all connections of a worker share.
pub(super) struct ConnectionHandler<M> {
    pub(super) http: Http,
    pub(super) metrics: ServerMetrics,
    /// Makes the service of a connection.
    pub(super) service_for: M,
}

impl<M, S> ConnectionHandler<M>
where
    M: Fn(Peer) -> S,
    S: HttpService,
{
    /// Serves the connection until either side closes it, or until `draining` resolves: then it finishes the requests that
    /// have begun, announces the close to the client, and closes.
    pub(super) async fn serve(self: Arc<Self>, accepted: Accepted, mut draining: oneshot::Receiver<()>) {
        let Accepted { socket, tls, place: _place, hold } = accepted;
        let socket = match socket.attach() {
            Ok(socket) => socket,
            Err(error) => return tracing::debug!(%error, "a connection could not be taken over"),
        };
        let opened = tokio::select! {
            // biased: bytes that have arrived when the drain begins count as a request that has begun
            biased;
            opened = open(socket, tls, hold, self.http.bounds) => opened,
            _ = &mut draining => return,
        };
        let OpenedConnection { stream, is_http2, peer, hold, valid_for } = match opened {
            Ok(open) => open,
            Err(OpenError::Gone(error)) => return tracing::debug!(%error, "a connection ended before a request"),
            Err(OpenError::Refused(why)) => return self.record_refusal(why),
        };
        let service = (self.service_for)(peer);
        let memory = ConnectionMemory::new(hold);
        let age = self.http.age.min(valid_for.unwrap_or(Duration::MAX));
        let draining = async move {
            // an end by age is one like that of a drain: what has begun is finished
            let _ = pingora_timeout::timeout(age.max(SHORTEST), draining).await;
        };
        match (stream, is_http2) {
            (HttpStream::Plain(stream), false) => self.version1(stream, service, memory, draining).await,
            (HttpStream::Plain(stream), true) => self.version2(stream, service, memory, draining).await,
            (HttpStream::Tls(stream), false) => self.version1(stream, service, memory, draining).await,
            (HttpStream::Tls(stream), true) => self.version2(stream, service, memory, draining).await,
        }
    }

    fn record_refusal(&self, why: RefusedConnection) {
        self.metrics.connection_refused(why);
        tracing::debug!(reason = why.as_str(), "a connection was refused");
    }

    async fn version1<T>(&self, stream: T, service: S, memory: ConnectionMemory, draining: impl Future<Output = ()>)
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let (ledger, backpressure) = (Arc::new(HeadLedger::default()), Arc::new(Backpressure::default()));
        let (for_guard, is_read) = (Arc::clone(&ledger), Arc::clone(&backpressure));
        let stream = HeadGuard::new(stream, self.http.bounds, for_guard, memory, backpressure);
        let stream = TokioIo::new(CoalescingStream(stream));
        let service =
            service_fn(move |request| call_unless_defect(service.clone(), &ledger, Arc::clone(&is_read), request));
        let mut connection = pin!(self.http.version1.serve_connection(stream, service));
        let ended = tokio::select! {
            // biased: a response that becomes ready together with the signal must carry `connection: close`
            biased;
            () = draining => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            ended = connection.as_mut() => ended,
        };
        log_end(ended);
    }

    /// Serves HTTP/2. A client that idles or reads nothing of a response gets a GOAWAY, and is cut off if it does not close.
    async fn version2<T>(&self, stream: T, service: S, memory: ConnectionMemory, draining: impl Future<Output = ()>)
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let (activity, requests) = (ConnectionActivity::new(), Arc::new(Http2Requests::default()));
        let (counting, accepting) = (Arc::clone(&activity), Arc::clone(&requests));
        let stream = Http2Guard::new(stream, self.http.bounds, memory, Arc::default(), requests);
        let service = service_fn(move |request| {
            accepting.accept();
            call_counted(service.clone(), bound_fields(request), &counting)
        });
        let mut connection = pin!(self.http.version2.serve_connection(TokioIo::new(stream), service));
        let limit = self.http.bounds.stall;
        tokio::select! {
            biased;
            () = draining => {}
            ended = connection.as_mut() => return log_end(ended),
            () = activity.wait_until_useless(limit) => {}
        }
        connection.as_mut().graceful_shutdown();
        activity.touch();
        tokio::select! {
            biased;
            ended = connection => log_end(ended),
            () = activity.wait_until_useless(limit) => {}
        }
    }
}

fn log_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        // safe to log: hyper's `Display` omits the causes, which may quote the request
        tracing::debug!(%error, "a connection broke");
    }
}

/// Calls the service with the defect of the request's head, if it has one, and then closes the connection.
// behind a head that cannot be trusted, the boundaries of all further requests cannot be trusted either
fn call_unless_defect<S: HttpService>(
    mut service: S,
    ledger: &HeadLedger,
    backpressure: Arc<Backpressure>,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<S::Body>, Infallible>> + use<S> {
    let defect = ledger.next_request();
    if let Some(defect) = defect {
        request.extensions_mut().insert(defect);
    }
    async move {
        if backpressure.is_blocked() {
            // a client that sends on without reading gets its next response only after it has read the one before
            backpressure.wait_for_reads().await;
        }
        let mut response = service.call(request).await?;
        if defect.is_some() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}

/// Replaces the fields of a head with more than HTTP/1 heads can have by the defect that the service refuses it for.
fn bound_fields(mut request: Request<Incoming>) -> Request<Incoming> {
    if request.headers().len() > MAX_FIELDS {
        // gone at once: in a header map each takes a hundred bytes, and one on the wire
        *request.headers_mut() = HeaderMap::new();
        request.extensions_mut().insert(HeadDefect::TooLong);
    }
    request
}

/// Calls the service at once, before the next request of the connection is accepted.
fn call_counted<S: HttpService>(
    mut service: S,
    request: Request<Incoming>,
    activity: &Arc<ConnectionActivity>,
) -> impl Future<Output = Result<Response<ActiveBody<S::Body>>, Infallible>> + use<S> {
    let active = activity.request();
    let response = service.call(request);
    async move { Ok(response.await?.map(|body| ActiveBody::new(body, active))) }
}
