//! An OTLP collector in this process, over HTTP or gRPC, plain or by TLS.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;
use tonic::codec::CompressionEncoding;
use tower::Service as _;

/// A `google.rpc.Status` with a `RetryInfo` that names no time.
const RETRY_INFO: &[u8] = b"\x1a\x2a\x0a\x28type.googleapis.com/google.rpc.RetryInfo";

/// How telemetry arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `http/protobuf`.
    Http,
    /// `grpc`.
    Grpc,
}

/// One batch as it arrived, of traces unless told otherwise.
#[derive(Debug)]
pub(crate) struct Batch<T = ExportTraceServiceRequest> {
    /// Headers or gRPC metadata.
    pub(crate) headers: HeaderMap,
    /// Path and query, of HTTP only.
    pub(crate) path: String,
    /// What was sent.
    pub(crate) request: T,
}

impl Batch {
    /// Every span of the batch.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let scopes = self.request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| &scope.spans).cloned().collect()
    }

    /// An attribute of the sender.
    pub(crate) fn resource(&self, key: &str) -> Option<String> {
        let resource = self.request.resource_spans.first()?.resource.as_ref()?;
        attribute(&resource.attributes, key)
    }
}

impl Batch<ExportMetricsServiceRequest> {
    /// Every metric of the batch.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let scopes = self.request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        scopes.flat_map(|scope| &scope.metrics).cloned().collect()
    }

    /// An attribute of the sender.
    pub(crate) fn resource(&self, key: &str) -> Option<String> {
        let resource = self.request.resource_metrics.first()?.resource.as_ref()?;
        attribute(&resource.attributes, key)
    }
}

impl Batch<ExportLogsServiceRequest> {
    /// Every record of the batch.
    pub(crate) fn records(&self) -> Vec<LogRecord> {
        let scopes = self.request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        scopes.flat_map(|scope| &scope.log_records).cloned().collect()
    }

    /// An attribute of the sender.
    pub(crate) fn resource(&self, key: &str) -> Option<String> {
        let resource = self.request.resource_logs.first()?.resource.as_ref()?;
        attribute(&resource.attributes, key)
    }
}

/// Where batches go that arrive, and whether the collector knows other signals than traces.
#[derive(Clone)]
struct Inbox {
    traces: UnboundedSender<Batch>,
    metrics: UnboundedSender<Batch<ExportMetricsServiceRequest>>,
    logs: UnboundedSender<Batch<ExportLogsServiceRequest>>,
    traces_only: bool,
    /// Requests for signals that it does not know.
    unknown: Arc<AtomicUsize>,
    /// Requests with spans that it will not take for now.
    busy: Arc<AtomicUsize>,
}

/// A collector on a free port of the loopback.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    protocol: Protocol,
    tls: bool,
    batches: UnboundedReceiver<Batch>,
    metrics: UnboundedReceiver<Batch<ExportMetricsServiceRequest>>,
    logs: UnboundedReceiver<Batch<ExportLogsServiceRequest>>,
    unknown: Arc<AtomicUsize>,
    busy: Arc<AtomicUsize>,
}

impl Collector {
    /// Starts a collector; ends with the runtime.
    pub(crate) async fn start(protocol: Protocol, tls: Option<TlsAcceptor>) -> Self {
        Self::start_with(protocol, tls, false).await
    }

    /// Starts one that knows traces alone, as those of tracing systems do.
    pub(crate) async fn of_traces_only(protocol: Protocol) -> Self {
        Self::start_with(protocol, None, true).await
    }

