//! Tunnels through an HTTP proxy, by CONNECT (RFC 9110 section 9.3.6).

use super::egress_proxy::EgressProxy;
use crate::secret::Secret;
use http::Uri;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Longest head of a proxy's response, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;
/// Most header fields of a proxy's response.
const MOST_FIELDS: usize = 100;

/// Opens tunnels through a proxy to one destination.
#[derive(Clone, Debug)]
pub struct ConnectTunnel {
    /// The whole request, with the credentials.
    request: Secret<Vec<u8>>,
    has_credentials: bool,
}

/// Why a proxy did not open a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TunnelError {
    /// It requires credentials, and there are none.
    #[error("requires credentials (407): write them into its URL, as `http://USER:PASSWORD@HOST:PORT`")]
    CredentialsRequired,
    /// It does not accept the credentials.
    #[error("does not accept the credentials in its URL (407)")]
    CredentialsRefused,
    /// It responded with this status.
    #[error("refused to connect: it responded with {0}")]
    Refused(u16),
    /// Its response is no HTTP, has a head that is too long, or is followed by bytes before anything was sent.
    #[error("responded with invalid HTTP")]
    Garbage,
    /// It closed the connection before its response.
    #[error("closed the connection before it responded")]
    Closed,
}

impl ConnectTunnel {
    /// Tunnels through `proxy` to the host and port of `destination`.
    pub fn new(proxy: &EgressProxy, destination: &Uri) -> Self {
        let is_tls = destination.scheme() == Some(&http::uri::Scheme::HTTPS);
        let port = destination.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let host = destination.host().unwrap_or_default();
        let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
        if let Some(authorization) = &proxy.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.expose().as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        Self { request: Secret::new(request), has_credentials: proxy.authorization.is_some() }
    }

    /// Opens a tunnel over a new connection to the proxy. What follows on `stream` is the destination's. There is no deadline here:
    /// the caller has one for the whole connection.
    ///
    /// # Errors
    ///
    /// [`TunnelError`], after which the connection cannot be used.
    pub async fn open<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut S) -> Result<(), TunnelError> {
        stream.write_all(self.request.expose()).await.map_err(|_| TunnelError::Closed)?;
        stream.flush().await.map_err(|_| TunnelError::Closed)?;
        let mut head = Vec::with_capacity(512);
        loop {
            // also at its bound a read adds one byte at least, and the head is too long then
            let read = stream.read_buf(&mut head).await.map_err(|_| TunnelError::Closed)?;
            if read == 0 {
                return Err(TunnelError::Closed);
            }
            if let Some(status) = status_of(&head)? {
                return self.check(status);
            }
            if head.len() >= LONGEST_HEAD {
                return Err(TunnelError::Garbage);
            }
        }
    }

    fn check(&self, status: u16) -> Result<(), TunnelError> {
        match status {
            200..=299 => Ok(()),
            407 if self.has_credentials => Err(TunnelError::CredentialsRefused),
            407 => Err(TunnelError::CredentialsRequired),
            100..=199 => Err(TunnelError::Garbage),
            status => Err(TunnelError::Refused(status)),
        }
    }
}

/// The status of a response. `None` if its head is not complete.
fn status_of(bytes: &[u8]) -> Result<Option<u16>, TunnelError> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(bytes).map_err(|_| TunnelError::Garbage)?;
    let (httparse::Status::Complete(end), Some(status)) = (parsed, response.code) else { return Ok(None) };
    // a destination is silent until it is sent something, so that such bytes are the proxy's: they would be read as a response
    if (200..300).contains(&status) && bytes.len() > end { Err(TunnelError::Garbage) } else { Ok(Some(status)) }
}

#[cfg(test)]
mod tests {
    use super::{ConnectTunnel, EgressProxy, LONGEST_HEAD, TunnelError};
    use http::Uri;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// What a proxy at `url` is sent, and the result of its response.
    async fn open(url: &str, to: &'static str, response: &[u8]) -> (String, Result<(), TunnelError>) {
        let tunnel = ConnectTunnel::new(&EgressProxy::parse(url).unwrap(), &Uri::from_static(to));
        assert!(!format!("{tunnel:?}").contains("CONNECT"));
        let (mut ours, mut theirs) = tokio::io::duplex(2 * LONGEST_HEAD);
        theirs.write_all(response).await.unwrap();
        theirs.shutdown().await.unwrap();
        let result = tunnel.open(&mut ours).await;
        drop(ours);
        let mut sent = String::new();
        theirs.read_to_string(&mut sent).await.unwrap();
        (sent, result)
    }

    async fn result_of(url: &str, response: &[u8]) -> Result<(), TunnelError> {
        open(url, "https://api.clerk.com/", response).await.1
    }

    #[tokio::test]
    async fn the_request_names_host_port_and_credentials() {
        let ok = b"HTTP/1.1 200 Connection established\r\n\r\n";
        let (sent, result) = open("http://proxy:3128", "https://api.clerk.com/", ok).await;
        assert_eq!(
            (result, sent.as_str()),
            (Ok(()), "CONNECT api.clerk.com:443 HTTP/1.1\r\nHost: api.clerk.com:443\r\n\r\n")
        );
        let (sent, result) = open("http://user:word@proxy:3128", "http://[fd00::5]:8080/", ok).await;
        let expected = "CONNECT [fd00::5]:8080 HTTP/1.1\r\nHost: [fd00::5]:8080\r\nProxy-Authorization: Basic dXNlcjp3b3Jk\r\n\r\n";
        assert_eq!((result, sent.as_str()), (Ok(()), expected));
    }

    #[tokio::test]
    async fn each_refusal_has_its_name() {
        let of = async |response: &str| result_of("http://proxy", response.as_bytes()).await;
        assert_eq!(of("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n").await, Ok(()), "it has no body");
        assert_eq!(of("HTTP/1.1 407 No\r\n\r\nwho are you").await, Err(TunnelError::CredentialsRequired));
        assert_eq!(of("HTTP/1.1 403 No\r\n\r\n").await, Err(TunnelError::Refused(403)));
        assert_eq!(of("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n").await, Err(TunnelError::Refused(302)));
        assert_eq!(of("SSH-2.0-OpenSSH\r\n\r\n").await, Err(TunnelError::Garbage));
        assert_eq!(of("HTTP/1.1 100 Continue\r\n\r\n").await, Err(TunnelError::Garbage));
        assert_eq!(of("HTTP/1.1 200 OK\r\n").await, Err(TunnelError::Closed));
        assert_eq!(of("").await, Err(TunnelError::Closed));
        let refused = result_of("http://a:b@proxy", b"HTTP/1.1 407 No\r\n\r\n").await;
        assert_eq!(refused, Err(TunnelError::CredentialsRefused));
    }

    #[tokio::test]
    async fn a_response_that_comes_before_its_request_is_refused() {
        let early = b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(result_of("http://proxy", early).await, Err(TunnelError::Garbage));
    }

    #[tokio::test]
    async fn a_head_is_read_to_a_bound() {
        let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(LONGEST_HEAD));
        assert_eq!(result_of("http://proxy", long.as_bytes()).await, Err(TunnelError::Garbage));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: x\r\n".repeat(101));
        assert_eq!(result_of("http://proxy", many.as_bytes()).await, Err(TunnelError::Garbage));
    }
}
