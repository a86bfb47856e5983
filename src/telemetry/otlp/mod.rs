//! Export of traces, metrics and logs to an OTLP collector, as the `OTEL_*` variables configure it; to the console,
//! too.
//!
//! A dead or slow collector never delays a request. What is to be sent waits in a bounded queue, from which whole
//! requests are dropped when it is full. Dropped items are counted and logged at most once a minute.

mod batch;
mod batch_config;
mod batch_processor;
mod client_span;
mod connection;
mod console;
mod drop_report;
mod export;
mod exporter_choice;
mod failure;
mod grpc_client;
mod http_client;
mod log_record;
mod metric_points;
mod names;
mod partial_success;
mod periodic_reader;
mod protobuf;
mod queue;
mod request;
mod resource;
mod retry_delay;
mod settings;
mod signal;
mod span;
mod spans;
mod temporality;

use crate::config::gateway::UpstreamTarget;
use crate::policy::Instance;
use crate::telemetry::logs::sampling::Rate;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::metrics::dropped::DroppedItems;
use crate::telemetry::otel_vars::{OtelVars, VariableError};
use crate::telemetry::record::RequestRecord;
use batch_config::BatchConfig;
use batch_processor::BatchProcessor;
use connection::OtlpConnector;
use drop_report::DropReport;
use export::{Exporter, OtlpClient};
use exporter_choice::{ExporterChoice, OtlpChoice};
use grpc_client::GrpcClient;
use http_client::HttpClient;
use periodic_reader::PeriodicReader;
use request::RequestEncoder;
use resource::resource;
use settings::{ExporterSettings, OtlpProtocol};
use signal::Signal;
use spans::SpanWriter;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use temporality::TemporalityPreference;
use tokio::runtime::Handle;

/// How long spans wait for one another on the way to the console: people look at them.
const CONSOLE_DELAY: Duration = Duration::from_millis(100);

