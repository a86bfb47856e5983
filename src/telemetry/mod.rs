//! One record a request, from which log line, metrics and spans are made, so that they cannot disagree.
//!
//! A request begins with [`Telemetry::begin`] and ends with [`Telemetry::finish`]; neither ever waits for anything.

mod attribute_cache;
mod decision_log;
mod format;
pub mod logs;
mod metrics;
mod otel_vars;
mod otlp;
pub mod record;
pub mod traces;
pub mod watch;

pub use decision_log::{DecisionFile, FileError};
pub use logs::{LevelHandle, Output};
pub use metrics::{OpenConnection, OpenConnections, RefusedConnection, ServerMetrics};
pub use otel_vars::VariableError;
pub use otlp::OtlpError;

use crate::config::gateway::{Logs, Traces, UpstreamTarget};
use crate::decision_log::DecisionInput;
use crate::judge::Bundle;
use decision_log::DecisionLogWriter;
use http::HeaderMap;
use logs::ApplicationLog;
use logs::access_log::AccessLogWriter;
use logs::sampling::LogSampling;
use logs::unknown_version::UnknownVersionWarning;
use metrics::Metrics;
use otel_vars::{IgnoredVariables, OtelVars};
use otlp::Otlp;
use prometheus_client::metrics::gauge::Gauge;
use record::RequestRecord;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use traces::sampling::Sampling;
use traces::{Parent, TraceContext, propagation};
use watch::{TooManyWatchers, WatchFilter, WatchStream, Watchers};

/// What telemetry is made from.
pub struct Setup<'a> {
    /// What is logged, where and how.
    pub logs: &'a Logs,
    /// Which traces are exported.
    pub traces: &'a Traces,
    /// The upstream, which spans name.
    pub upstream: &'a UpstreamTarget,
    /// Where access log lines are written.
    pub output: Output,
    /// Where decisions are written; none for no decision log.
    pub decisions: Option<DecisionFile>,
    /// Looks environment variables up: `OTEL_*` and `NO_COLOR`.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Runs the export. Its timer and I/O must be enabled, and it must go on running while
    /// [`Telemetry::shutdown`] is awaited.
    pub runtime: Handle,
}