    async fn start_with(protocol: Protocol, acceptor: Option<TlsAcceptor>, traces_only: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (to_batches, batches) = unbounded_channel();
        let (to_metrics, metrics) = unbounded_channel();
        let (to_logs, logs) = unbounded_channel();
        let unknown = Arc::<AtomicUsize>::default();
        let busy = Arc::<AtomicUsize>::default();
        let (told, tells) = (Arc::clone(&unknown), Arc::clone(&busy));
        let inbox =
            Inbox { traces: to_batches, metrics: to_metrics, logs: to_logs, traces_only, unknown: told, busy: tells };
        let tls = acceptor.is_some();
        tokio::spawn(accept(listener, protocol, acceptor, inbox));
        Self { address, protocol, tls, batches, metrics, logs, unknown, busy }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The variables that send telemetry here, spans and log records at once.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let scheme = if self.tls { "https" } else { "http" };
        let host = if self.tls { "localhost" } else { "127.0.0.1" };
        let protocol = match self.protocol {
            Protocol::Http => "http/protobuf",
            Protocol::Grpc => "grpc",
        };
        vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("{scheme}://{host}:{}", self.address.port())),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned()),
            ("OTEL_BSP_SCHEDULE_DELAY", String::from("10")),
            ("OTEL_BLRP_SCHEDULE_DELAY", String::from("10")),
        ]
    }

    /// The next batch; panics when there is none in ten seconds.
    pub(crate) async fn batch(&mut self) -> Batch {
        next(&mut self.batches).await
    }

    /// The next batch of metrics.
    pub(crate) async fn metrics(&mut self) -> Batch<ExportMetricsServiceRequest> {
        next(&mut self.metrics).await
    }

    /// The next batch of log records.
    pub(crate) async fn logs(&mut self) -> Batch<ExportLogsServiceRequest> {
        next(&mut self.logs).await
    }

    /// How often it was sent a signal that it does not know.
    pub(crate) fn unknown(&self) -> usize {
        self.unknown.load(Ordering::Relaxed)
    }

    /// Has it take none of the next `requests` with spans: it is too busy, for a moment.
    pub(crate) fn is_busy_for(&self, requests: usize) {
        self.busy.store(requests, Ordering::Relaxed);
    }

    /// Spans until there are `count`, ordered by name of kind and name.
    pub(crate) async fn spans(&mut self, count: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        while spans.len() < count {
            spans.extend(self.batch().await.spans());
        }
        spans.sort_by_key(|span| (span.kind, span.name.clone()));
        spans
    }

    /// What has arrived and was not asked for yet, as text.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        while let Ok(batch) = self.batches.try_recv() {
            let _ = write!(rest, "{batch:?}");
        }
        rest
    }

    /// The same of metrics and logs.
    pub(crate) fn rest_of_other_signals(&mut self) -> [String; 2] {
        let (mut metrics, mut logs) = (String::new(), String::new());
        while let Ok(batch) = self.metrics.try_recv() {
            let _ = write!(metrics, "{batch:?}");
        }
        while let Ok(batch) = self.logs.try_recv() {
            let _ = write!(logs, "{batch:?}");
        }
        [metrics, logs]
    }
}

async fn next<T>(batches: &mut UnboundedReceiver<T>) -> T {
    let next = pingora_timeout::timeout(Duration::from_secs(10), batches.recv()).await;
    next.expect("a batch in time").expect("a collector that runs")
}

/// An attribute as text.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let AnyValue { value } = attributes.iter().find(|it| it.key == key)?.value.clone()?;
    Some(match value? {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(truth) => truth.to_string(),
        Value::ArrayValue(array) => {
            let values = array.values.into_iter().map(|value| KeyValue { value: Some(value), ..KeyValue::default() });
            values.filter_map(|value| attribute(&[value], "")).collect::<Vec<_>>().join(", ")
        }
        other => format!("{other:?}"),
    })
}

async fn accept(listener: TcpListener, protocol: Protocol, tls: Option<TlsAcceptor>, inbox: Inbox) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, protocol, tls.clone(), inbox.clone()));
    }
}

