//! OTLP over gRPC: a channel that connects when it must, and messages that are bytes already.

use super::connection::Connector;
use super::export::Failure;
use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// `TraceService.Export` of `opentelemetry/proto/collector/trace/v1/trace_service.proto`.
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Sends batches to the collector. Runs on a tokio runtime; its deadline is the exporter's.
pub(super) struct GrpcClient {
    client: Grpc<Channel>,
    metadata: MetadataMap,
}

impl GrpcClient {
    /// A client that connects with `connector` to `endpoint` and sends `headers` as metadata.
    pub(super) fn new(connector: Connector, endpoint: Uri, headers: HeaderMap) -> Self {
        let channel = Endpoint::from(endpoint).connect_with_connector_lazy(connector);
        Self { client: Grpc::new(channel), metadata: MetadataMap::from_headers(headers) }
    }

    /// Sends a batch; what the collector answers with success is given back.
    pub(super) async fn send(&mut self, batch: Bytes) -> Result<Bytes, Failure> {
        self.client.ready().await.map_err(|_| Failure::Unreachable)?;
        let request = Request::from_parts(self.metadata.clone(), tonic::Extensions::default(), batch);
        let answer = self.client.unary(request, PathAndQuery::from_static(EXPORT), Written).await;
        answer.map(tonic::Response::into_inner).map_err(|_| Failure::Refused)
    }
}

/// Messages that are written already, and read later.
struct Written;

impl Codec for Written {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Written {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Written {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
