//! Sends the values of `/metrics` to the collector or the console, periodically.

use super::batch_processor::Task;
use super::export::Exporter;
use super::metric_points;
use super::{batch_config, console};
use crate::telemetry::logs::line_writer::{LineImportance, LineWriter};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::otel_vars::OtelVars;
use pingora_timeout::timeout;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Preferences of the specification of which one value is supported.
const PREFERENCES: [(&str, &str); 2] = [
    ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative"),
    ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "explicit_bucket_histogram"),
];

/// The task that sends metrics.
#[derive(Debug)]
pub(super) struct PeriodicReader {
    end: Mutex<Option<oneshot::Sender<()>>>,
    task: Task,
}

impl PeriodicReader {
    /// Sends `metrics` with `exporter` every `interval`.
    pub(super) fn to_collector(
        runtime: &Handle,
        mut exporter: Exporter,
        interval: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        let start = SystemTime::now();
        Self::start(runtime, interval, move |mut ticker| async move {
            while ticker.next().await {
                if !exporter.send_once(metric_points::batch(&metrics.snapshot(), start, SystemTime::now())).await {
                    return;
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
        let task = Task::spawn(runtime, run(Ticker { interval, end: Some(ended) }));
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
    end: Option<oneshot::Receiver<()>>,
}

impl Ticker {
    /// Waits for the next time. Returns false after the last one.
    async fn next(&mut self) -> bool {
        let Some(mut end) = self.end.take() else { return false };
        if timeout(self.interval, &mut end).await.is_err() {
            self.end = Some(end);
        }
        true
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

/// Warns about preferences that are not supported.
pub(super) fn check_preferences(environment: OtelVars<'_>) {
    for (variable, only) in PREFERENCES {
        let other = environment.get(variable).is_some_and(|value| !value.trim().eq_ignore_ascii_case(only));
        if other {
            tracing::warn!(variable, only, "the variable asks for an unsupported preference and is ignored");
        }
    }
}
