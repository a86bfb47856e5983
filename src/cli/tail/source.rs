//! Where decisions come from: the admin listener of a gateway.

use super::TailArgs;
use http::uri::{Authority, Scheme};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Collected, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;
use std::time::Duration;
use tokio::net::TcpStream;

/// Longest time to a connection, and to the head of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest silence; the gateway sends a line, empty if need be, three times as often.
const SILENCE: Duration = Duration::from_secs(45);
/// Longest line that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Where decisions come from, and which.
pub(super) struct DecisionSource {
    authority: Authority,
    target: String,
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceError {
    #[error("`--admin` must be a URL such as `http://127.0.0.1:9465`, without a user name")]
    Url,
    #[error("no gateway responds at {at}: {why}; `--admin` names its admin listener")]
    Unreachable { at: String, why: String },
    #[error("{at} does not serve its decisions: {status} {why}")]
    Refused { at: String, status: u16, why: String },
}

impl DecisionSource {
    pub(super) fn new(args: &TailArgs) -> Result<Self, SourceError> {
        let url: Uri = args.admin.parse().map_err(|_| SourceError::Url)?;
        let authority = url.authority().filter(|authority| authority.port().is_some()).ok_or(SourceError::Url)?;
        // no user name: the listener takes none, and the URL is printed if no gateway responds
        let has_user = authority.as_str().contains('@');
        if has_user || url.scheme() != Some(&Scheme::HTTP) || !["", "/"].contains(&url.path()) {
            return Err(SourceError::Url);
        }
        let listed = |names: &[String]| utf8_percent_encode(&names.join(","), NON_ALPHANUMERIC).to_string();
        let (decision, policy, operation) = (listed(&args.decision), listed(&args.policy), listed(&args.operation));
        let target = format!("/decisions?decision={decision}&policy={policy}&operation={operation}");
        Ok(Self { authority: authority.clone(), target })
    }

    /// Asks for decisions.
    pub(super) async fn open(&self) -> Result<DecisionLines, SourceError> {
        let answer = pingora_timeout::timeout(PATIENCE, self.ask()).await;
        let answer = answer.unwrap_or_else(|_| Err("it takes too long".to_owned()));
        let answer = answer.map_err(|why| SourceError::Unreachable { at: self.to_string(), why })?;
        if answer.status().is_success() {
            return Ok(DecisionLines { body: answer.into_body(), buffer: Vec::new() });
        }
        let status = answer.status().as_u16();
        // it need not be a gateway that responds: no more is read than fits a line
        let why = Limited::new(answer.into_body(), 256).collect().await.map(Collected::to_bytes).unwrap_or_default();
        Err(SourceError::Refused { at: self.to_string(), status, why: String::from_utf8_lossy(&why).trim().to_owned() })
    }

    async fn ask(&self) -> Result<http::Response<Incoming>, String> {
        let host = self.authority.host().trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, self.authority.port_u16().unwrap_or_default())).await;
        let stream = stream.map_err(|error| error.kind().to_string())?;
        // by address: the admin listener refuses host names, against DNS rebinding
        let peer = stream.peer_addr().map_err(|error| error.kind().to_string())?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        let request = Request::get(&self.target).header("host", peer.to_string()).body(Empty::<bytes::Bytes>::new());
        sender.send_request(request.map_err(|error| error.to_string())?).await.map_err(|error| error.to_string())
    }
}

impl fmt::Display for DecisionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

/// `DecisionLines` as they come.
pub(super) struct DecisionLines {
    body: Incoming,
    buffer: Vec<u8>,
}

impl DecisionLines {
    /// The next line that is not empty; `None` after the gateway went away.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                if !line.is_empty() {
                    return Some(line);
                }
            }
            // a connection whose other end vanished is silent for ever
            let frame = pingora_timeout::timeout(SILENCE, self.body.frame()).await.ok()??.ok()?;
            self.buffer.extend_from_slice(&frame.into_data().unwrap_or_default());
            // no gateway sends such a line, and memory must not grow with what another program sends
            if self.buffer.len() > LONGEST {
                return None;
            }
        }
    }
}
