//! The client: sends a request to the upstream, once.

use super::UpstreamBody;
use super::connect::{ProtocolOffer, UpstreamConnector};
use super::connection::UpstreamConnection;
use super::error::{Unreachable, UpstreamError, unsent_cause};
use super::framing::frame;
use super::http1_pool::Http1Pool;
use super::http2_pool::Http2Pool;
use super::response_body::UpstreamResponseBody;
use super::response_length;
use super::trouble::UpstreamTrouble;
use super::upload::{Upload, UploadProgress};
use crate::redact::ResponseIds;
use crate::telemetry::OpenConnections;
use crate::telemetry::record::{UnsentAttempt, UnsentCause, UpstreamCall};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use pingora_timeout::timeout;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A response, and the record of the attempt.
pub type Answered = (Response<UpstreamResponseBody>, UpstreamCall);

/// The error of an attempt without a response, and its record.
pub type Failed = (UpstreamError, UpstreamCall);

/// The state of an attempt. The caller owns it, so that an attempt that is cancelled can still be recorded.
#[derive(Debug)]
pub struct Attempt {
    call: UpstreamCall,
    clock: Instant,
    progress: Option<Arc<UploadProgress>>,
    observer: Option<Arc<dyn SendObserver>>,
}

/// Is notified when a request is handed to a connection: from then on, the upstream may have received it.
pub trait SendObserver: fmt::Debug + Send + Sync {
    /// Takes note of it.
    fn note_sent(&self);
}

/// The client of one worker, with its own keep-alive connections, driven by the worker's runtime.
// not shared between workers: a request and its connection stay on one core, and the pools need no lock that is contended
pub struct UpstreamClient {
    connector: UpstreamConnector,
    connections: ConnectionPools,
}

/// The connections of one worker, by version of HTTP.
pub(super) struct ConnectionPools {
    pub(super) pool: Arc<Http1Pool>,
    pub(super) multiplex: Arc<Http2Pool>,
    /// Counts the open connections.
    pub(super) open: OpenConnections,
}

/// The shortest deadline: zero underflows inside pingora's timer.
const SHORTEST: Duration = Duration::from_millis(1);

/// A request until it is handed to a connection, and again when it is returned unsent.
// passed on by reference: a request is four hundred bytes that each call on the way would move
type Outgoing = Option<Request<Upload>>;

/// The error of a request without a response, and why the upstream cannot have processed it, if that is known.
struct SendError {
    error: UpstreamError,
    unsent: Option<UnsentCause>,
}

impl UpstreamClient {
    /// A client for use within one worker. Its connections are driven by the runtime that polls [`UpstreamClient::attempt`].
    pub fn new(connector: UpstreamConnector) -> Self {
        let (pool, multiplex, open) = (Http1Pool::new(), Http2Pool::new(), OpenConnections::default());
        Self { connector, connections: ConnectionPools { pool, multiplex, open } }
    }

    /// Counts its connections by `open`.
    #[must_use]
    pub fn counted_by(mut self, open: OpenConnections) -> Self {
        self.connections.open = open;
        self
    }

    /// [`UpstreamClient::attempt`] for callers that do not cancel it.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`], with the record of the attempt, if there is no response.
    pub async fn send(&self, request: Request<UpstreamBody>) -> Result<Answered, Failed> {
        let mut attempt = Attempt::begin();
        match self.attempt(request, &mut attempt).await {
            Ok(response) => Ok((response, attempt.record())),
            Err(error) => Err((error, attempt.record())),
        }
    }

    /// Sends `request`, waits for the head of the response, and keeps `attempt` up to date.
    ///
    /// The URI is sent verbatim and has to be in origin form (RFC 9112 section 3.2.1). `Host` and the framing headers are
    /// overwritten.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`], if there is no response.
    // A request is sent again, once, if hyper returns it unsent, as it does when an idle connection turns out to be closed; or if
    // HTTP/2 guarantees that it was not processed. Any other that may have reached the upstream is never repeated: it may have
    // been acted on.
    pub async fn attempt(
        &self,
        request: Request<UpstreamBody>,
        attempt: &mut Attempt,
    ) -> Result<Response<UpstreamResponseBody>, UpstreamError> {
        let request = frame(request);
        attempt.progress = request.body().progress();
        let mut response = self.exchange(&mut Some(request), attempt).await?;
        attempt.call.status = Some(response.status().as_u16());
        attempt.call.ids = ResponseIds::of(response.headers());
        self.read_ahead(&mut response).await?;
        Ok(response)
    }

