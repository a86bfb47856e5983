//! Spans to an OTLP collector, as the `OTEL_*` variables say.
//!
//! A dead or slow collector is never felt by a request: spans wait in a bounded queue and are dropped, whole requests at a
//! time, when it is full; what is lost is counted and said at most once a minute.

mod callee;
mod connection;
mod export;
mod grpc_client;
mod http_client;
mod protobuf;
mod queue;
mod request;
mod resource;
mod settings;
mod span;
mod spans;

use super::environment::{Environment, VariableError};
use super::record::Record;
use crate::config::gateway::UpstreamTarget;
use connection::Connector;
use export::{Client, Exporter, Loss};
use grpc_client::GrpcClient;
use http::HeaderMap;
use http_client::HttpClient;
use prometheus_client::metrics::counter::Counter;
use protobuf::Message;
use queue::Queue;
use request::Sender;
use settings::{Protocol, Settings};
use spans::Spans;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;

thread_local! {
    /// Where a worker writes the spans of a request, so that it holds the queue's lock only while copying them.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Why spans can't be exported. Never holds a variable's value.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// A variable has a value that can't be used.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// The certificate authorities, or our certificate and its key, can't be read or used.
    #[error("the certificates for the OTLP collector can't be used")]
    Trust(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The way of spans to the collector.
#[derive(Debug)]
pub(super) struct Otlp {
    spans: Spans,
    queue: Arc<Queue>,
    /// Hears of the exporter's end.
    ended: Mutex<Receiver<()>>,
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
        upstream: &UpstreamTarget,
        runtime: &Handle,
        overflowed: Counter,
        undelivered: Counter,
    ) -> Result<Option<Self>, OtlpError> {
        let Some(settings) = Settings::read(environment)? else { return Ok(None) };
        let _entered = runtime.enter();
        let exporter = Exporter {
            client: client(&settings)?,
            sender: Sender::new(&settings.resource),
            deadline: settings.timeout,
            delay: settings.delay,
            loss: Loss::new(undelivered, overflowed.clone()),
        };
        let queue = Arc::new(Queue::new(settings.queue, settings.batch));
        let (end, ended) = channel();
        let theirs = Arc::clone(&queue);
        runtime.spawn(async move {
            exporter.run(&theirs).await;
            // nobody waits where there was no orderly shutdown
            let _ = end.send(());
        });
        Ok(Some(Self { spans: Spans::new(upstream), queue, ended: Mutex::new(ended), overflowed }))
    }

    /// Queues the spans of `record`: all, or none where there is no room for all. They are written only where there is room,
    /// so that a dead collector costs less than a living one.
    pub(super) fn add(&self, record: &Record) {
        let count = Spans::count(record);
        if !self.queue.reserve(count) {
            self.overflowed.inc_by(count as u64);
            return;
        }
        SCRATCH.with_borrow_mut(|bytes| {
            bytes.clear();
            self.spans.write(record, &mut Message::new(bytes));
            self.queue.add(bytes, count);
        });
    }

    /// Exports what is queued and ends, at most `deadline`. Blocks; not to be called on a thread of the runtime that
    /// exports. True if all was done in time.
    pub(super) fn shutdown(&self, deadline: Duration) -> bool {
        self.queue.close();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.recv_timeout(deadline).is_ok()
    }
}

fn client(settings: &Settings) -> Result<Client, OtlpError> {
    let connector = Connector::new(settings).map_err(OtlpError::Trust)?;
    let endpoint = settings.endpoint.clone();
    // those that are no headers are left out, as other exporters do
    let headers: HashMap<_, _> = settings.headers.iter().cloned().collect();
    let headers = HeaderMap::try_from(&headers).unwrap_or_default();
    Ok(match settings.protocol {
        Protocol::HttpProtobuf => Client::Http(HttpClient::new(connector, endpoint, headers)),
        Protocol::Grpc => Client::Grpc(GrpcClient::new(connector, endpoint, headers)),
    })
}
