//! The exporter of a signal, which sends each batch within a deadline.

use super::batch::Batch;
use super::drop_report::DropReport;
use super::failure::{ExportError, ExportFailure};
use super::grpc_client::GrpcClient;
use super::http_client::HttpClient;
use super::partial_success::PartialSuccess;
use super::queue::BatchQueue;
use super::request::{ExportRequest, RequestEncoder};
use super::signal::Signal;
use bytes::Bytes;
use pingora_timeout::timeout;
use std::time::{Duration, Instant};

/// The first pause before a retry. It doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Shortest timeout: one of zero underflows inside pingora's timer.
const SHORTEST: Duration = Duration::from_millis(1);

/// The client for the configured protocol.
pub(super) enum OtlpClient {
    Http(HttpClient),
    Grpc(GrpcClient),
}

/// Sends the batches of one signal.
pub(super) struct Exporter {
    signal: Signal,
    client: OtlpClient,
    encoder: RequestEncoder,
    /// Longest time for one batch, retries included.
    deadline: Duration,
    /// Whether to stop exporting if the collector does not know the signal: it was not named by a variable, and no
    /// batch was accepted yet.
    optional: bool,
    report: DropReport,
    /// When the collector takes requests again, by its last response.
    held_until: Option<Instant>,
}

/// The outcome of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The collector has it.
    Accepted,
    /// It is dropped and counted.
    Failed,
    /// The collector is to be sent no more.
    UnknownSignal,
}

/// The time between two requests, which the end of the export cuts short.
pub(super) trait Pause {
    /// Waits for `longest`, or until the export ends. Returns whether it goes on.
    fn stays_open(&mut self, longest: Duration) -> impl Future<Output = bool> + Send;
}

impl Pause for &BatchQueue {
    async fn stays_open(&mut self, longest: Duration) -> bool {
        BatchQueue::stays_open(self, longest).await
    }
}

impl Exporter {
    /// An exporter of `signal` that sends each batch within `deadline`.
    pub(super) fn new(
        signal: Signal,
        client: OtlpClient,
        encoder: RequestEncoder,
        deadline: Duration,
        report: DropReport,
    ) -> Self {
        Self { signal, client, encoder, deadline, optional: false, report, held_until: None }
    }

    /// Ends if the collector does not know the signal.
    pub(super) fn optional(self, optional: bool) -> Self {
        Self { optional, ..self }
    }

    /// Sends the batches of `queue` until it is closed and empty, or the collector does not take the signal.
    pub(super) async fn send_from(mut self, mut queue: &BatchQueue, delay: Duration) {
        loop {
            // what does not fit into the queue meanwhile is dropped there
            if let Some(hold) = self.hold() {
                queue.stays_open(hold).await;
            }
            let Some(batch) = queue.next(delay).await else { return };
            let request = self.encoder.request(batch);
            if self.send(&request, &mut queue).await == Delivery::UnknownSignal {
                return queue.abandon();
            }
            if let Some(memory) = request.into_memory() {
                queue.reuse(memory);
            }
        }
    }

    /// Sends `batch`, with `pause` between retries.
    pub(super) async fn send_now(&mut self, batch: Batch, pause: &mut impl Pause) -> Delivery {
        let request = self.encoder.request(batch);
        self.send(&request, pause).await
    }

    /// Whether the collector asked to be sent nothing for now.
    pub(super) fn is_held(&self) -> bool {
        self.hold().is_some()
    }

    fn hold(&self) -> Option<Duration> {
        let left = self.held_until?.saturating_duration_since(Instant::now());
        Some(left).filter(|left| !left.is_zero())
    }

    async fn send(&mut self, request: &ExportRequest, pause: &mut impl Pause) -> Delivery {
        let failure = match self.deliver(request, pause).await {
            Ok(response) => {
                self.optional = false;
                self.report.note_accepted(PartialSuccess::read(response, request.items as u64));
                return Delivery::Accepted;
            }
            Err(failure) => failure,
        };
        if failure == ExportFailure::Unknown && self.optional {
            let (signal, endpoint) = (self.signal.as_str(), &*self.report.endpoint);
            tracing::info!(signal, endpoint, "the OTLP collector does not know this signal; nothing is sent");
            return Delivery::UnknownSignal;
        }
        self.report.note_dropped(request.items as u64, failure);
        Delivery::Failed
    }

    /// Sends until the collector responds or the deadline is over. A transient failure is retried while the export goes
    /// on: after the time that the collector names, if there is enough left.
    async fn deliver(&mut self, request: &ExportRequest, pause: &mut impl Pause) -> Result<Bytes, ExportFailure> {
        let end = Instant::now() + self.deadline;
        let mut backoff = FIRST_PAUSE;
        loop {
            let left = end.saturating_duration_since(Instant::now()).max(SHORTEST);
            let late = || Err(ExportFailure::Timeout.into());
            let sent = timeout(left, self.client.send(request.bytes())).await.unwrap_or_else(|_| late());
            let error = match sent {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            self.held_until = error.retry_after.filter(|_| error.is_transient()).map(|delay| Instant::now() + delay);
            // gateways that lost the same collector must not all retry at the same moment
            let jittered = backoff.mul_f64(rand::random_range(0.5..1.0));
            let delay = error.retry_after.map_or(jittered, |delay| delay.max(jittered));
            let is_late = Instant::now() + delay >= end;
            if !error.is_transient() || is_late || !pause.stays_open(delay).await {
                return Err(error.failure);
            }
            backoff *= 2;
        }
    }
}

impl OtlpClient {
    async fn send(&mut self, batch: Bytes) -> Result<Bytes, ExportError> {
        match self {
            Self::Http(client) => client.send(batch).await,
            Self::Grpc(client) => client.send(batch).await,
        }
    }
}
