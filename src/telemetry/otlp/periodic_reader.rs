//! Sends the values of `/metrics` to the collector or the console, periodically.

use super::batch_processor::Task;
use super::export::{Delivery, Exporter, Pause};
use super::temporality::{SentMetrics, TemporalityPreference};
use super::{batch_config, console};
use crate::telemetry::logs::line_writer::{LineImportance, LineWriter};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::otel_vars::OtelVars;
use pingora_timeout::timeout;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// A preference of the specification, and its only value that is supported.
const AGGREGATION: (&str, &str) =
    ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "explicit_bucket_histogram");

/// The task that sends metrics.
#[derive(Debug)]
pub(super) struct PeriodicReader {
    end: Mutex<Option<oneshot::Sender<()>>>,
    task: Task,
}

impl PeriodicReader {
    /// Sends `metrics` with `exporter` every `interval`, counted as `preference` has it.
    pub(super) fn to_collector(
        runtime: &Handle,
        mut exporter: Exporter,
        interval: Duration,
        preference: TemporalityPreference,
        metrics: Arc<Metrics>,
    ) -> Self {
        let mut sent = SentMetrics::none(preference, SystemTime::now());
        Self::start(runtime, interval, move |mut ticker| async move {
            while ticker.next().await {
                // no counts are lost: the next batch has them
                if exporter.is_held() && !ticker.is_closed() {
                    continue;
                }
                let (families, now) = (metrics.snapshot(), SystemTime::now());
                match exporter.send_now(sent.batch(&families, now), &mut ticker).await {
                    Delivery::Accepted => sent.note_accepted(&families, now),
                    Delivery::Failed => {}
                    Delivery::UnknownSignal => return,
                }
            }
        })
    }

    /// Writes `metrics` to `lines` every `interval`, in the Prometheus text format.
    pub(super) fn to_console(runtime: &Handle, lines: LineWriter, interval: Duration, metrics: Arc<Metrics>) -> Self {
        Self::start(runtime, interval, move |mut ticker| async move {
            while ticker.next().await {
                lines.append(metrics.prometheus_text().as_bytes(), LineImportance::Ordinary);
            }
            lines.flush(console::LAST);
        })
    }

    fn start<F>(runtime: &Handle, interval: Duration, run: impl FnOnce(Ticker) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (end, ended) = oneshot::channel();
        let task = Task::spawn(runtime, run(Ticker { interval, end: Some(ended), is_last_due: false }));
        Self { end: Mutex::new(Some(end)), task }
    }

    /// Sends them a last time.
    pub(super) fn close(&self) {
        drop(self.end.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Waits until they were sent, at most until `end`. Returns whether they were.
    pub(super) fn ended_by(&self, end: Instant) -> bool {
        self.task.ended_by(end)
    }
}

/// The schedule: every interval, and once more at the end.
struct Ticker {
    interval: Duration,
    /// `None` once it has come.
    end: Option<oneshot::Receiver<()>>,
    /// Whether the end has come while something else than the next time was awaited.
    is_last_due: bool,
}

impl Ticker {
    /// Waits for the next time. Returns false after the last one.
    async fn next(&mut self) -> bool {
        if self.end.is_none() {
            return std::mem::take(&mut self.is_last_due);
        }
        self.wait(self.interval).await;
        true
    }

    fn is_closed(&self) -> bool {
        self.end.is_none()
    }

    /// Waits for `longest`, or until the end. Returns whether there is more time.
    async fn wait(&mut self, longest: Duration) -> bool {
        let Some(end) = &mut self.end else { return false };
        if timeout(longest, end).await.is_ok() {
            self.end = None;
        }
        self.end.is_some()
    }
}

impl Pause for Ticker {
    async fn stays_open(&mut self, longest: Duration) -> bool {
        let was_open = !self.is_closed();
        let is_open = self.wait(longest).await;
        self.is_last_due |= was_open && !is_open;
        is_open
    }
}

/// The time between two exports.
pub(super) fn interval(environment: OtelVars<'_>) -> Duration {
    let millis = environment.number("OTEL_METRIC_EXPORT_INTERVAL").filter(|millis| *millis > 0);
    Duration::from_millis(millis.unwrap_or(60_000))
}

/// Longest time of an export.
pub(super) fn longest(environment: OtelVars<'_>) -> Duration {
    batch_config::timeout(environment.number("OTEL_METRIC_EXPORT_TIMEOUT").unwrap_or(30_000))
}

/// Warns about an aggregation that is not supported.
pub(super) fn check_aggregation(environment: OtelVars<'_>) {
    let (variable, only) = AGGREGATION;
    let other = environment.get(variable).is_some_and(|value| !value.trim().eq_ignore_ascii_case(only));
    if other {
        tracing::warn!(variable, only, "the variable asks for an unsupported preference and is ignored");
    }
}