async fn connection(stream: TcpStream, protocol: Protocol, tls: Option<TlsAcceptor>, inbox: Inbox) {
    match tls {
        None => serve(stream, protocol, inbox).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, protocol, inbox).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, protocol: Protocol, inbox: Inbox) {
    // a connection ends when its client ends it, whatever hyper makes of that
    let _ = match protocol {
        Protocol::Http => {
            let service = service_fn(move |request| over_http(request, inbox.clone()));
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
        }
        Protocol::Grpc => {
            let service = service_fn(move |request: Request<Incoming>| {
                let inbox = inbox.clone();
                async move {
                    let path = request.uri().path().to_owned();
                    match path.rsplit('/').nth(1).and_then(|service| service.rsplit('.').next()) {
                        Some("MetricsService") => {
                            let server = MetricsServiceServer::new(inbox);
                            server.accept_compressed(CompressionEncoding::Gzip).call(request).await
                        }
                        Some("LogsService") => {
                            let server = LogsServiceServer::new(inbox);
                            server.accept_compressed(CompressionEncoding::Gzip).call(request).await
                        }
                        _ => {
                            let server = TraceServiceServer::new(inbox);
                            server.accept_compressed(CompressionEncoding::Gzip).call(request).await
                        }
                    }
                }
            });
            http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await
        }
    };
}

impl Inbox {
    /// Whether it has no time for spans; asked once a request.
    fn has_no_time(&self) -> bool {
        self.busy.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Whether a batch of this signal is not wanted.
    fn refuses(&self, is_traces: bool) -> bool {
        let refused = self.traces_only && !is_traces;
        self.unknown.fetch_add(refused.into(), Ordering::Relaxed);
        refused
    }
}

async fn over_http(request: Request<Incoming>, inbox: Inbox) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let mut body = body.collect().await.expect("a whole body").to_bytes();
    if head.headers.get("content-encoding").is_some_and(|coding| coding == "gzip") {
        let mut whole = Vec::new();
        flate2::read::GzDecoder::new(&*body).read_to_end(&mut whole).expect("a batch by gzip");
        body = whole.into();
    }
    let (headers, path) = (head.headers, head.uri.to_string());
    let is_metrics = head.uri.path().ends_with("/metrics");
    let is_logs = head.uri.path().ends_with("/logs");
    if inbox.refuses(!is_metrics && !is_logs) {
        let mut response = Response::default();
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        return Ok(response);
    }
    if is_metrics {
        let request = ExportMetricsServiceRequest::decode(body).expect("metrics in protobuf");
        let _ = inbox.metrics.send(Batch { headers, path, request });
    } else if is_logs {
        let request = ExportLogsServiceRequest::decode(body).expect("logs in protobuf");
        let _ = inbox.logs.send(Batch { headers, path, request });
    } else if inbox.has_no_time() {
        let mut response = Response::default();
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        return Ok(response);
    } else {
        let request = ExportTraceServiceRequest::decode(body).expect("spans in protobuf");
        let _ = inbox.traces.send(Batch { headers, path, request });
    }
    Ok(Response::new(Full::new(ExportTraceServiceResponse::default().encode_to_vec().into())))
}

fn batch<T>(request: tonic::Request<T>) -> Batch<T> {
    let (metadata, _, request) = request.into_parts();
    Batch { headers: metadata.into_headers(), path: String::new(), request }
}

#[tonic::async_trait]
impl TraceService for Inbox {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        if self.has_no_time() {
            return Err(tonic::Status::with_details(
                tonic::Code::ResourceExhausted,
                "busy",
                Bytes::from_static(RETRY_INFO),
            ));
        }
        let _ = self.traces.send(batch(request));
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Inbox {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, tonic::Status> {
        if self.refuses(false) {
            return Err(tonic::Status::unimplemented("traces only"));
        }
        let _ = self.metrics.send(batch(request));
        Ok(tonic::Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Inbox {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, tonic::Status> {
        if self.refuses(false) {
            return Err(tonic::Status::unimplemented("traces only"));
        }
        let _ = self.logs.send(batch(request));
        Ok(tonic::Response::new(ExportLogsServiceResponse::default()))
    }
}
