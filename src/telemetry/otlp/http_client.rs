//! The HTTP/1.1 client for OTLP over HTTP: one connection, kept alive, as there is one batch at a time.

use super::connection::{BoxError, Connector};
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::sync::Mutex;

/// Longest answer that is read; a collector says at most a few words.
const LONGEST_ANSWER: usize = 64 << 10;

type Sender = SendRequest<Full<Bytes>>;

/// Sends batches to the collector. Runs on a tokio runtime; its deadline is the exporter's.
#[derive(Debug)]
pub(super) struct CollectorClient {
    connector: Connector,
    kept: Mutex<Option<Sender>>,
}

impl CollectorClient {
    /// A client that connects with `connector`.
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector, kept: Mutex::new(None) }
    }

    /// The kept connection if it still lives, else a new one.
    async fn sender(&self, kept: Option<Sender>, uri: Uri) -> Result<Sender, BoxError> {
        if let Some(mut sender) = kept
            && sender.ready().await.is_ok()
        {
            return Ok(sender);
        }
        let stream = self.connector.clone().connect(uri).await?;
        let (sender, connection) = handshake(stream).await?;
        // ends when the sender is dropped or the collector closes; what went wrong shows in the next request
        tokio::spawn(connection);
        Ok(sender)
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // held to the end: batches go one after another; a request given up at its deadline drops its connection
        let mut kept = self.kept.lock().await;
        let mut sender = self.sender(kept.take(), request.uri().clone()).await?;
        let response = sender.send_request(origin_form(request)?).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await?.to_bytes();
        *kept = Some(sender);
        Ok(Response::from_parts(head, body))
    }
}

/// The request as an origin server takes it (RFC 9112 section 3.2.1): path and query in its line, authority in `Host`.
/// Credentials in the authority are left out.
fn origin_form(request: Request<Bytes>) -> Result<Request<Full<Bytes>>, BoxError> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    head.headers.insert(HOST, HeaderValue::from_str(host)?);
    head.uri = head.uri.path_and_query().map_or("/", |target| target.as_str()).parse()?;
    Ok(Request::from_parts(head, Full::new(body)))
}

#[cfg(test)]
mod tests {
    use super::origin_form;
    use bytes::Bytes;
    use http::Request;

    #[test]
    fn a_request_names_its_host_but_no_credentials() {
        let request = Request::post("http://user:word@collector:4318/v1/traces?a").body(Bytes::new()).unwrap();
        let request = origin_form(request).unwrap();
        assert_eq!(request.headers()["host"], "collector:4318");
        assert_eq!(request.uri(), "/v1/traces?a");
    }
}
