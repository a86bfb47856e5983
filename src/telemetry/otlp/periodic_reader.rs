//! Metrics to the collector or the console, every so often: the very values of `/metrics`.

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

/// Choices of the specification of which there is only one here.
const PREFERENCES: [(&str, &str); 2] = [
    ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative"),
    ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "explicit_bucket_histogram"),
];

/// The task that sends them.
#[derive(Debug)]
pub(super) struct PeriodicReader {
    end: Mutex<Option<oneshot::Sender<()>>>,
    task: Task,
}

impl PeriodicReader {
    /// Has `exporter` send `metrics` every `interval`.
    pub(super) fn to_collector(
        runtime: &Handle,
        mut exporter: Exporter,
        interval: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        let start = SystemTime::now();
        Self::start(runtime, interval, move |mut beat| async move {
            while beat.next().await {
                if !exporter.send_once(metric_points::batch(&metrics.snapshot(), start, SystemTime::now())).await {
                    return;
                }
            }
        })
    }

    /// Has `metrics` written to `lines` every `interval`, as people read them.
    pub(super) fn to_console(runtime: &Handle, lines: LineWriter, interval: Duration, metrics: Arc<Metrics>) -> Self {
        Self::start(runtime, interval, move |mut beat| async move {
            while beat.next().await {
                lines.append(metrics.prometheus_text().as_bytes(), LineImportance::Ordinary);
            }
            lines.flush(console::LAST);
        })
    }

    fn start<F>(runtime: &Handle, interval: Duration, run: impl FnOnce(Beat) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (end, told) = oneshot::channel();
        let task = Task::spawn(runtime, run(Beat { interval, end: Some(told) }));
        Self { end: Mutex::new(Some(end)), task }
    }

    /// Has them sent a last time.
    pub(super) fn close(&self) {
        drop(self.end.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Waits until they were, at most until `end`. True if they were.
    pub(super) fn ended_by(&self, end: Instant) -> bool {
        self.task.ended_by(end)
    }
}

/// When it is time to send: every so often, and once more when the end is told.
struct Beat {
    interval: Duration,
    end: Option<oneshot::Receiver<()>>,
}

impl Beat {
    /// Waits for the next time; false when there is none any more.
    async fn next(&mut self) -> bool {
        let Some(mut end) = self.end.take() else { return false };
        if timeout(self.interval, &mut end).await.is_err() {
            self.end = Some(end);
        }
        true
    }
}

/// How often metrics are sent.
pub(super) fn interval(environment: OtelVars<'_>) -> Duration {
    let millis = environment.number("OTEL_METRIC_EXPORT_INTERVAL").filter(|millis| *millis > 0);
    Duration::from_millis(millis.unwrap_or(60_000))
}

/// Longest time for them to be sent.
pub(super) fn longest(environment: OtelVars<'_>) -> Duration {
    batch_config::timeout(environment.number("OTEL_METRIC_EXPORT_TIMEOUT").unwrap_or(30_000))
}

/// Tells of preferences that are not kept.
pub(super) fn check_preferences(environment: OtelVars<'_>) {
    for (variable, only) in PREFERENCES {
        let other = environment.get(variable).is_some_and(|value| !value.trim().eq_ignore_ascii_case(only));
        if other {
            tracing::warn!(variable, only, "the variable asks for what there is not here and is ignored");
        }
    }
}