    /// Waits for the first part of a body whose length is known.
    async fn read_ahead(&self, response: &mut Response<UpstreamResponseBody>) -> Result<(), UpstreamError> {
        let ahead = timeout(self.connector.response_timeout(), response.body_mut().read_ahead()).await;
        ahead.map_err(|_| UpstreamError::Timeout)?.map_err(|_| Unreachable::ShortBody.into())
    }

    /// The failures that were logged.
    pub fn trouble(&self) -> &UpstreamTrouble {
        self.connector.trouble()
    }

    async fn exchange(
        &self,
        request: &mut Outgoing,
        attempt: &mut Attempt,
    ) -> Result<Response<UpstreamResponseBody>, UpstreamError> {
        let Attempt { call, clock, observer, .. } = attempt;
        let notify = || observer.iter().for_each(|observer| observer.note_sent());
        let connection = match self.pooled_connection() {
            Some(connection) => {
                call.reused = true;
                (call.peer, call.protocol_version) = (connection.peer(), Some(connection.protocol_version()));
                connection
            }
            None => self.open(call, ProtocolOffer::Configured).await?,
        };
        notify();
        let cause = match self.send_on(connection, request).await {
            Ok(response) => return Ok(response),
            // a new connection that is closed at once is no better the next time
            Err(SendError { error, unsent: Some(UnsentCause::Closed) }) if !call.reused => return Err(error),
            Err(SendError { unsent: Some(cause), .. }) => cause,
            Err(unanswered) => return Err(unanswered.error),
        };
        restart_attempt(call, clock, cause);
        let offer = if cause == UnsentCause::Http1Required { ProtocolOffer::Http1 } else { ProtocolOffer::Configured };
        let connection = self.open(call, offer).await?;
        notify();
        self.send_on(connection, request).await.map_err(|unanswered| unanswered.error)
    }

    fn pooled_connection(&self) -> Option<UpstreamConnection> {
        if self.connector.offers_http2()
            && let Some(stream) = self.connections.multiplex.take()
        {
            return Some(UpstreamConnection::Http2(stream));
        }
        self.connections.pool.take().map(UpstreamConnection::Http1)
    }

    async fn open(&self, call: &mut UpstreamCall, offer: ProtocolOffer) -> Result<UpstreamConnection, Unreachable> {
        let clock = Instant::now();
        let connected = self.connector.connect(&self.connections, offer).await;
        let (connection, tls) = connected.inspect_err(|error| call.unconnected = Some(error.unconnected_cause()))?;
        (call.connect, call.tls) = (Some(clock.elapsed()), tls);
        (call.peer, call.protocol_version) = (connection.peer(), Some(connection.protocol_version()));
        Ok(connection)
    }

    async fn send_on(
        &self,
        mut connection: UpstreamConnection,
        outgoing: &mut Outgoing,
    ) -> Result<Response<UpstreamResponseBody>, SendError> {
        let Some(mut request) = outgoing.take() else { return Err(UpstreamError::from(Unreachable::BrokenOff).into()) };
        if connection.is_http2() {
            *outgoing = repeat(&request);
        }
        connection.complete(&mut request, self.connector.origin());
        let progress = request.body().progress();
        let (connector, watched) = (&self.connector, progress.clone());
        let response = match &mut connection {
            UpstreamConnection::Http1(lease) => {
                await_response(connector, watched, pin!(lease.sender.try_send_request(request))).await
            }
            UpstreamConnection::Http2(stream) => {
                await_response(connector, watched, pin!(stream.sender.try_send_request(request))).await
            }
        };
        match response {
            Ok(Ok(response)) => check_response(response, connection).map_err(SendError::from),
            Ok(Err(mut failure)) => {
                let unsent = match failure.take_message() {
                    Some(unsent) => {
                        *outgoing = Some(unsent);
                        Some(UnsentCause::Closed)
                    }
                    None => unsent_cause(failure.error()).filter(|_| outgoing.is_some()),
                };
                // asked of the progress and not of hyper's error, which shows it in HTTP/1.1 only
                let is_broken = progress.is_some_and(|progress| progress.is_broken());
                let error = match failure.error().into() {
                    _ if is_broken => UpstreamError::UploadBrokenOff,
                    _ if connection.has_excess_interim_responses() => Unreachable::InterimResponses.into(),
                    error => error,
                };
                Err(SendError { error, unsent })
            }
            Err(late) => Err(late.into()),
        }
    }
}

