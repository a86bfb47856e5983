//! Metrics to the collector, every so often: the very values of `/metrics`.

use super::export::Exporter;
use super::pipeline::Task;
use super::points;
use crate::telemetry::environment::Environment;
use crate::telemetry::metrics::Metrics;
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
pub(super) struct Push {
    end: Mutex<Option<oneshot::Sender<()>>>,
    task: Task,
}

impl Push {
    /// Has `exporter` send `metrics` every `interval`.
    pub(super) fn start(runtime: &Handle, exporter: Exporter, interval: Duration, metrics: Arc<Metrics>) -> Self {
        let (end, told) = oneshot::channel();
        let start = SystemTime::now();
        let collect = move || points::batch(&metrics.text(), start, SystemTime::now());
        let task = Task::spawn(runtime, exporter.send_every(interval, collect, told));
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

/// Tells of preferences that are not kept.
pub(super) fn check_preferences(environment: Environment<'_>) {
    for (variable, only) in PREFERENCES {
        let other = environment.get(variable).is_some_and(|value| !value.trim().eq_ignore_ascii_case(only));
        if other {
            tracing::warn!(variable, only, "the variable asks for what there is not here and is ignored");
        }
    }
}
