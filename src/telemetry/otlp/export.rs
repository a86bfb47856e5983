//! The exporter: one task that takes batches from the queue, sends each within a deadline, and says little when that fails.

use super::grpc_client::GrpcClient;
use super::http_client::HttpClient;
use super::queue::Queue;
use super::request::Sender;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use pingora_timeout::timeout;
use prometheus_client::metrics::counter::Counter;
use prost::Message as _;
use std::time::{Duration, Instant};

/// Least time between two complaints: a collector may be away for days.
const QUIET: Duration = Duration::from_secs(60);

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
    Timeout,
}

/// What sends batches.
pub(super) struct Exporter {
    pub(super) client: Client,
    pub(super) sender: Sender,
    /// Longest time for one batch.
    pub(super) deadline: Duration,
    /// Longest time a span waits for its batch to fill.
    pub(super) delay: Duration,
    pub(super) loss: Loss,
}

impl Exporter {
    /// Sends what comes by `queue` until it is closed and empty.
    pub(super) async fn run(mut self, queue: &Queue) {
        while let Some(batch) = queue.next(self.delay).await {
            let request = self.sender.request(&batch);
            let sent = timeout(self.deadline, self.client.send(request)).await;
            match sent.unwrap_or(Err(Failure::Timeout)) {
                Ok(answer) => self.loss.tell(rejected(answer), Failure::Refused),
                Err(failure) => self.loss.tell(batch.spans as u64, failure),
            }
        }
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

/// How many spans the collector did not take of a batch that it took. An answer that is none says nothing of them.
fn rejected(answer: Bytes) -> u64 {
    let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
    answer.partial_success.map_or(0, |partial| partial.rejected_spans.max(0).cast_unsigned())
}

/// Counts spans that did not arrive and says so, at most once a minute.
pub(super) struct Loss {
    undelivered: Counter,
    overflowed: Counter,
    told: Option<Instant>,
}

impl Loss {
    /// Counts in `undelivered`; `overflowed` is counted elsewhere and only told.
    pub(super) const fn new(undelivered: Counter, overflowed: Counter) -> Self {
        Self { undelivered, overflowed, told: None }
    }

    fn tell(&mut self, spans: u64, failure: Failure) {
        if spans == 0 {
            return;
        }
        self.undelivered.inc_by(spans);
        if self.is_due(Instant::now()) {
            tracing::warn!(
                undelivered = self.undelivered.get(),
                overflowed = self.overflowed.get(),
                kind = failure.as_str(),
                "spans are lost: the OTLP collector does not take them"
            );
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.told.is_none_or(|last| now.saturating_duration_since(last) >= QUIET);
        if due {
            self.told = Some(now);
        }
        due
    }
}

impl Failure {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Loss, QUIET, rejected};
    use bytes::Bytes;
    use prometheus_client::metrics::counter::Counter;
    use std::time::{Duration, Instant};

    #[test]
    fn trouble_is_told_once_a_minute() {
        let mut loss = Loss::new(Counter::default(), Counter::default());
        let start = Instant::now();
        assert!(loss.is_due(start));
        assert!(!loss.is_due(start + Duration::from_secs(59)));
        assert!(loss.is_due(start + QUIET));
    }

    #[test]
    fn a_partial_success_tells_what_was_rejected() {
        assert_eq!(rejected(Bytes::from_static(b"\x0a\x02\x08\x03")), 3);
        assert_eq!(rejected(Bytes::new()), 0);
        assert_eq!(rejected(Bytes::from_static(b"<html>")), 0);
    }
}
