//! The exporter as the batch processor sees it: runs on our runtime, ends in time, and says little when it fails.

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use pingora_timeout::timeout;
use prometheus_client::metrics::counter::Counter;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Least time between two complaints.
const QUIET: Duration = Duration::from_secs(60);

/// Wraps the OTLP exporter.
pub(super) struct Export<E> {
    exporter: Arc<E>,
    runtime: Handle,
    deadline: Duration,
    queued: Arc<AtomicUsize>,
    loss: Loss,
}

impl<E: SpanExporter + 'static> Export<E> {
    /// Exports by `exporter` on `runtime`, each batch within `deadline`; `queued` falls by what is taken.
    pub(super) fn new(exporter: E, runtime: Handle, deadline: Duration, queued: Arc<AtomicUsize>, loss: Loss) -> Self {
        Self { exporter: Arc::new(exporter), runtime, deadline, queued, loss }
    }
}

impl<E: SpanExporter + 'static> SpanExporter for Export<E> {
    /// The batch processor calls this on a plain thread, where neither connection would work: so the work is spawned.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.queued.fetch_sub(spans, Ordering::Relaxed);
        let exporter = Arc::clone(&self.exporter);
        let deadline = self.deadline;
        let sent = self.runtime.spawn(async move { timeout(deadline, exporter.export(batch)).await });
        let result = match sent.await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(OTelSdkError::Timeout(deadline)),
            Err(_) => Err(OTelSdkError::InternalFailure(String::from("the export was cut off"))),
        };
        if let Err(error) = &result {
            self.loss.tell(spans, error);
        }
        result
    }
}

impl<E> fmt::Debug for Export<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Export")
    }
}

/// Counts spans that did not arrive and says so, at most once a minute: a collector may be away for days.
pub(super) struct Loss {
    undelivered: Counter,
    overflowed: Counter,
    told: Mutex<Option<Instant>>,
}

impl Loss {
    /// Counts in `undelivered`; `overflowed` is counted elsewhere and only told.
    pub(super) fn new(undelivered: Counter, overflowed: Counter) -> Self {
        Self { undelivered, overflowed, told: Mutex::new(None) }
    }

    fn tell(&self, spans: usize, error: &OTelSdkError) {
        self.undelivered.inc_by(spans as u64);
        if self.due(Instant::now()) {
            tracing::warn!(
                undelivered = self.undelivered.get(),
                overflowed = self.overflowed.get(),
                kind = kind(error),
                "spans are lost: the OTLP collector does not take them"
            );
        }
    }

    fn due(&self, now: Instant) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let due = told.is_none_or(|last| now.saturating_duration_since(last) >= QUIET);
        if due {
            *told = Some(now);
        }
        due
    }
}

/// A word for the error; its own text could repeat what the collector said.
const fn kind(error: &OTelSdkError) -> &'static str {
    match error {
        OTelSdkError::AlreadyShutdown => "shut down",
        OTelSdkError::Timeout(_) => "timeout",
        OTelSdkError::InternalFailure(_) => "unreachable or refused",
    }
}

#[cfg(test)]
mod tests {
    use super::{Loss, QUIET};
    use prometheus_client::metrics::counter::Counter;
    use std::time::{Duration, Instant};

    #[test]
    fn trouble_is_told_once_a_minute() {
        let loss = Loss::new(Counter::default(), Counter::default());
        let start = Instant::now();
        assert!(loss.due(start));
        assert!(!loss.due(start + Duration::from_secs(59)));
        assert!(loss.due(start + QUIET));
    }
}
