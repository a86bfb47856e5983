//! Traces, metrics and logs to an OTLP collector, as the `OTEL_*` variables say; traces to the console, too.
//!
//! A dead or slow collector is never felt by a request: what is to be sent waits in a bounded queue and is dropped, whole
//! requests at a time, when it is full; what is lost is counted and said at most once a minute.

mod batch;
mod batch_config;
mod batch_processor;
mod client_span;
mod connection;
mod console;
mod export;
mod exporter_choice;
mod failure;
mod grpc_client;
mod http_client;
mod log_record;
mod metric_points;
mod names;
mod periodic_reader;
mod protobuf;
mod queue;
mod request;
mod resource;
mod settings;
mod signal;
mod span;
mod spans;

use crate::config::gateway::UpstreamTarget;
use crate::telemetry::logs::sampling::Rate;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::metrics::dropped::DroppedItems;
use crate::telemetry::otel_vars::{OtelVars, VariableError};
use crate::telemetry::record::RequestRecord;
use batch_config::BatchConfig;
use batch_processor::BatchProcessor;
use connection::OtlpConnector;
use export::{DropReport, Exporter, OtlpClient};
use exporter_choice::ExporterChoice;
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
use tokio::runtime::Handle;

/// How long spans wait for one another on the way to the console: people look at them.
const CONSOLE_DELAY: Duration = Duration::from_millis(100);

