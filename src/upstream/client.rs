//! Sends a request to the upstream, once.

use super::UpstreamBody;
use super::connect::UpstreamConnector;
use super::connection::UpstreamConnection;
use super::error::{Unreachable, UpstreamError};
use super::framing::frame;
use super::http1_pool::Http1Pool;
use super::http2_pool::Http2Pool;
use super::response_body::UpstreamResponseBody;
use super::upload::{Upload, UploadProgress};
use crate::telemetry::OpenConnections;
use crate::telemetry::record::{UnsentAttempt, UpstreamCall};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use pingora_timeout::timeout;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An answer, and how it was got.
pub type Answered = (Response<UpstreamResponseBody>, UpstreamCall);

/// Why there is none, and how far we got.
pub type Failed = (UpstreamError, UpstreamCall);

/// What is known of an attempt to have the upstream answer, at every moment of it: whoever gives it up can still tell.
#[derive(Debug)]
pub struct Attempt {
    call: UpstreamCall,
    clock: Instant,
    progress: Option<Arc<UploadProgress>>,
}

/// The upstream, as one worker reaches it: its own keep-alive connections, driven by its own runtime.
pub struct UpstreamClient {
    connector: UpstreamConnector,
    connections: ConnectionPools,
}

/// The connections of one worker, by version of HTTP.
pub(super) struct ConnectionPools {
    pub(super) pool: Arc<Http1Pool>,
    pub(super) multiplex: Arc<Http2Pool>,
    /// Counts them.
    pub(super) open: OpenConnections,
}

/// A deadline of nothing underflows inside pingora's timer.
const SHORTEST: Duration = Duration::from_millis(1);

/// A request that got no answer, given back if none of its bytes can have left.
struct SendError {
    error: UpstreamError,
    unsent: Option<Request<Upload>>,
}

impl UpstreamClient {
    /// For use within one worker: connections opened by it are driven by the runtime that [`UpstreamClient::send`] runs in.
    pub fn new(connector: UpstreamConnector) -> Self {
        let (pool, multiplex, open) = (Http1Pool::new(), Http2Pool::new(), OpenConnections::default());
        Self { connector, connections: ConnectionPools { pool, multiplex, open } }
    }

    /// The same, with its connections counted by `open`.
    #[must_use]
    pub fn counted_by(mut self, open: OpenConnections) -> Self {
        self.connections.open = open;
        self
    }

    /// [`UpstreamClient::attempt`], for whoever never gives it up.
    ///
    /// # Errors
    /// [`UpstreamError`] when there is no answer, with what is known of the attempt.
    pub async fn send(&self, request: Request<UpstreamBody>) -> Result<Answered, Failed> {
        let mut attempt = Attempt::begin();
        match self.attempt(request, &mut attempt).await {
            Ok(answer) => Ok((answer, attempt.record())),
            Err(error) => Err((error, attempt.record())),
        }
    }

    /// Sends `request` and waits for the head of the answer, keeping `attempt` up to date.
    ///
    /// The URI is sent as it is and has to be in origin form (RFC 9112 section 3.2.1). `Host` and the framing headers
    /// are set here, whatever they were. A request is sent again only if hyper hands it back unsent, as it does when
    /// an idle connection turns out to be closed; one whose bytes may have reached the upstream never is.
    ///
    /// # Errors
    /// [`UpstreamError`] when there is no answer.
    pub async fn attempt(
        &self,
        request: Request<UpstreamBody>,
        attempt: &mut Attempt,
    ) -> Result<Response<UpstreamResponseBody>, UpstreamError> {
        let request = frame(request);
        attempt.progress = request.body().progress();
        let answer = self.exchange(request, &mut attempt.call, &mut attempt.clock).await?;
        attempt.call.status = Some(answer.status().as_u16());
        Ok(answer)
    }