/// Why telemetry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The thread that writes the access log could not be started.
    #[error("the access log can't be started")]
    AccessLog(#[source] io::Error),
    /// The thread that writes the decision log could not be started.
    #[error("the decision log can't be started")]
    DecisionLog(#[source] io::Error),
    /// SpanWriter can't be exported.
    #[error(transparent)]
    Otlp(#[from] OtlpError),
}

/// Log lines, metrics and spans of all requests. Cheap to clone.
#[derive(Clone)]
pub struct Telemetry {
    shared: Arc<TelemetryInner>,
}

struct TelemetryInner {
    /// Of which requests there is a line in a log.
    sample: LogSampling,
    log: AccessLogWriter,
    decisions: Option<DecisionLogWriter>,
    metrics: Arc<Metrics>,
    sampling: Sampling,
    unknown_version: UnknownVersionWarning,
    watchers: Watchers,
    otlp: Otlp,
    /// `OTEL_PROPAGATORS` leaves the caller's trace alone.
    rootless: bool,
}

impl Telemetry {
    /// Starts what writes and exports.
    ///
    /// # Errors
    /// If an `OTEL_*` variable can't be used, or the system gives no thread.
    pub fn start(setup: Setup<'_>) -> Result<Self, SetupError> {
        let ignored = IgnoredVariables::default();
        let environment = OtelVars::new(setup.environment).warning_once(&ignored);
        let metrics = Arc::new(Metrics::new(setup.upstream));
        let no_colour = environment.get("NO_COLOR").is_some();
        let log = AccessLogWriter::start(setup.logs, setup.output, metrics.lines_dropped.clone(), no_colour);
        let decisions = setup.decisions.map(|file| DecisionLogWriter::start(file, &metrics.entries)).transpose();
        let otlp = Otlp::start(environment, setup.upstream, &setup.runtime, &metrics)?;
        let shared = TelemetryInner {
            sample: LogSampling::of(setup.logs.sample_allowed),
            log: log.map_err(SetupError::AccessLog)?,
            decisions: decisions.map_err(SetupError::DecisionLog)?,
            metrics,
            sampling: Sampling::new(setup.traces, environment),
            unknown_version: UnknownVersionWarning::new(),
            watchers: Watchers::default(),
            otlp,
            rootless: !propagation::is_propagated(environment),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The place of a request with these headers in its caller's trace, or in a new one, sampled or not.
    pub fn begin(&self, headers: &HeaderMap) -> TraceContext {
        let parent = if self.shared.rootless { None } else { Parent::of(headers) };
        let mut context = TraceContext::below(parent.as_ref());
        context.sampled = self.shared.sampling.at_head(context.trace_id, parent.as_ref());
        context.propagated = !self.shared.rootless;
        context
    }

    /// Counts a request of this method (a word of [`method_label`](crate::redact::method_label)) and scheme as unanswered
    /// until the guard is dropped.
    pub fn in_flight(&self, method: &'static str, scheme: &'static str) -> InFlight {
        InFlight::count(self.shared.metrics.http.active(method, scheme))
    }

    /// Reports a finished request: its log line, its metrics, its spans.
    pub fn finish(&self, record: &RequestRecord) {
        let shared = &*self.shared;
        if let Some(rate) = shared.sample.take(record) {
            shared.log.add(record, rate);
            shared.otlp.add_log(record, rate);
        }
        shared.watchers.publish(record);
        shared.unknown_version.check(record);
        let exported = shared.otlp.has_traces() && shared.sampling.at_end(record);
        if exported {
            shared.otlp.add_spans(record);
        }
        shared.metrics.add(record, exported);
    }

    /// Counts what is lost of `log`, and exports what it says from now on, if log records are exported at all.
    pub fn export_log(&self, log: &ApplicationLog) {
        self.shared.metrics.own_lines.counted_by(log.lost.clone());
        if let Some(events) = self.shared.otlp.events() {
            log.export_to(events);
        }
    }

    /// Writes the decision on a finished request to the decision log, where there is one, with what was kept of the request.
    pub fn log_decision(&self, record: &RequestRecord, input: Option<Box<DecisionInput>>) {
        if let Some(decisions) = &self.shared.decisions {
            decisions.add(record, input);
        }
    }

    /// Has decisions written to a new file, should the one that is written have been moved.
    pub fn reopen_decision_log(&self) {
        if let Some(decisions) = &self.shared.decisions {
            decisions.reopen();
        }
    }

    /// Says that `bundle` judges from now on.
    pub fn bundle_loaded(&self, bundle: &Bundle) {
        self.shared.metrics.bundle_loaded(&bundle.revision);
        self.shared.metrics.waivers.set_waivers(bundle.policies.waivers());
    }

    /// Says that a bundle could not be loaded and the one before it goes on.
    pub fn bundle_rejected(&self) {
        self.shared.metrics.bundle_rejected();
    }

    /// Opens the file of the access log anew, where it is one; if that fails, the one before goes on.
    ///
    /// # Errors
    /// If it can't be opened.
    pub fn reopen_access_log(&self) -> io::Result<()> {
        self.shared.log.reopen()
    }

    /// Has decisions told as they are made, those that `filter` wants.
    ///
    /// # Errors
    /// If as many watch already as may.
    pub fn watch(&self, filter: WatchFilter) -> Result<WatchStream, TooManyWatchers> {
        self.shared.watchers.watch(filter)
    }

    /// What the server counts.
    pub fn server(&self) -> ServerMetrics {
        self.shared.metrics.server.clone()
    }

    /// What counts connections to the upstream.
    pub fn connections(&self) -> OpenConnections {
        self.shared.metrics.upstream.open.clone()
    }

    /// All metrics in the `OpenMetrics` text format.
    pub fn metrics_text(&self) -> String {
        self.shared.metrics.open_metrics()
    }

    /// All metrics in Prometheus' own, older text format.
    pub fn metrics_plain_text(&self) -> String {
        self.shared.metrics.prometheus_text()
    }

    /// Writes and exports what is left, within `deadline`. True if all of it was. To be called once, when no request is
    /// left; what is reported afterwards may be lost.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let (tell, told) = oneshot::channel();
        let telemetry = self.clone();
        // the export waits for the runtime, so waiting for it must not happen on the runtime's thread
        let flush = move || tell.send(telemetry.flush(deadline));
        if thread::Builder::new().name(String::from("telemetry-flush")).spawn(flush).is_err() {
            return false;
        }
        told.await.unwrap_or(false)
    }

    fn flush(&self, deadline: Duration) -> bool {
        let end = Instant::now() + deadline;
        let written = self.shared.log.flush(deadline);
        let left = end.saturating_duration_since(Instant::now());
        let kept = self.shared.decisions.as_ref().is_none_or(|decisions| decisions.flush(left));
        let left = end.saturating_duration_since(Instant::now());
        let exported = self.shared.otlp.shutdown(left);
        written && kept && exported
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telemetry")
    }
}

/// A request that has no answer yet; see [`Telemetry::in_flight`].
#[derive(Debug)]
pub struct InFlight(Gauge);

impl InFlight {
    fn count(active: Gauge) -> Self {
        active.inc();
        Self(active)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
