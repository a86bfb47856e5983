//! OTLP over gRPC: a lazily connected channel, and messages that are already encoded.

use super::connection::OtlpConnector;
use super::failure::{ExportError, ExportFailure};
use super::request::AGENT;
use super::retry_delay;
use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};
use std::error::Error as _;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

/// Sends batches to the collector. Runs on a tokio runtime. It has no deadline of its own; the exporter has.
pub(super) struct GrpcClient {
    client: Grpc<Channel>,
    metadata: MetadataMap,
    method: PathAndQuery,
}

impl GrpcClient {
    /// A client that connects with `connector` to `endpoint`, sends `headers` as metadata and calls `method`.
    pub(super) fn new(connector: OtlpConnector, endpoint: Uri, headers: HeaderMap, method: &'static str) -> Self {
        let channel = Endpoint::from(endpoint);
        // our own name is always a valid header value
        let channel = channel.clone().user_agent(AGENT).unwrap_or(channel).connect_with_connector_lazy(connector);
        let method = PathAndQuery::from_static(method);
        Self { client: Grpc::new(channel), metadata: MetadataMap::from_headers(headers), method }
    }

    /// Compresses batches with gzip.
    pub(super) fn by_gzip(self) -> Self {
        Self { client: self.client.send_compressed(CompressionEncoding::Gzip), ..self }
    }

    /// Sends a batch, and returns the body of a successful response.
    pub(super) async fn send(&mut self, batch: Bytes) -> Result<Bytes, ExportError> {
        self.client.ready().await.map_err(|error| ExportFailure::unreachable(&error))?;
        let request = Request::from_parts(self.metadata.clone(), tonic::Extensions::default(), batch);
        let response = self.client.unary(request, self.method.clone(), RawCodec).await;
        response.map(tonic::Response::into_inner).map_err(|status| ExportError {
            failure: match status.code() {
                Code::Unimplemented => ExportFailure::Unknown,
                // a status that tonic made of a broken connection has the error as its source
                Code::Unknown | Code::Unavailable if status.source().is_some() => ExportFailure::unreachable(&status),
                code => ExportFailure::Code(code),
            },
            retry_after: retry_delay::from_details(status.details()),
        })
    }
}

/// A codec for messages that are already encoded, and decoded later.
// tonic's own codec would encode the generated messages, which cost ten times as much to make (see `protobuf`).
struct RawCodec;

impl Codec for RawCodec {
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

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