    async fn exchange(
        &self,
        mut request: Request<Upload>,
        call: &mut UpstreamCall,
        clock: &mut Instant,
    ) -> Result<Response<UpstreamResponseBody>, UpstreamError> {
        if let Some(connection) = self.open_already() {
            call.reused = true;
            (call.peer, call.protocol_version) = (Some(connection.peer()), Some(connection.protocol_version()));
            match self.ask(connection, request).await {
                Ok(answer) => return Ok(answer),
                Err(SendError { unsent: Some(unsent), .. }) => request = unsent,
                Err(unanswered) => return Err(unanswered.error),
            }
            restart_attempt(call, clock);
        }
        let connection = self.open(call).await?;
        self.ask(connection, request).await.map_err(|unanswered| unanswered.error)
    }

    fn open_already(&self) -> Option<UpstreamConnection> {
        // without TLS there is no ALPN, by which HTTP/2 is agreed on
        if self.connector.origin().is_tls()
            && let Some(stream) = self.connections.multiplex.take()
        {
            return Some(UpstreamConnection::Http2(stream));
        }
        self.connections.pool.take().map(UpstreamConnection::Http1)
    }

    async fn open(&self, call: &mut UpstreamCall) -> Result<UpstreamConnection, Unreachable> {
        let clock = Instant::now();
        let (connection, tls) = self.connector.connect(&self.connections).await?;
        (call.connect, call.tls) = (Some(clock.elapsed()), tls);
        (call.peer, call.protocol_version) = (Some(connection.peer()), Some(connection.protocol_version()));
        Ok(connection)
    }

    async fn ask(
        &self,
        mut connection: UpstreamConnection,
        request: Request<Upload>,
    ) -> Result<Response<UpstreamResponseBody>, SendError> {
        let progress = request.body().progress();
        let answer = connection.send(request, self.connector.origin());
        let answer = await_response(&self.connector, progress.clone(), answer).await;
        match answer {
            Ok(Ok(answer)) => check_status(answer, connection).map_err(SendError::from),
            Ok(Err(mut failure)) => {
                let unsent = failure.take_message();
                // hyper tells it in HTTP/1.1 only
                let is_broken = progress.is_some_and(|progress| progress.is_broken());
                let error = if is_broken { UpstreamError::UploadBrokenOff } else { failure.error().into() };
                Err(SendError { error, unsent })
            }
            Err(late) => Err(late.into()),
        }
    }
}

impl Attempt {
    /// One that begins now.
    pub fn begin() -> Self {
        Self { call: UpstreamCall::begin(), clock: Instant::now(), progress: None }
    }

    /// How far it came, and in what time.
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

/// Waits for `answer` while it has been the upstream's turn for less than the response timeout, from the last byte it was
/// handed; and, where a body streams, for no longer than the bound on that.
async fn await_response<F: Future>(
    connector: &UpstreamConnector,
    progress: Option<Arc<UploadProgress>>,
    answer: F,
) -> Result<F::Output, UpstreamError> {
    let mut answer = pin!(answer);
    let limit = connector.response_timeout();
    let Some(progress) = progress else {
        return timeout(limit, answer).await.map_err(|_| UpstreamError::Timeout);
    };
    let mut left = limit;
    loop {
        let upload = connector.upload_timeout().saturating_sub(progress.elapsed());
        if let Ok(output) = timeout(left.min(upload).max(SHORTEST), answer.as_mut()).await {
            return Ok(output);
        }
        left = limit.saturating_sub(progress.upstream_idle());
        if left.is_zero() {
            return Err(UpstreamError::Timeout);
        }
        if progress.awaits_client() && progress.elapsed() >= connector.upload_timeout() {
            return Err(UpstreamError::UploadTooSlow);
        }
    }
}

fn check_status(
    answer: Response<Incoming>,
    connection: UpstreamConnection,
) -> Result<Response<UpstreamResponseBody>, UpstreamError> {
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Unreachable::SwitchedProtocols.into());
    }
    Ok(answer.map(|incoming| UpstreamResponseBody::new(incoming, connection)))
}

/// Makes of `call`, which came to nothing, the attempt before one that begins now.
fn restart_attempt(call: &mut UpstreamCall, clock: &mut Instant) {
    let UpstreamCall { started, peer, protocol_version, .. } = *call;
    let unsent = UnsentAttempt { started, elapsed: clock.elapsed(), peer, protocol_version };
    *call = UpstreamCall { unsent: Some(unsent), ..UpstreamCall::begin() };
    *clock = Instant::now();
}
