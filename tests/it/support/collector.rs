//! An OTLP collector in this process, over HTTP or gRPC, plain or by TLS.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

/// How spans arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `http/protobuf`.
    Http,
    /// `grpc`.
    Grpc,
}

/// One batch as it arrived.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Headers or gRPC metadata.
    pub(crate) headers: HeaderMap,
    /// Path and query, of HTTP only.
    pub(crate) path: String,
    /// What was sent.
    pub(crate) request: ExportTraceServiceRequest,
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

/// A collector on a free port of the loopback.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    protocol: Protocol,
    tls: bool,
    batches: UnboundedReceiver<Batch>,
}

impl Collector {
    /// Starts a collector; ends with the runtime.
    pub(crate) async fn start(protocol: Protocol, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sender, batches) = unbounded_channel();
        let by_tls = tls.is_some();
        tokio::spawn(accept(listener, protocol, tls, sender));
        Self { address, protocol, tls: by_tls, batches }
    }

    /// The variables that send spans here, at once.
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
        ]
    }

    /// The next batch; panics when there is none in ten seconds.
    pub(crate) async fn batch(&mut self) -> Batch {
        let next = pingora_timeout::timeout(Duration::from_secs(10), self.batches.recv()).await;
        next.expect("a batch in time").expect("a collector that runs")
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

async fn accept(listener: TcpListener, protocol: Protocol, tls: Option<TlsAcceptor>, sender: UnboundedSender<Batch>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, protocol, tls.clone(), sender.clone()));
    }
}

async fn connection(stream: TcpStream, protocol: Protocol, tls: Option<TlsAcceptor>, sender: UnboundedSender<Batch>) {
    match tls {
        None => serve(stream, protocol, sender).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, protocol, sender).await;
            }
        }
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    protocol: Protocol,
    sender: UnboundedSender<Batch>,
) {
    let sender = Arc::new(sender);
    // a connection ends when its client ends it, whatever hyper makes of that
    let _ = match protocol {
        Protocol::Http => {
            let service = service_fn(move |request| over_http(request, Arc::clone(&sender)));
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
        }
        Protocol::Grpc => {
            let server = TraceServiceServer::new(OverGrpc(sender));
            let service = service_fn(move |request: Request<Incoming>| server.clone().call(request));
            http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await
        }
    };
}

async fn over_http(
    request: Request<Incoming>,
    sender: Arc<UnboundedSender<Batch>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    let request = ExportTraceServiceRequest::decode(body).expect("a batch in protobuf");
    let _ = sender.send(Batch { headers: head.headers, path: head.uri.to_string(), request });
    Ok(Response::new(Full::new(ExportTraceServiceResponse::default().encode_to_vec().into())))
}

struct OverGrpc(Arc<UnboundedSender<Batch>>);

#[tonic::async_trait]
impl TraceService for OverGrpc {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let (metadata, _, request) = request.into_parts();
        let _ = self.0.send(Batch { headers: metadata.into_headers(), path: String::new(), request });
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}