/// Why telemetry can't be exported. Never contains a variable's value.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// A variable can't be used.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// The certificate authorities, or the client certificate and its key, can't be read or used.
    #[error("the certificates for the OTLP collector can't be used")]
    Trust(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The thread that writes to the console could not be started.
    #[error("the console can't be written to")]
    Console(#[source] io::Error),
}

/// The exporters of the signals. None for a signal that is not exported.
#[derive(Debug)]
pub(super) struct Otlp {
    spans: SpanWriter,
    traces: Vec<BatchProcessor>,
    logs: Option<Arc<BatchProcessor>>,
    metrics: Vec<PeriodicReader>,
}

impl Otlp {
    /// Starts the exporters on `runtime`, which must have its timer and I/O enabled.
    ///
    /// # Errors
    /// If a variable can't be used.
    pub(super) fn start(
        environment: OtelVars<'_>,
        (upstream, instance): (&UpstreamTarget, &Instance),
        runtime: &Handle,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, OtlpError> {
        let _entered = runtime.enter();
        let start =
            SignalBuilder { environment, runtime, sender: RequestEncoder::new(&resource(environment, instance)) };
        Ok(Self {
            spans: SpanWriter::new(upstream),
            traces: start.traces(&metrics.spans)?,
            logs: start.pipeline(Signal::Logs, &metrics.log_records)?.map(Arc::new),
            metrics: start.metrics(metrics)?,
        })
    }

    /// Whether spans are exported.
    pub(super) const fn has_traces(&self) -> bool {
        !self.traces.is_empty()
    }

    /// The exporter of events, if log records are exported.
    pub(super) fn events(&self) -> Option<EventExporter> {
        self.logs.clone().map(EventExporter)
    }

    /// Queues the spans of `record`.
    pub(super) fn add_spans(&self, record: &RequestRecord) {
        for traces in &self.traces {
            traces.add(SpanWriter::count(record), |scope| self.spans.write(record, scope));
        }
    }

    /// Queues the log record of `record`, one of a sample at `rate`.
    pub(super) fn add_log(&self, record: &RequestRecord, rate: Rate) {
        if let Some(logs) = &self.logs {
            logs.add(1, |scope| log_record::of_request(scope, record, rate));
        }
    }

    /// Exports what is queued and ends, within `deadline`. Blocks: it must not be called on a thread of the runtime.
    /// Returns whether everything was done in time.
    pub(super) fn shutdown(&self, deadline: Duration) -> bool {
        let end = Instant::now() + deadline;
        let pipelines = || self.traces.iter().chain(self.logs.as_deref());
        pipelines().for_each(BatchProcessor::close);
        self.metrics.iter().for_each(PeriodicReader::close);
        // close all first: they share the deadline, and one after another the last would have none left
        let queued = pipelines().filter(|pipeline| !pipeline.ended_by(end)).count();
        let pushed = self.metrics.iter().all(|push| push.ended_by(end));
        queued == 0 && pushed
    }
}

/// Exports events of the application log.
#[derive(Clone, Debug)]
pub(super) struct EventExporter(Arc<BatchProcessor>);

impl EventExporter {
    /// Queues the log record of `event`.
    pub(super) fn add(&self, event: &tracing::Event<'_>) {
        self.0.add(1, |scope| log_record::of_event(scope, event));
    }
}

/// What the exporters of all signals are built from.
struct SignalBuilder<'a> {
    environment: OtelVars<'a>,
    runtime: &'a Handle,
    sender: RequestEncoder,
}

impl SignalBuilder<'_> {
    fn traces(&self, losses: &DroppedItems) -> Result<Vec<BatchProcessor>, OtlpError> {
        let mut processors: Vec<_> = self.pipeline(Signal::Traces, losses)?.into_iter().collect();
        if ExporterChoice::read(self.environment, Signal::Traces).console {
            let lines = console::stderr(&losses.overflowed).map_err(OtlpError::Console)?;
            let batching = BatchConfig::read(self.environment, Signal::Traces);
            let delay = batching.delay.min(CONSOLE_DELAY);
            let show = |queue: Arc<_>| async move { console::show_from(&queue, delay, lines).await };
            processors.push(BatchProcessor::start(self.runtime, batching, losses.overflowed.clone(), show));
        }
        Ok(processors)
    }

    /// A queue to the collector. `None` if `signal` has none.
    fn pipeline(&self, signal: Signal, losses: &DroppedItems) -> Result<Option<BatchProcessor>, OtlpError> {
        let batching = BatchConfig::read(self.environment, signal);
        let Some(exporter) = self.exporter(signal, losses, batching.timeout)? else { return Ok(None) };
        let send = |queue: Arc<_>| async move { exporter.send_from(&queue, batching.delay).await };
        Ok(Some(BatchProcessor::start(self.runtime, batching, losses.overflowed.clone(), send)))
    }

    fn metrics(&self, metrics: &Arc<Metrics>) -> Result<Vec<PeriodicReader>, OtlpError> {
        let (environment, interval) = (self.environment, periodic_reader::interval(self.environment));
        let mut readers = Vec::new();
        if ExporterChoice::read(environment, Signal::Metrics).console {
            let lines = console::stderr(&metrics.points.overflowed).map_err(OtlpError::Console)?;
            readers.push(PeriodicReader::to_console(self.runtime, lines, interval, Arc::clone(metrics)));
        }
        let longest = periodic_reader::longest(environment);
        if let Some(exporter) = self.exporter(Signal::Metrics, &metrics.points, longest)? {
            periodic_reader::check_aggregation(environment);
            let preference = TemporalityPreference::read(environment);
            let metrics = Arc::clone(metrics);
            readers.push(PeriodicReader::to_collector(self.runtime, exporter, interval, preference, metrics));
        }
        Ok(readers)
    }

    /// The exporter of `signal`, which sends a batch within `longest`. `None` if the signal is not exported.
    fn exporter(
        &self,
        signal: Signal,
        losses: &DroppedItems,
        longest: Duration,
    ) -> Result<Option<Exporter>, OtlpError> {
        let is_named = match ExporterChoice::read(self.environment, signal).otlp {
            OtlpChoice::Off => return Ok(None),
            OtlpChoice::IfEndpoint => false,
            OtlpChoice::Named => true,
        };
        let Some(settings) = ExporterSettings::read(self.environment, signal, is_named)? else { return Ok(None) };
        let (client, deadline) = (client(&settings, signal)?, settings.timeout.min(longest));
        let report = DropReport::new(signal, &settings.endpoint, losses.clone());
        // a general endpoint has always meant traces; a collector without metrics or logs is not an error of the operator
        let is_optional = signal != Signal::Traces && !is_named && !settings.is_own;
        Ok(Some(Exporter::new(signal, client, self.sender.clone(), deadline, report).optional(is_optional)))
    }
}

fn client(settings: &ExporterSettings, signal: Signal) -> Result<OtlpClient, OtlpError> {
    let connector = OtlpConnector::new(settings).map_err(OtlpError::Trust)?;
    let (endpoint, headers) = (settings.endpoint.clone(), settings.headers.clone());
    Ok(match settings.protocol {
        OtlpProtocol::HttpProtobuf => {
            let client = HttpClient::new(connector, endpoint, headers);
            OtlpClient::Http(if settings.gzip { client.by_gzip() } else { client })
        }
        OtlpProtocol::Grpc => {
            let client = GrpcClient::new(connector, endpoint, headers, signal.method());
            OtlpClient::Grpc(if settings.gzip { client.by_gzip() } else { client })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::Otlp;
    use crate::config::gateway::UpstreamTarget;
    use crate::policy::Instance;
    use crate::telemetry::metrics::Metrics;
    use crate::telemetry::otel_vars::OtelVars;
    use std::sync::Arc;
    use tokio::runtime::Handle;

    #[tokio::test]
    async fn a_list_of_exporters_starts_each_of_them() {
        for (list, exporters) in [("none", 0), ("console", 1), ("otlp", 1), ("otlp,console", 2)] {
            let lookup = |name: &str| name.ends_with("S_EXPORTER").then(|| list.to_owned());
            let (upstream, metrics) = (UpstreamTarget::Embedded, Metrics::new(&UpstreamTarget::Embedded));
            let otlp = Otlp::start(
                OtelVars::new(&lookup),
                (&upstream, &Instance::UNNAMED),
                &Handle::current(),
                &Arc::new(metrics),
            )
            .unwrap();
            assert_eq!((otlp.traces.len(), otlp.metrics.len()), (exporters, exporters), "{list}");
        }
    }
}
