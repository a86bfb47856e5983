//! The exporter of a signal: sends each batch within a deadline, and says little when that fails.

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

/// Before what failed is tried again; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A deadline of nothing underflows inside pingora's timer.
const SHORTEST: Duration = Duration::from_millis(1);

/// How batches travel.
pub(super) enum OtlpClient {
    Http(HttpClient),
    Grpc(GrpcClient),
}

/// What sends batches of one signal.
pub(super) struct Exporter {
    pub(super) signal: Signal,
    pub(super) client: OtlpClient,
    pub(super) sender: RequestEncoder,
    /// Longest time for one batch.
    pub(super) deadline: Duration,
    /// Given up when the collector knows nothing of the signal: nobody asked for it by name, and none was taken yet.
    pub(super) optional: bool,
    pub(super) loss: DropReport,
}

impl Exporter {
    /// Sends what comes by `queue` until that is closed and empty, or the collector wants none of it.
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

    /// Sends a batch that nothing comes after for a while, once: the next one will have all that it has, and more.
    pub(super) async fn send_once(&mut self, batch: Batch) -> bool {
        let request = self.sender.request(batch);
        self.send(&request, None).await
    }

    /// Sends `request`; false where the collector is to be sent nothing more.
    async fn send(&mut self, request: &ExportRequest, queue: Option<&BatchQueue>) -> bool {
        match self.deliver(request, queue).await {
            Ok(answer) => {
                self.optional = false;
                self.loss.tell(self.signal, rejected_items(answer), ExportFailure::Rejected);
            }
            Err(ExportFailure::Unknown) if self.optional => {
                let signal = self.signal.as_str();
                tracing::info!(signal, "the OTLP collector does not take this signal; it is sent none");
                return false;
            }
            Err(failure) => self.loss.tell(self.signal, request.items as u64, failure),
        }
        true
    }

    /// Tries until the collector answers, or the deadline is over. What may be over in a moment is tried again, as long as
    /// more is to come by `queue`.
    async fn deliver(&mut self, request: &ExportRequest, queue: Option<&BatchQueue>) -> Result<Bytes, ExportFailure> {
        let end = Instant::now() + self.deadline;
        let mut pause = FIRST_PAUSE;
        loop {
            let left = end.saturating_duration_since(Instant::now()).max(SHORTEST);
            let sent = timeout(left, self.client.send(request.bytes())).await.unwrap_or(Err(ExportFailure::Timeout));
            let Err(failure) = sent else { return sent };
            // not all that lost the same collector come back at once
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

/// How many items the collector did not take of a batch that it took. An answer that is none says nothing of them. The
/// answers for all signals have the same fields.
fn rejected_items(answer: Bytes) -> u64 {
    let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
    answer.partial_success.map_or(0, |partial| partial.rejected_spans.max(0).cast_unsigned())
}

/// Counts items that did not arrive and says so, at most once a minute.
pub(super) struct DropReport {
    losses: DroppedItems,
    log: RateLimitedLog,
    /// How many had no room when that was told last.
    overflowed: u64,
}

impl DropReport {
    /// Counts in `losses` what is undelivered; what overflowed is counted elsewhere and only told.
    pub(super) fn new(losses: DroppedItems) -> Self {
        Self { losses, log: RateLimitedLog::new(), overflowed: 0 }
    }

    /// Counts `items` that did not arrive because of `failure`, and tells of them, and of those that had no room.
    fn tell(&mut self, signal: Signal, items: u64, failure: ExportFailure) {
        self.losses.undelivered.inc_by(items);
        let overflowed = self.losses.overflowed.get();
        let has_overflowed = overflowed > self.overflowed;
        if items == 0 && !has_overflowed || self.log.allow(Instant::now()).is_none() {
            return;
        }
        self.overflowed = overflowed;
        let (signal, undelivered) = (signal.as_str(), self.losses.undelivered.get());
        if items == 0 {
            let message = "telemetry is lost: more comes than the OTLP collector takes";
            return tracing::warn!(signal, undelivered, overflowed, kind = "queue_full", "{message}");
        }
        let message = "telemetry is lost: the OTLP collector does not take it";
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
        assert_eq!(rejected_items(Bytes::from_static(b"\x0a\x02\x08\x03")), 3);
        assert_eq!(rejected_items(Bytes::new()), 0);
        assert_eq!(rejected_items(Bytes::from_static(b"<html>")), 0);
        let logs = ExportLogsPartialSuccess { rejected_log_records: 4, ..Default::default() };
        let logs = ExportLogsServiceResponse { partial_success: Some(logs) };
        assert_eq!(rejected_items(logs.encode_to_vec().into()), 4);
        let metrics = ExportMetricsPartialSuccess { rejected_data_points: 5, ..Default::default() };
        let metrics = ExportMetricsServiceResponse { partial_success: Some(metrics) };
        assert_eq!(rejected_items(metrics.encode_to_vec().into()), 5);
    }
}
