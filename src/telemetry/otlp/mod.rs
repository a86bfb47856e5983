//! Traces, metrics and logs to an OTLP collector, as the `OTEL_*` variables say; traces to the console, too.
//!
//! A dead or slow collector is never felt by a request: what is to be sent waits in a bounded queue and is dropped, whole
//! requests at a time, when it is full; what is lost is counted and said at most once a minute.

mod batch;
mod batching;
mod callee;
mod choice;
mod connection;
mod console;
mod export;
mod failure;
mod grpc_client;
mod http_client;
mod log_record;
mod names;
mod pipeline;
mod points;
mod protobuf;
mod push;
mod queue;
mod request;
mod resource;
mod settings;
mod signal;
mod span;
mod spans;

use super::access_log::Rate;
use super::environment::{Environment, VariableError};
use super::losses::Losses;
use super::metrics::Metrics;
use super::record::Record;
use crate::config::gateway::UpstreamTarget;
use batching::Batching;
use choice::Choice;
use connection::Connector;
use export::{Client, Exporter, Loss};
use grpc_client::GrpcClient;
use http_client::HttpClient;
use pipeline::Pipeline;
use push::Push;
use request::Sender;
use resource::resource;
use settings::{Protocol, Settings};
use signal::Signal;
use spans::Spans;
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
    spans: Spans,
    traces: Option<Pipeline>,
    logs: Option<Arc<Pipeline>>,
    metrics: Option<Push>,
}

impl Otlp {
    /// Starts exporting on `runtime`, which must have its timer and I/O enabled.
    ///
    /// # Errors
    /// If a variable can't be used.
    pub(super) fn start(
        environment: Environment<'_>,
        upstream: &UpstreamTarget,
        runtime: &Handle,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, OtlpError> {
        let _entered = runtime.enter();
        let start = Start { environment, runtime, sender: Sender::new(&resource(environment)) };
        Ok(Self {
            spans: Spans::new(upstream),
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
    pub(super) fn events(&self) -> Option<Events> {
        self.logs.clone().map(Events)
    }

    /// Queues the spans of `record`.
    pub(super) fn add_spans(&self, record: &Record) {
        if let Some(traces) = &self.traces {
            traces.add(Spans::count(record), |scope| self.spans.write(record, scope));
        }
    }

    /// Queues the log record of `record`, one of a sample at `rate`.
    pub(super) fn add_log(&self, record: &Record, rate: Rate) {
        if let Some(logs) = &self.logs {
            logs.add(1, |scope| log_record::of_request(scope, record, rate));
        }
    }

    /// Exports what is queued and ends, at most `deadline`. Blocks; not to be called on a thread of the runtime that
    /// exports. True if all was done in time.
    pub(super) fn shutdown(&self, deadline: Duration) -> bool {
        let end = Instant::now() + deadline;
        let pipelines = || self.traces.iter().chain(self.logs.as_deref());
        pipelines().for_each(Pipeline::close);
        self.metrics.iter().for_each(Push::close);
        // all of them together, not one after another
        let queued = pipelines().filter(|pipeline| !pipeline.ended_by(end)).count();
        let pushed = self.metrics.iter().all(|push| push.ended_by(end));
        queued == 0 && pushed
    }
}

/// Sends what the gateway says of itself.
#[derive(Clone, Debug)]
pub(super) struct Events(Arc<Pipeline>);

impl Events {
    /// Queues the log record of `event`.
    pub(super) fn add(&self, event: &tracing::Event<'_>) {
        self.0.add(1, |scope| log_record::of_event(scope, event));
    }
}

/// What the start of each signal needs.
struct Start<'a> {
    environment: Environment<'a>,
    runtime: &'a Handle,
    sender: Sender,
}

impl Start<'_> {
    fn traces(&self, losses: &Losses) -> Result<Option<Pipeline>, OtlpError> {
        if Choice::read(self.environment, Signal::Traces) != Choice::Console {
            return self.pipeline(Signal::Traces, losses);
        }
        let lines = console::stderr(&losses.overflowed).map_err(OtlpError::Console)?;
        let batching = Batching::read(self.environment, Signal::Traces);
        let delay = batching.delay.min(CONSOLE_DELAY);
        let show = |queue: Arc<_>| async move { console::show_from(&queue, delay, lines).await };
        Ok(Some(Pipeline::start(self.runtime, batching, losses.overflowed.clone(), show)))
    }

    /// A queue to the collector; none where there is no collector for `signal`.
    fn pipeline(&self, signal: Signal, losses: &Losses) -> Result<Option<Pipeline>, OtlpError> {
        let batching = Batching::read(self.environment, signal);
        let Some(exporter) = self.exporter(signal, losses, batching.timeout)? else { return Ok(None) };
        let send = |queue: Arc<_>| async move { exporter.send_from(&queue, batching.delay).await };
        Ok(Some(Pipeline::start(self.runtime, batching, losses.overflowed.clone(), send)))
    }

    fn metrics(&self, metrics: &Arc<Metrics>) -> Result<Option<Push>, OtlpError> {
        let interval = push::interval(self.environment);
        if Choice::read(self.environment, Signal::Metrics) == Choice::Console {
            let lines = console::stderr(&metrics.points.overflowed).map_err(OtlpError::Console)?;
            return Ok(Some(Push::to_console(self.runtime, lines, interval, Arc::clone(metrics))));
        }
        let longest = push::longest(self.environment);
        let Some(exporter) = self.exporter(Signal::Metrics, &metrics.points, longest)? else { return Ok(None) };
        push::check_preferences(self.environment);
        Ok(Some(Push::to_collector(self.runtime, exporter, interval, Arc::clone(metrics))))
    }

    /// What sends `signal` to its collector, each batch in `longest` at most; none where it goes nowhere.
    fn exporter(&self, signal: Signal, losses: &Losses, longest: Duration) -> Result<Option<Exporter>, OtlpError> {
        let Choice::Otlp { named } = Choice::read(self.environment, signal) else { return Ok(None) };
        let Some(settings) = Settings::read(self.environment, signal, named)? else { return Ok(None) };
        Ok(Some(Exporter {
            signal,
            client: client(&settings, signal)?,
            sender: self.sender.clone(),
            deadline: settings.timeout.min(longest),
            // an endpoint alone has always meant traces
            optional: signal != Signal::Traces && !named,
            loss: Loss::new(losses.clone()),
        }))
    }
}

fn client(settings: &Settings, signal: Signal) -> Result<Client, OtlpError> {
    let connector = Connector::new(settings).map_err(OtlpError::Trust)?;
    let (endpoint, headers) = (settings.endpoint.clone(), settings.headers.clone());
    Ok(match settings.protocol {
        Protocol::HttpProtobuf => {
            let client = HttpClient::new(connector, endpoint, headers);
            Client::Http(if settings.gzip { client.by_gzip() } else { client })
        }
        Protocol::Grpc => {
            let client = GrpcClient::new(connector, endpoint, headers, signal.method());
            Client::Grpc(if settings.gzip { client.by_gzip() } else { client })
        }
    })
}
