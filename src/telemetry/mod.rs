//! Telemetry: logs, metrics and traces.
//!
//! A request has one record, from which its log line, its metrics and its spans are made, so that they cannot disagree.
//! It begins with [`Telemetry::begin`] and ends with [`Telemetry::finish`]. Neither ever waits.

mod attribute_cache;
mod decision_log;
mod format;
pub mod logs;
mod metrics;
mod otel_vars;
mod otlp;
mod recent_refusals;
pub mod record;
pub mod traces;
pub mod watch;

pub use decision_log::{DecisionFile, FileError};
pub use logs::{LevelHandle, Output};
pub use metrics::{
    CertificateStatus, HandshakeRefusal, OpenConnection, OpenConnections, RefusedConnection, ReloadOutcome,
    ServerMetrics, UpstreamStatus,
};
pub use otel_vars::VariableError;
pub use otlp::OtlpError;
pub use recent_refusals::RecentRefusal;

use crate::budget::ClientBudget;
use crate::config::gateway::{Logs, Traces, UpstreamTarget};
use crate::decision_log::DecisionInput;
use crate::judge::Bundle;
use crate::policy::Instance;
use decision_log::DecisionLogWriter;
use http::HeaderMap;
use logs::ApplicationLog;
use logs::access_log::AccessLogWriter;
use logs::sampling::LogSampling;
use logs::unknown_operation::UnknownOperationLog;
use logs::unknown_version::UnknownVersionWarning;
use metrics::Metrics;
use otel_vars::{IgnoredVariables, OtelVars};
use otlp::Otlp;
use prometheus_client::metrics::gauge::Gauge;
use recent_refusals::RecentRefusals;
use record::RequestRecord;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use traces::sampling::Sampling;
use traces::{Parent, TraceContext, UpstreamTrace, propagation};
use watch::{TooManyWatchers, WatchFilter, WatchStream, Watchers};

/// The dependencies and settings of telemetry.
pub struct Setup<'a> {
    /// The settings of the logs.
    pub logs: &'a Logs,
    /// The settings of traces.
    pub traces: &'a Traces,
    /// The upstream, which spans and metrics name.
    pub upstream: &'a UpstreamTarget,
    /// What the gateway is called, which the resource has.
    pub instance: &'a Instance,
    /// The output of the access log.
    pub output: Output,
    /// The file of the decision log. `None` for no decision log.
    pub decisions: Option<DecisionFile>,
    /// Looks up environment variables: `OTEL_*` and `NO_COLOR`.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// The runtime of the exporters. Its timer and I/O must be enabled, and it must run while [`Telemetry::shutdown`]
    /// is awaited.
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
    /// Telemetry can't be exported.
    #[error(transparent)]
    Otlp(#[from] OtlpError),
}

/// Log lines, metrics and spans of all requests. Cheap to clone.
#[derive(Clone)]
pub struct Telemetry {
    shared: Arc<TelemetryInner>,
}

struct TelemetryInner {
    /// Which requests are logged.
    sample: LogSampling,
    log: AccessLogWriter,
    decisions: Option<DecisionLogWriter>,
    metrics: Arc<Metrics>,
    sampling: Sampling,
    unknown_version: UnknownVersionWarning,
    unknown_operation: UnknownOperationLog,
    watchers: Watchers,
    refusals: RecentRefusals,
    otlp: Otlp,
    /// Whether `OTEL_PROPAGATORS` excludes the caller's trace.
    rootless: bool,
    upstream_trace: UpstreamTrace,
}

