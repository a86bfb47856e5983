//! Serves one client's connection, from its first byte to its last.

use super::balancer::Accepted;
use super::connection_memory::{Backpressure, ConnectionMemory};
use super::handshake::{HttpStream, OpenError, OpenedConnection, open};
use super::head_guard::HeadGuard;
use super::head_ledger::{HeadLedger, LedgerBody};
use super::http_service::HttpService;
use super::http_settings::Http;
use super::http1_connection::{self, PARTING};
use super::http2_activity::{ActiveBody, ConnectionActivity};
use super::http2_guard::{Http2Guard, Http2Requests};
use crate::budget::Account;
use crate::head::HeadDefect;
use crate::peer::Client;
use crate::peer::LocalEndpoint;
use crate::telemetry::ServerMetrics;
use http::header::CONNECTION;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pingora_timeout::timeout;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

/// The shortest time that pingora's timer can wait for.
const SHORTEST: Duration = Duration::from_millis(1);

/// Has the time for which a client can reuse the connection (RFC 2068 section 19.7.1.1).
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

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

/// Why a connection accepts no more requests, although its client and its limits would let it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionEnd {
    /// The gateway stops.
    Drain,
    /// The client's certificate has expired.
    Expired,
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
        let address = socket.client_address();
        // boxed: its state is larger than that of an idle connection, whose task would keep room for it
        let mut opening = Box::pin(open(socket, tls, hold, self.http.bounds));
        let mut is_draining = false;
        let opened = tokio::select! {
            // biased: bytes that have arrived when the drain begins count as a request that has begun
            biased;
            opened = opening.as_mut() => opened,
            _ = &mut draining => {
                is_draining = true;
                // its client connected before the gateway stopped, and its request may be on its way
                match timeout(PARTING, opening).await {
                    Ok(opened) => opened,
                    Err(_) => return,
                }
            }
        };
        let OpenedConnection { stream, is_http2, peer, hold, valid_for } = match opened {
            Ok(open) => open,
            Err(OpenError::Gone(error)) => return tracing::debug!(%error, "a connection ended before a request"),
            Err(OpenError::Refused(why)) => {
                self.metrics.connection_refused(why);
                return tracing::debug!(reason = why.as_str(), "a connection was refused");
            }
            Err(OpenError::Handshake(why)) => {
                self.metrics.handshake_refused(why, address);
                return tracing::debug!(reason = why.as_str(), "a connection was refused");
            }
        };
        let service = (self.service_for)(peer);
        let memory = ConnectionMemory::new(hold);
        let ending = async move {
            if is_draining {
                return ConnectionEnd::Drain;
            }
            let Some(valid_for) = valid_for else {
                let _ = draining.await;
                return ConnectionEnd::Drain;
            };
            // what has begun is finished, but nothing more is accepted from a certificate that has expired
            match timeout(valid_for.max(SHORTEST), draining).await {
                Ok(_) => ConnectionEnd::Drain,
                Err(_) => ConnectionEnd::Expired,
            }
        };
        match (stream, is_http2) {
            (HttpStream::Plain(stream), false) => self.version1(stream, service, memory, ending).await,
            // boxed as well: most connections are HTTP/1.1, whose state is smaller
            (HttpStream::Plain(stream), true) => Box::pin(self.version2(stream, service, memory, ending)).await,
            (HttpStream::Tls(stream), false) => self.version1(stream, service, memory, ending).await,
            (HttpStream::Tls(stream), true) => Box::pin(self.version2(stream, service, memory, ending)).await,
        }
    }

    pub(super) async fn version1<T>(
        &self,
        stream: T,
        service: S,
        memory: ConnectionMemory,
        ending: impl Future<Output = ConnectionEnd>,
    ) where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let (ledger, backpressure) = (Arc::new(HeadLedger::default()), Arc::new(Backpressure::default()));
        let (for_guard, is_read) = (Arc::clone(&ledger), Arc::clone(&backpressure));
        let guard = HeadGuard::new(stream, self.http.bounds, for_guard, memory, Arc::clone(&backpressure));
        let (for_service, keep_alive) = (Arc::clone(&ledger), self.http.keep_alive.clone());
        let service = service_fn(move |request| {
            call_unless_defect(service.clone(), &for_service, Arc::clone(&is_read), keep_alive.clone(), request)
        });
        log_end(http1_connection::serve(&self.http, guard, service, (ledger, backpressure), ending).await);
    }

    /// Serves HTTP/2. A client that idles or reads nothing of a response gets a GOAWAY, and is cut off if it does not close.
    async fn version2<T>(
        &self,
        stream: T,
        service: S,
        memory: ConnectionMemory,
        ending: impl Future<Output = ConnectionEnd>,
    ) where
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
        let (idle, stall) = (self.http.bounds.idle, self.http.bounds.stall);
        tokio::select! {
            biased;
            _ = timeout(self.http.age.max(SHORTEST), ending) => {}
            ended = connection.as_mut() => return log_end(ended),
            () = activity.wait_until_useless(idle, stall) => {}
        }
        connection.as_mut().graceful_shutdown();
        activity.touch();
        tokio::select! {
            biased;
            ended = connection => log_end(ended),
            // a client that does not close by itself has had its GOAWAY
            () = activity.wait_until_useless(stall, stall) => {}
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
    ledger: &Arc<HeadLedger>,
    backpressure: Arc<Backpressure>,
    keep_alive: HeaderValue,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<LedgerBody<S::Body>>, Infallible>> + use<S> {
    let (ledger, defect) = (Arc::clone(ledger), ledger.next_request());
    if let Some(defect) = defect {
        request.extensions_mut().insert(defect);
    }
    let is_last = defect.is_some() || request.version() != Version::HTTP_11 || asks_to_close(request.headers());
    // called here, so that a request has a record even if its client is gone before the response is first polled
    let called = if backpressure.is_blocked() { Err(request) } else { Ok(service.call(request)) };
    async move {
        let mut response = match called {
            Ok(response) => response.await?,
            Err(request) => {
                // a client that sends on without reading gets its next response only after it has read the one before
                backpressure.wait_for_reads().await;
                service.call(request).await?
            }
        };
        let headers = response.headers_mut();
        if defect.is_some() || ledger.is_retired() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        } else if !is_last && !headers.contains_key(CONNECTION) {
            headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
            headers.insert(KEEP_ALIVE, keep_alive);
        }
        Ok(response.map(|body| LedgerBody::new(body, ledger)))
    }
}

fn asks_to_close(headers: &HeaderMap) -> bool {
    let options = headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    options.into_iter().any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
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
