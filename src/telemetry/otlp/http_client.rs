//! OTLP over HTTP/1.1.

use super::connection::{BoxError, OtlpConnector};
use super::failure::{ExportError, ExportFailure};
use super::request::AGENT;
use super::retry_delay;
use crate::transport::{InterimBoundStream, InterimResponses};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::io::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

/// Most bytes of a response that are read. A collector sends a few words.
const LONGEST_RESPONSE: usize = 64 << 10;

/// A connection to the collector.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// The interim responses to the current request.
    interim: Arc<InterimResponses>,
}

/// Sends batches to the collector. Runs on a tokio runtime. It has no deadline of its own; the exporter has.
// One connection is enough, as one batch is sent at a time.
pub(super) struct HttpClient {
    connector: OtlpConnector,
    endpoint: Uri,
    headers: HeaderMap,
    gzip: bool,
    idle: Option<Connection>,
}

impl HttpClient {
    /// A client that connects with `connector` and posts to `endpoint` with `headers`.
    pub(super) fn new(connector: OtlpConnector, endpoint: Uri, mut headers: HeaderMap) -> Self {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        Self { connector, endpoint, headers, gzip: false, idle: None }
    }

    /// Compresses batches with gzip.
    pub(super) fn by_gzip(mut self) -> Self {
        self.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        Self { gzip: true, ..self }
    }

    /// Sends a batch, and returns the body of a successful response.
    // The connection is taken out while it is used and put back at the end: if the exporter's deadline cancels this
    // future, the connection is dropped with its unfinished response.
    pub(super) async fn send(&mut self, batch: Bytes) -> Result<Bytes, ExportError> {
        let batch = if self.gzip { gzip(&batch) } else { batch };
        let (mut connection, response) =
            self.exchange(batch).await.map_err(|error| ExportFailure::unreachable(&*error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST_RESPONSE)
            .collect()
            .await
            .map_err(|error| ExportFailure::unreachable(&*error))?;
        if connection.sender.ready().await.is_ok() {
            self.idle = Some(connection);
        }
        match head.status {
            status if status.is_success() => Ok(body.to_bytes()),
            StatusCode::NOT_FOUND | StatusCode::NOT_IMPLEMENTED => Err(ExportFailure::Unknown.into()),
            status => Err(ExportError {
                failure: ExportFailure::Status(status.as_u16()),
                retry_after: retry_delay::from_headers(&head.headers, SystemTime::now()),
            }),
        }
    }

    async fn exchange(
        &mut self,
        batch: Bytes,
    ) -> Result<(Connection, http::Response<hyper::body::Incoming>), BoxError> {
        let mut request = self.request(batch)?;
        if let Some(mut idle) = self.idle.take() {
            idle.interim.count_for(&mut request);
            match idle.sender.try_send_request(request).await {
                Ok(response) => return Ok((idle.within_bounds()?, response)),
                // the collector closed it while it was idle: nothing of the batch was sent, so it can be sent again
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(failed.into_error().into()),
                },
            }
        }
        let stream = self.connector.clone().connect(self.endpoint.clone()).await?;
        let interim = Arc::<InterimResponses>::default();
        let stream = InterimBoundStream::http1(stream.into_inner(), Arc::clone(&interim));
        let (mut sender, driver) = handshake(TokioIo::new(stream)).await?;
        // ends when the sender is dropped or the collector closes; its error shows in the next request
        tokio::spawn(driver);
        interim.count_for(&mut request);
        let response = sender.send_request(request).await?;
        Ok((Connection { sender, interim }.within_bounds()?, response))
    }

    /// The request in origin form (RFC 9112 section 3.2.1): path and query in the request line, the authority in
    /// `Host`, without credentials.
    fn request(&self, batch: Bytes) -> Result<Request<Full<Bytes>>, BoxError> {
        let mut request = Request::new(Full::new(batch));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.path_and_query().map_or("/", |target| target.as_str()).parse()?;
        *request.headers_mut() = self.headers.clone();
        let authority = self.endpoint.authority().map_or("", |authority| authority.as_str());
        let host = authority.rsplit('@').next().unwrap_or_default();
        request.headers_mut().insert(HOST, HeaderValue::from_str(host)?);
        Ok(request)
    }
}

impl Connection {
    /// Fails if the response came after too many interim ones.
    // the stream breaks off at its next read: those that arrive with the final one are in the same
    fn within_bounds(self) -> Result<Self, BoxError> {
        if self.interim.is_exceeded() { Err("too many interim responses".into()) } else { Ok(self) }
    }
}

/// Compresses a batch.
fn gzip(batch: &[u8]) -> Bytes {
    // the fastest level: batches are repetitive, so higher ones save little for their time on the shared runtime
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // writing to a Vec can't fail
    let _ = encoder.write_all(batch);
    encoder.finish().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::{HttpClient, OtlpConnector};
    use bytes::Bytes;
    use http::{HeaderMap, Uri};

    #[test]
    fn a_request_names_its_host_but_no_credentials() {
        let endpoint = Uri::from_static("http://user:word@collector:4318/v1/traces?a");
        let request =
            HttpClient::new(OtlpConnector::plain(), endpoint, HeaderMap::new()).request(Bytes::new()).unwrap();
        assert_eq!(request.headers()["host"], "collector:4318");
        assert_eq!(request.uri(), "/v1/traces?a");
    }
}