impl Telemetry {
    /// Starts the log writers and the exporters.
    ///
    /// # Errors
    /// If an `OTEL_*` variable can't be used, or a thread can't be started.
    pub fn start(setup: Setup<'_>) -> Result<Self, SetupError> {
        let ignored = IgnoredVariables::default();
        let environment = OtelVars::new(setup.environment).warning_once(&ignored);
        let metrics = Arc::new(Metrics::new(setup.upstream));
        let no_color = environment.get("NO_COLOR").is_some();
        let log = AccessLogWriter::start(setup.logs, setup.output, metrics.lines_dropped.clone(), no_color);
        let decisions = setup.decisions.map(|file| DecisionLogWriter::start(file, &metrics.entries)).transpose();
        let otlp = Otlp::start(environment, (setup.upstream, setup.instance), &setup.runtime, &metrics)?;
        let rootless = !propagation::is_propagated(environment);
        let upstream_trace = match (setup.traces.send_to_upstream, rootless) {
            (false, _) => UpstreamTrace::Withheld,
            (true, true) => UpstreamTrace::Passed,
            (true, false) => UpstreamTrace::Continued,
        };
        let shared = TelemetryInner {
            sample: LogSampling::of(setup.logs.sample_allowed),
            log: log.map_err(SetupError::AccessLog)?,
            decisions: decisions.map_err(SetupError::DecisionLog)?,
            metrics,
            sampling: Sampling::new(setup.traces, environment),
            unknown_version: UnknownVersionWarning::new(),
            unknown_operation: UnknownOperationLog::new(),
            watchers: Watchers::default(),
            refusals: RecentRefusals::default(),
            otlp,
            rootless,
            upstream_trace,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The trace context of a request with these headers: within the caller's trace or a new one, sampled or not.
    pub fn begin(&self, headers: &HeaderMap) -> TraceContext {
        let parent = if self.shared.rootless { None } else { Parent::of(headers) };
        let mut context = TraceContext::below(parent.as_ref());
        if parent.is_some() {
            context = context.with_state_of(headers);
        }
        context.sampled = self.shared.sampling.at_head(context.trace_id, parent.as_ref());
        context.upstream = self.shared.upstream_trace;
        context
    }

    /// Counts a request of this method (a label of [`method_label`](crate::redact::method_label)) and scheme as active
    /// until the guard is dropped.
    pub fn in_flight(&self, method: &'static str, scheme: &'static str) -> InFlight {
        InFlight::count(self.shared.metrics.http.active(method, scheme))
    }

    /// Reports a finished request: log line, metrics and spans.
    // Called from the destructor of the response body or of the cancelled call, which is the only place that every
    // request reaches: a client may disconnect at any await. So nothing here may block, wait, or be async; spans are
    // only encoded and queued. They are written as a whole from the record, instead of being opened and closed along
    // the way, since a span that is never closed is never exported.
    pub fn finish(&self, record: &RequestRecord) {
        let shared = &*self.shared;
        if let Some(rate) = shared.sample.take(record) {
            shared.log.add(record, rate);
            shared.otlp.add_log(record, rate);
        }
        shared.watchers.publish(record);
        shared.unknown_version.check(record);
        shared.unknown_operation.check(record);
        let exported = shared.otlp.has_traces() && shared.sampling.at_end(record);
        if exported {
            shared.otlp.add_spans(record);
        }
        shared.metrics.add(record, exported);
    }

    /// Counts dropped lines of `log`, and exports its events from now on if log records are exported.
    pub fn export_log(&self, log: &ApplicationLog) {
        self.shared.metrics.own_lines.counted_by(log.lost.clone());
        if let Some(events) = self.shared.otlp.events() {
            log.export_to(events);
        }
    }

    /// Writes the decision on a finished request to the decision log, if there is one, and keeps it for a while if it is a
    /// refusal. `input` is what was recorded of the request.
    pub fn log_decision(&self, record: &RequestRecord, input: Option<Box<DecisionInput>>) {
        let log = self.shared.decisions.as_ref();
        let entry = log.and_then(|log| decision_log::record_decision(record, input, log));
        if decision_log::is_refusal(record) {
            self.shared.refusals.add(record, entry);
        }
    }

    /// The refusal of this id, if it is one of the last.
    pub fn recent_refusal(&self, id: &str) -> RecentRefusal {
        self.shared.refusals.find(id, decision_log::explained_line)
    }

    /// Opens the file of the decision log again if it was moved.
    pub fn reopen_decision_log(&self) {
        if let Some(decisions) = &self.shared.decisions {
            decisions.reopen();
        }
    }

    /// Sets the bundle that judges from now on.
    pub fn bundle_loaded(&self, bundle: &Bundle) {
        self.shared.metrics.bundle_loaded(&bundle.revision);
        self.shared.metrics.shadow.bundle_loaded(bundle.shadow().map(|shadow| &*shadow.revision));
        self.shared.metrics.waivers.set_waivers(bundle.policies.waivers());
        self.shared.metrics.contract.set(bundle.contract.sources());
    }

    /// Counts a bundle that could not be loaded, or was not. The current one stays in force.
    pub fn bundle_not_loaded(&self, outcome: ReloadOutcome) {
        self.shared.metrics.reloads.add(outcome);
    }

    /// Sets the number of keys of the configuration file that changed and take a restart.
    pub fn restart_required(&self, keys: usize) {
        self.shared.metrics.reloads.set_restart_required(keys);
    }

    /// The state of the upstream, as requests found it.
    pub fn upstream_status(&self) -> UpstreamStatus {
        self.shared.metrics.upstream_status()
    }

    /// Sets the certificates that clients see from now on.
    pub fn certificates_loaded(&self, certificates: Vec<CertificateStatus>) {
        self.shared.metrics.certificates.set(certificates);
    }

    /// Shows in metrics what clients hold of `budget`.
    pub fn observe_budget(&self, budget: &Arc<ClientBudget>) {
        self.shared.metrics.budget.set(budget);
    }

    /// Opens the file of the access log again, if it is a file. The current one stays in use if that fails.
    ///
    /// # Errors
    /// If it can't be opened.
    pub fn reopen_access_log(&self) -> io::Result<()> {
        self.shared.log.reopen()
    }

    /// Subscribes to the decisions that match `filter`.
    ///
    /// # Errors
    /// If the maximum number of subscribers is reached.
    pub fn watch(&self, filter: WatchFilter) -> Result<WatchStream, TooManyWatchers> {
        self.shared.watchers.watch(filter)
    }

    /// What [`crate::server`] counts: restarts of workers, and refused connections.
    pub fn server(&self) -> ServerMetrics {
        self.shared.metrics.server.clone()
    }

    /// The metric of open connections to the upstream.
    pub fn connections(&self) -> OpenConnections {
        self.shared.metrics.upstream.open.clone()
    }

    /// All metrics in the `OpenMetrics` text format.
    pub fn metrics_text(&self) -> String {
        self.shared.metrics.open_metrics()
    }

    /// All metrics in the older Prometheus text format.
    pub fn metrics_plain_text(&self) -> String {
        self.shared.metrics.prometheus_text()
    }

    /// Writes and exports what is queued, within `deadline`. Returns whether all of it was. Call it once, after the
    /// last request; what is reported later may be lost.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let (sender, done) = oneshot::channel();
        let telemetry = self.clone();
        // the exporters run on this runtime, and waiting for them would block one of its threads
        let flush = move || sender.send(telemetry.flush(deadline));
        if thread::Builder::new().name(String::from("telemetry-flush")).spawn(flush).is_err() {
            return false;
        }
        done.await.unwrap_or(false)
    }

    fn flush(&self, deadline: Duration) -> bool {
        let end = Instant::now() + deadline;
        let written = self.shared.log.flush(deadline);
        let left = end.saturating_duration_since(Instant::now());
        let recorded = self.shared.decisions.as_ref().is_none_or(|decisions| decisions.finish(left));
        let left = end.saturating_duration_since(Instant::now());
        let exported = self.shared.otlp.shutdown(left);
        written && recorded && exported
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telemetry")
    }
}

/// An active request; see [`Telemetry::in_flight`].
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
