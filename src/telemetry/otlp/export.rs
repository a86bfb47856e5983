//! The exporter of a signal: sends each batch within a deadline, and says little when that fails.

use super::grpc_client::GrpcClient;
use super::http_client::HttpClient;
use super::queue::{Batch, Queue};
use super::request::Sender;
use super::signal::Signal;
use crate::telemetry::losses::Losses;
use crate::telemetry::once_a_minute::OnceAMinute;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use pingora_timeout::timeout;
use prost::Message as _;
use std::time::{Duration, Instant};

/// How batches travel.
pub(super) enum Client {
    Http(HttpClient),
    Grpc(GrpcClient),
}

/// Why a batch did not arrive. Without words of the collector's: they could repeat what it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Unreachable,
    Refused,
    /// The collector knows nothing of the signal.
    Unknown,
    Timeout,
}

/// What sends batches of one signal.
pub(super) struct Exporter {
    pub(super) signal: Signal,
    pub(super) client: Client,
    pub(super) sender: Sender,
    /// Longest time for one batch.
    pub(super) deadline: Duration,
    /// Given up when the collector knows nothing of the signal: nobody asked for it by name, and none was taken yet.
    pub(super) optional: bool,
    pub(super) loss: Loss,
}

impl Exporter {
    /// Sends what comes by `queue` until that is closed and empty, or the collector wants none of it.
    pub(super) async fn send_from(mut self, queue: &Queue, delay: Duration) {
        while let Some(batch) = queue.next(delay).await {
            if !self.send(&batch).await {
                return queue.abandon();
            }
        }
    }

    /// Sends a batch; false where the collector is to be sent nothing more.
    pub(super) async fn send(&mut self, batch: &Batch) -> bool {
        let request = self.sender.request(batch);
        let sent = timeout(self.deadline, self.client.send(request)).await;
        match sent.unwrap_or(Err(Failure::Timeout)) {
            Ok(answer) => {
                self.optional = false;
                self.loss.tell(self.signal, rejected(answer), Failure::Refused);
            }
            Err(Failure::Unknown) if self.optional => {
                let signal = self.signal.as_str();
                tracing::info!(signal, "the OTLP collector does not take this signal; it is sent none");
                return false;
            }
            Err(failure) => self.loss.tell(self.signal, batch.items as u64, failure),
        }
        true
    }
}

impl Client {
    async fn send(&mut self, batch: Bytes) -> Result<Bytes, Failure> {
        match self {
            Self::Http(client) => client.send(batch).await,
            Self::Grpc(client) => client.send(batch).await,
        }
    }
}

/// How many items the collector did not take of a batch that it took. An answer that is none says nothing of them. The
/// answers for all signals have the same fields.
fn rejected(answer: Bytes) -> u64 {
    let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
    answer.partial_success.map_or(0, |partial| partial.rejected_spans.max(0).cast_unsigned())
}

/// Counts items that did not arrive and says so, at most once a minute.
pub(super) struct Loss {
    losses: Losses,
    told: OnceAMinute,
}

impl Loss {
    /// Counts in `losses` what is undelivered; what overflowed is counted elsewhere and only told.
    pub(super) fn new(losses: Losses) -> Self {
        Self { losses, told: OnceAMinute::new() }
    }

    fn tell(&mut self, signal: Signal, items: u64, failure: Failure) {
        if items == 0 {
            return;
        }
        self.losses.undelivered.inc_by(items);
        if self.told.is_due(Instant::now()) {
            tracing::warn!(
                signal = signal.as_str(),
                undelivered = self.losses.undelivered.get(),
                overflowed = self.losses.overflowed.get(),
                kind = failure.as_str(),
                "telemetry is lost: the OTLP collector does not take it"
            );
        }
    }
}

impl Failure {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Unknown => "unknown_signal",
            Self::Timeout => "timeout",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rejected;
    use bytes::Bytes;
    use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
    use opentelemetry_proto::tonic::collector::metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
    };
    use prost::Message as _;

    #[test]
    fn a_partial_success_tells_what_was_rejected() {
        assert_eq!(rejected(Bytes::from_static(b"\x0a\x02\x08\x03")), 3);
        assert_eq!(rejected(Bytes::new()), 0);
        assert_eq!(rejected(Bytes::from_static(b"<html>")), 0);
        let logs = ExportLogsPartialSuccess { rejected_log_records: 4, ..Default::default() };
        let logs = ExportLogsServiceResponse { partial_success: Some(logs) };
        assert_eq!(rejected(logs.encode_to_vec().into()), 4);
        let metrics = ExportMetricsPartialSuccess { rejected_data_points: 5, ..Default::default() };
        let metrics = ExportMetricsServiceResponse { partial_success: Some(metrics) };
        assert_eq!(rejected(metrics.encode_to_vec().into()), 5);
    }
}
