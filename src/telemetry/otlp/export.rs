//! The exporter of a signal, which sends each batch within a deadline.

use super::batch::Batch;
use super::failure::ExportFailure;
use super::grpc_client::GrpcClient;
use super::http_client::HttpClient;
use super::queue::BatchQueue;
use super::request::{ExportRequest, RequestEncoder};
use super::signal::Signal;
use crate::telemetry::logs::RateLimitedLog;
use crate::telemetry::metrics::dropped::DroppedItems;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use pingora_timeout::timeout;
use prost::Message as _;
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
    pub(super) signal: Signal,
    pub(super) client: OtlpClient,
    pub(super) sender: RequestEncoder,
    /// Longest time for one batch, retries included.
    pub(super) deadline: Duration,
    /// Whether to stop exporting if the collector does not know the signal: it was not named by a variable, and no
    /// batch was accepted yet.
    pub(super) optional: bool,
    pub(super) loss: DropReport,
}

impl Exporter {
    /// Sends the batches of `queue` until it is closed and empty, or the collector does not take the signal.
    pub(super) async fn send_from(mut self, queue: &BatchQueue, delay: Duration) {
        while let Some(batch) = queue.next(delay).await {
            let request = self.sender.request(batch);
            if !self.send(&request, Some(queue)).await {
                return queue.abandon();
            }
            if let Some(memory) = request.into_memory() {
                queue.reuse(memory);
            }
        }
    }

    /// Sends a batch without retries.
    // for metrics: they are cumulative, so the next batch has everything that this one had
    pub(super) async fn send_once(&mut self, batch: Batch) -> bool {
        let request = self.sender.request(batch);
        self.send(&request, None).await
    }

    /// Sends `request`. Returns false if the collector is to be sent no more.
    async fn send(&mut self, request: &ExportRequest, queue: Option<&BatchQueue>) -> bool {
        match self.deliver(request, queue).await {
            Ok(response) => {
                self.optional = false;
                let rejected = rejected_items(response, request.items as u64);
                self.loss.report(self.signal, rejected, ExportFailure::Rejected);
            }
            Err(ExportFailure::Unknown) if self.optional => {
                let signal = self.signal.as_str();
                tracing::info!(signal, "the OTLP collector does not know this signal; nothing is sent");
                return false;
            }
            Err(failure) => self.loss.report(self.signal, request.items as u64, failure),
        }
        true
    }

    /// Sends until the collector responds or the deadline is over. A transient failure is retried while `queue` is
    /// open.
    async fn deliver(&mut self, request: &ExportRequest, queue: Option<&BatchQueue>) -> Result<Bytes, ExportFailure> {
        let end = Instant::now() + self.deadline;
        let mut pause = FIRST_PAUSE;
        loop {
            let left = end.saturating_duration_since(Instant::now()).max(SHORTEST);
            let sent = timeout(left, self.client.send(request.bytes())).await.unwrap_or(Err(ExportFailure::Timeout));
            let Err(failure) = sent else { return sent };
            // gateways that lost the same collector must not all retry at the same moment
            let jittered = pause.mul_f64(rand::random_range(0.5..1.0));
            let is_late = Instant::now() + jittered >= end;
            let Some(queue) = queue.filter(|_| failure.is_transient() && !is_late) else { return Err(failure) };
            if !queue.stays_open(jittered).await {
                return Err(failure);
            }
            pause *= 2;
        }
    }
}

impl OtlpClient {
    async fn send(&mut self, batch: Bytes) -> Result<Bytes, ExportFailure> {
        match self {
            Self::Http(client) => client.send(batch).await,
            Self::Grpc(client) => client.send(batch).await,
        }
    }
}

/// The number of items that the collector rejected of `sent` that it accepted. 0 if its response can't be read.
// The responses of all signals have the same fields. No collector can have rejected more than it was sent
fn rejected_items(response: Bytes, sent: u64) -> u64 {
    let response = ExportTraceServiceResponse::decode(response).unwrap_or_default();
    response.partial_success.map_or(0, |partial| partial.rejected_spans.max(0).cast_unsigned().min(sent))
}

/// Counts items that were not delivered, and logs it at most once a minute.
pub(super) struct DropReport {
    losses: DroppedItems,
    log: RateLimitedLog,
    /// The number of items that had overflowed when it was logged last.
    overflowed: u64,
}

impl DropReport {
    /// Counts undelivered items in `losses`. The queue counts those that overflowed, which are only logged here.
    pub(super) fn new(losses: DroppedItems) -> Self {
        Self { losses, log: RateLimitedLog::new(), overflowed: 0 }
    }

    /// Counts `items` as undelivered because of `failure`, and logs them and those that overflowed.
    fn report(&mut self, signal: Signal, items: u64, failure: ExportFailure) {
        self.losses.undelivered.inc_by(items);
        let overflowed = self.losses.overflowed.get();
        let has_overflowed = overflowed > self.overflowed;
        if items == 0 && !has_overflowed || self.log.allow(Instant::now()).is_none() {
            return;
        }
        self.overflowed = overflowed;
        let (signal, undelivered) = (signal.as_str(), self.losses.undelivered.get());
        if items == 0 {
            let message = "telemetry is lost: the OTLP collector is too slow";
            return tracing::warn!(signal, undelivered, overflowed, kind = "queue_full", "{message}");
        }
        let message = "telemetry is lost: the OTLP collector does not accept it";
        tracing::warn!(signal, undelivered, overflowed, kind = failure.kind(), why = %failure, "{message}");
    }
}

#[cfg(test)]
mod tests {
    use super::rejected_items;
    use bytes::Bytes;
    use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
    use opentelemetry_proto::tonic::collector::metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
    };
    use prost::Message as _;

    #[test]
    fn a_partial_success_tells_what_was_rejected() {
        assert_eq!(rejected_items(Bytes::from_static(b"\x0a\x02\x08\x03"), 9), 3);
        assert_eq!(rejected_items(Bytes::new(), 9), 0);
        assert_eq!(rejected_items(Bytes::from_static(b"<html>"), 9), 0);
        let logs = ExportLogsPartialSuccess { rejected_log_records: 4, ..Default::default() };
        let logs = ExportLogsServiceResponse { partial_success: Some(logs) };
        assert_eq!(rejected_items(logs.encode_to_vec().into(), 9), 4);
        let metrics = ExportMetricsPartialSuccess { rejected_data_points: 5, ..Default::default() };
        let metrics = ExportMetricsServiceResponse { partial_success: Some(metrics) };
        assert_eq!(rejected_items(metrics.encode_to_vec().into(), 9), 5);
        let lie = ExportMetricsPartialSuccess { rejected_data_points: i64::MAX, ..Default::default() };
        let lie = ExportMetricsServiceResponse { partial_success: Some(lie) };
        assert_eq!(rejected_items(lie.encode_to_vec().into(), 9), 9, "more than it was sent");
    }
}
