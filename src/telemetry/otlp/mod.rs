//! Spans to an OTLP collector, as the `OTEL_*` variables say.
//!
//! A dead or slow collector is never felt by a request: spans wait in a bounded queue and are dropped, whole requests at a
//! time, when it is full; what is lost is counted and said at most once a minute.

mod connection;
mod export;
mod http_client;
mod settings;

use super::environment::{Environment, VariableError};
use connection::Connector;
use export::{Export, Loss};
use http_client::CollectorClient;
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter as _, SpanProcessor as _,
};
use prometheus_client::metrics::counter::Counter;
use settings::{Protocol, Settings};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tonic::metadata::MetadataMap;
use tonic::transport::Endpoint;

/// Why spans can't be exported. Never holds a variable's value.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// A variable has a value that can't be used.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// The certificate authorities can't be read or used.
    #[error("the certificate authorities for the OTLP collector can't be used")]
    Trust(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The exporter refused its settings; its own text is left out, for it holds the endpoint.
    #[error("the OTLP exporter can't be built from the `OTEL_EXPORTER_OTLP_*` variables")]
    Exporter,
}

/// The way of spans to the collector.
#[derive(Debug)]
pub(super) struct Otlp {
    processor: BatchSpanProcessor,
    /// Spans handed over and not yet taken by the exporter.
    queued: Arc<AtomicUsize>,
    capacity: usize,
    overflowed: Counter,
}

impl Otlp {
    /// Starts exporting on `runtime`, which must have its timer and I/O enabled; none where no endpoint is set or
    /// exporting is switched off.
    ///
    /// # Errors
    /// If a variable can't be used.
    pub(super) fn start(
        environment: Environment<'_>,
        runtime: &Handle,
        overflowed: Counter,
        undelivered: Counter,
    ) -> Result<Option<Self>, OtlpError> {
        let Some(settings) = Settings::read(environment)? else { return Ok(None) };
        let _entered = runtime.enter();
        let mut exporter = exporter(&settings)?;
        exporter.set_resource(&settings.resource);
        let queued = Arc::new(AtomicUsize::new(0));
        let loss = Loss::new(undelivered, overflowed.clone());
        let export = Export::new(exporter, runtime.clone(), settings.timeout, Arc::clone(&queued), loss);
        let batch = BatchConfigBuilder::default()
            .with_max_queue_size(settings.queue)
            .with_max_export_batch_size(settings.batch)
            .with_scheduled_delay(settings.delay)
            .build();
        let processor = BatchSpanProcessor::new(export, batch);
        Ok(Some(Self { processor, queued, capacity: settings.queue, overflowed }))
    }

    /// Queues the `count` spans of one request: all, or none where there is no room for all. They are built only where
    /// there is room, so that a dead collector costs less than a living one.
    pub(super) fn add(&self, count: usize, spans: impl Iterator<Item = SpanData>) {
        let before = self.queued.fetch_add(count, Ordering::Relaxed);
        if before + count > self.capacity {
            self.queued.fetch_sub(count, Ordering::Relaxed);
            self.overflowed.inc_by(count as u64);
            return;
        }
        for span in spans {
            self.processor.on_end(span);
        }
    }

    /// Exports what is queued and ends, at most `deadline`. Blocks; not to be called on a thread of the runtime that
    /// exports. True if all was done in time.
    pub(super) fn shutdown(&self, deadline: Duration) -> bool {
        self.processor.shutdown_with_timeout(deadline).is_ok()
    }
}

fn exporter(settings: &Settings) -> Result<SpanExporter, OtlpError> {
    let connector = Connector::new(settings).map_err(OtlpError::Trust)?;
    let headers: HashMap<_, _> = settings.headers.iter().cloned().collect();
    let built = match settings.protocol {
        Protocol::HttpProtobuf => SpanExporter::builder()
            .with_http()
            .with_http_client(CollectorClient::new(connector))
            .with_endpoint(settings.endpoint.to_string())
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .with_timeout(settings.timeout)
            .with_headers(headers)
            .build(),
        Protocol::Grpc => SpanExporter::builder()
            .with_tonic()
            .with_channel(Endpoint::from(settings.endpoint.clone()).connect_with_connector_lazy(connector))
            .with_timeout(settings.timeout)
            .with_metadata(metadata(&headers))
            .build(),
    };
    built.map_err(|_: ExporterBuildError| OtlpError::Exporter)
}

/// Headers as gRPC metadata; those that are no headers are left out, as the exporter does over HTTP.
fn metadata(headers: &HashMap<String, String>) -> MetadataMap {
    MetadataMap::from_headers(http::HeaderMap::try_from(headers).unwrap_or_default())
}