/// Why telemetry can't be exported. Never holds a variable's value.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// A variable has a value that can't be used.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// The certificate authorities, or our certificate and its key, can't be read or used.
    #[error("the certificates for the OTLP collector can't be used")]
    Trust(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The thread that writes spans to the console could not be started.
    #[error("the console can't be written to")]
    Console(#[source] io::Error),
}

/// The ways of the signals to whom they are for; none for those that go nowhere.
#[derive(Debug)]
pub(super) struct Otlp {
    spans: SpanWriter,
    traces: Option<BatchProcessor>,
    logs: Option<Arc<BatchProcessor>>,
    metrics: Option<PeriodicReader>,
}

impl Otlp {
    /// Starts exporting on `runtime`, which must have its timer and I/O enabled.
    ///
    /// # Errors
    /// If a variable can't be used.
    pub(super) fn start(
        environment: OtelVars<'_>,
        upstream: &UpstreamTarget,
        runtime: &Handle,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, OtlpError> {
        let _entered = runtime.enter();
        let start = SignalBuilder { environment, runtime, sender: RequestEncoder::new(&resource(environment)) };
        Ok(Self {
            spans: SpanWriter::new(upstream),
            traces: start.traces(&metrics.spans)?,
            logs: start.pipeline(Signal::Logs, &metrics.log_records)?.map(Arc::new),
            metrics: start.metrics(metrics)?,
        })
    }

    /// Whether spans go anywhere.
    pub(super) const fn has_traces(&self) -> bool {
        self.traces.is_some()
    }

    /// Where log records go, if anywhere.
    pub(super) fn events(&self) -> Option<EventExporter> {
        self.logs.clone().map(EventExporter)
    }

    /// Queues the spans of `record`.
    pub(super) fn add_spans(&self, record: &RequestRecord) {
        if let Some(traces) = &self.traces {
            traces.add(SpanWriter::count(record), |scope| self.spans.write(record, scope));
        }
    }

    /// Queues the log record of `record`, one of a sample at `rate`.
    pub(super) fn add_log(&self, record: &RequestRecord, rate: Rate) {
        if let Some(logs) = &self.logs {
            logs.add(1, |scope| log_record::of_request(scope, record, rate));
        }
    }

    /// Exports what is queued and ends, at most `deadline`. Blocks; not to be called on a thread of the runtime that
    /// exports. True if all was done in time.
    pub(super) fn shutdown(&self, deadline: Duration) -> bool {
        let end = Instant::now() + deadline;
        let pipelines = || self.traces.iter().chain(self.logs.as_deref());
        pipelines().for_each(BatchProcessor::close);
        self.metrics.iter().for_each(PeriodicReader::close);
        // all of them together, not one after another
        let queued = pipelines().filter(|pipeline| !pipeline.ended_by(end)).count();
        let pushed = self.metrics.iter().all(|push| push.ended_by(end));
        queued == 0 && pushed
    }
}

/// Sends what the gateway says of itself.
#[derive(Clone, Debug)]
pub(super) struct EventExporter(Arc<BatchProcessor>);

impl EventExporter {
    /// Queues the log record of `event`.
    pub(super) fn add(&self, event: &tracing::Event<'_>) {
        self.0.add(1, |scope| log_record::of_event(scope, event));
    }
}

/// What the start of each signal needs.
struct SignalBuilder<'a> {
    environment: OtelVars<'a>,
    runtime: &'a Handle,
    sender: RequestEncoder,
}

impl SignalBuilder<'_> {
    fn traces(&self, losses: &DroppedItems) -> Result<Option<BatchProcessor>, OtlpError> {
        if ExporterChoice::read(self.environment, Signal::Traces) != ExporterChoice::Console {
            return self.pipeline(Signal::Traces, losses);
        }
        let lines = console::stderr(&losses.overflowed).map_err(OtlpError::Console)?;
        let batching = BatchConfig::read(self.environment, Signal::Traces);
        let delay = batching.delay.min(CONSOLE_DELAY);
        let show = |queue: Arc<_>| async move { console::show_from(&queue, delay, lines).await };
        Ok(Some(BatchProcessor::start(self.runtime, batching, losses.overflowed.clone(), show)))
    }

    /// A queue to the collector; none where there is no collector for `signal`.
    fn pipeline(&self, signal: Signal, losses: &DroppedItems) -> Result<Option<BatchProcessor>, OtlpError> {
        let batching = BatchConfig::read(self.environment, signal);
        let Some(exporter) = self.exporter(signal, losses, batching.timeout)? else { return Ok(None) };
        let send = |queue: Arc<_>| async move { exporter.send_from(&queue, batching.delay).await };
        Ok(Some(BatchProcessor::start(self.runtime, batching, losses.overflowed.clone(), send)))
    }

    fn metrics(&self, metrics: &Arc<Metrics>) -> Result<Option<PeriodicReader>, OtlpError> {
        let interval = periodic_reader::interval(self.environment);
        if ExporterChoice::read(self.environment, Signal::Metrics) == ExporterChoice::Console {
            let lines = console::stderr(&metrics.points.overflowed).map_err(OtlpError::Console)?;
            return Ok(Some(PeriodicReader::to_console(self.runtime, lines, interval, Arc::clone(metrics))));
        }
        let longest = periodic_reader::longest(self.environment);
        let Some(exporter) = self.exporter(Signal::Metrics, &metrics.points, longest)? else { return Ok(None) };
        periodic_reader::check_preferences(self.environment);
        Ok(Some(PeriodicReader::to_collector(self.runtime, exporter, interval, Arc::clone(metrics))))
    }

    /// What sends `signal` to its collector, each batch in `longest` at most; none where it goes nowhere.
    fn exporter(
        &self,
        signal: Signal,
        losses: &DroppedItems,
        longest: Duration,
    ) -> Result<Option<Exporter>, OtlpError> {
        let ExporterChoice::Otlp { named } = ExporterChoice::read(self.environment, signal) else { return Ok(None) };
        let Some(settings) = ExporterSettings::read(self.environment, signal, named)? else { return Ok(None) };
        Ok(Some(Exporter {
            signal,
            client: client(&settings, signal)?,
            sender: self.sender.clone(),
            deadline: settings.timeout.min(longest),
            // an endpoint alone has always meant traces
            optional: signal != Signal::Traces && !named,
            loss: DropReport::new(losses.clone()),
        }))
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