impl Attempt {
    /// An attempt that begins now.
    pub fn begin() -> Self {
        Self { call: UpstreamCall::begin(), clock: Instant::now(), progress: None, observer: None }
    }

    /// Notifies `observer` when the request is sent.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn SendObserver>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// The record of the attempt so far.
    pub fn record(&self) -> UpstreamCall {
        let streamed = self.progress.as_ref().map(|progress| progress.bytes());
        UpstreamCall { elapsed: self.clock.elapsed(), streamed, ..self.call.clone() }
    }
}

impl From<UpstreamError> for SendError {
    fn from(error: UpstreamError) -> Self {
        Self { error, unsent: None }
    }
}

/// Waits for `response` until the upstream has been silent for the response timeout, counted from the last byte it was sent, or
/// a streamed body has taken longer than the upload timeout.
async fn await_response<F: Future>(
    connector: &UpstreamConnector,
    progress: Option<Arc<UploadProgress>>,
    mut response: Pin<&mut F>,
) -> Result<F::Output, UpstreamError> {
    // a slow upload is not the upstream's fault: its response timeout runs only while it is the upstream's turn
    let limit = connector.response_timeout();
    let Some(progress) = progress else {
        return timeout(limit, response).await.map_err(|_| UpstreamError::Timeout);
    };
    let mut left = limit;
    loop {
        let upload = connector.upload_timeout().saturating_sub(progress.age());
        let stall = connector.stall_timeout().saturating_sub(progress.client_idle());
        if let Ok(output) = timeout(left.min(upload).min(stall).max(SHORTEST), response.as_mut()).await {
            return Ok(output);
        }
        left = limit.saturating_sub(progress.upstream_idle());
        if left.is_zero() {
            return Err(UpstreamError::Timeout);
        }
        if progress.awaits_client() && progress.age() >= connector.upload_timeout() {
            return Err(UpstreamError::UploadTooSlow);
        }
        if progress.client_idle() >= connector.stall_timeout() {
            return Err(UpstreamError::UploadStalled);
        }
    }
}

fn check_response(
    mut response: Response<Incoming>,
    connection: UpstreamConnection,
) -> Result<Response<UpstreamResponseBody>, UpstreamError> {
    // one read can bring all of them and the final one
    if connection.has_excess_interim_responses() {
        return Err(Unreachable::InterimResponses.into());
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Unreachable::SwitchedProtocols.into());
    }
    response_length::normalize(response.headers_mut())?;
    Ok(response.map(|incoming| UpstreamResponseBody::new(incoming, connection)))
}

/// The same request once more, if its body is whole in memory. HTTP/2 takes the head apart as it is sent.
fn repeat(request: &Request<Upload>) -> Option<Request<Upload>> {
    let mut again = Request::new(request.body().repeat()?);
    again.method_mut().clone_from(request.method());
    again.uri_mut().clone_from(request.uri());
    again.headers_mut().clone_from(request.headers());
    Some(again)
}

/// Records `call` as an attempt that was not processed, and begins another.
fn restart_attempt(call: &mut UpstreamCall, clock: &mut Instant, cause: UnsentCause) {
    let UpstreamCall { started, peer, protocol_version, reused, .. } = *call;
    let unsent = UnsentAttempt { started, elapsed: clock.elapsed(), peer, protocol_version, reused, cause };
    *call = UpstreamCall { unsent: Some(unsent), ..UpstreamCall::begin() };
    *clock = Instant::now();
}
