//! Requests to the admin listener of a running gateway.

use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Collected, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// Longest time to a connection, and to the head of the response.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest text of an error that is read, in bytes.
// it need not be a gateway that responds: no more is read than fits some lines
const LONGEST_ERROR: usize = 512;

/// The admin listener of a gateway.
#[derive(Clone, Debug)]
pub(super) struct AdminListener(Authority);

/// Why the listener did not serve a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdminError {
    #[error("`--admin` must be a URL such as `http://127.0.0.1:9465`, without a user name")]
    Url,
    #[error("no gateway responds at {at}: {why}; `--admin` names its admin listener")]
    Unreachable { at: String, why: String },
    #[error("{at} does not serve this: {status} {why}")]
    Refused { at: String, status: u16, why: String },
}

impl AdminListener {
    /// The listener at a URL without a path.
    pub(super) fn parse(url: &str) -> Result<Self, AdminError> {
        let url: Uri = url.parse().map_err(|_| AdminError::Url)?;
        let authority = url.authority().filter(|authority| authority.port().is_some()).ok_or(AdminError::Url)?;
        // no user name: the listener takes none, and the URL is printed if no gateway responds
        let has_user = authority.as_str().contains('@');
        if has_user || url.scheme() != Some(&Scheme::HTTP) || !["", "/"].contains(&url.path()) {
            return Err(AdminError::Url);
        }
        Ok(Self(authority.clone()))
    }

    /// The listener at `address`; that of this machine if the address is the one for all interfaces.
    pub(super) fn at(address: SocketAddr) -> Result<Self, AdminError> {
        let mut address = address;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { [0, 0, 0, 0, 0, 0, 0, 1].into() });
        }
        Self::parse(&format!("http://{address}"))
    }

    /// Sends a GET of `target`, and returns the response if its status is a success.
    pub(super) async fn get(&self, target: &str) -> Result<Response<Incoming>, AdminError> {
        let response = self.send(Method::GET, target, PATIENCE).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let why = read(response, LONGEST_ERROR).await.unwrap_or_default();
        Err(AdminError::Refused { at: self.to_string(), status, why: why.trim().to_owned() })
    }

    /// As [`AdminListener::get`], with the whole body as text, if it has at most `most` bytes.
    pub(super) async fn get_text(&self, target: &str, most: usize) -> Result<String, AdminError> {
        self.text(self.get(target).await?, most).await
    }

    /// Sends a POST of `target`, and returns the status and the whole body as text, if it has at most `most` bytes. The response may
    /// take `patience`.
    pub(super) async fn post(
        &self,
        target: &str,
        patience: Duration,
        most: usize,
    ) -> Result<(StatusCode, String), AdminError> {
        let response = self.send(Method::POST, target, patience).await?;
        Ok((response.status(), self.text(response, most).await?))
    }

    async fn text(&self, response: Response<Incoming>, most: usize) -> Result<String, AdminError> {
        let body = read(response, most).await;
        body.ok_or_else(|| AdminError::Unreachable { at: self.to_string(), why: "the response breaks off".to_owned() })
    }

    async fn send(&self, method: Method, target: &str, patience: Duration) -> Result<Response<Incoming>, AdminError> {
        let response = pingora_timeout::timeout(patience, self.try_to_send(method, target)).await;
        let response = response.unwrap_or_else(|_| Err("it takes too long".to_owned()));
        response.map_err(|why| AdminError::Unreachable { at: self.to_string(), why })
    }

    async fn try_to_send(&self, method: Method, target: &str) -> Result<Response<Incoming>, String> {
        let host = self.0.host().trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, self.0.port_u16().unwrap_or_default())).await;
        let stream = stream.map_err(|error| error.kind().to_string())?;
        // by address: the admin listener refuses host names, against DNS rebinding
        let peer = stream.peer_addr().map_err(|error| error.kind().to_string())?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        let request = Request::builder().method(method).uri(target).header("host", peer.to_string());
        let request = request.body(Empty::<bytes::Bytes>::new());
        sender.send_request(request.map_err(|error| error.to_string())?).await.map_err(|error| error.to_string())
    }
}

/// The body as text; `None` if it is longer than `most`, takes too long or breaks off.
async fn read(response: Response<Incoming>, most: usize) -> Option<String> {
    let body = Limited::new(response.into_body(), most).collect();
    let body = pingora_timeout::timeout(PATIENCE, body).await.ok()?.map(Collected::to_bytes).ok()?;
    Some(String::from_utf8_lossy(&body).into_owned())
}

impl fmt::Display for AdminListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}
