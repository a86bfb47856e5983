//! The call to the upstream that a request made.

use crate::redact::ResponseIds;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// The call to the upstream, and the attempt before it if that one was not sent.
#[derive(Clone, Debug)]
pub struct UpstreamCall {
    /// When the attempt started, as wall clock for spans.
    pub started: SystemTime,
    /// From the start of the attempt to the response's head or to the failure.
    pub elapsed: Duration,
    /// The status of the upstream's response. `None` if there was none.
    pub status: Option<u16>,
    /// The ids of the upstream's response.
    pub ids: ResponseIds,
    /// Whether an idle connection was reused.
    pub reused: bool,
    /// Time to open a new connection, including TLS.
    pub connect: Option<Duration>,
    /// Time of the TLS handshake of a new connection.
    pub tls: Option<Duration>,
    /// The upstream's address.
    pub peer: Option<SocketAddr>,
    /// The HTTP version of the connection, such as `1.1`. `None` if there was no connection.
    pub protocol_version: Option<&'static str>,
    /// Bytes of a streamed body sent before the response began. `None` for a buffered body.
    pub streamed: Option<u64>,
    /// The attempt before this one. There is at most one, as only a reused idle connection can turn out to be closed.
    pub unsent: Option<UnsentAttempt>,
}

/// An attempt of which no byte can have left, because the upstream had closed the idle connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsentAttempt {
    /// When it started, as wall clock for spans.
    pub started: SystemTime,
    /// From its start to the failure.
    pub elapsed: Duration,
    /// The upstream's address.
    pub peer: Option<SocketAddr>,
    /// The HTTP version of the connection.
    pub protocol_version: Option<&'static str>,
}

impl UpstreamCall {
    /// An attempt that starts now.
    pub fn begin() -> Self {
        Self {
            started: SystemTime::now(),
            elapsed: Duration::ZERO,
            status: None,
            ids: ResponseIds::default(),
            reused: false,
            connect: None,
            tls: None,
            peer: None,
            protocol_version: None,
            streamed: None,
            unsent: None,
        }
    }
}
