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
    /// Why no connection could be opened.
    pub unconnected: Option<UnconnectedCause>,
    /// Time of the TLS handshake of a new connection.
    pub tls: Option<Duration>,
    /// The upstream's address.
    pub peer: Option<SocketAddr>,
    /// The HTTP version of the connection, such as `1.1`. `None` if there was no connection.
    pub protocol_version: Option<&'static str>,
    /// Bytes of a streamed body sent before the response began. `None` for a buffered body.
    pub streamed: Option<u64>,
    /// The attempt before this one. There is at most one: a request is sent again once.
    pub unsent: Option<UnsentAttempt>,
}

/// An attempt that the upstream cannot have processed.
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
    /// Whether an idle connection was reused.
    pub reused: bool,
    /// Why the upstream cannot have processed it.
    pub cause: UnsentCause,
}

/// Why the upstream cannot have processed a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsentCause {
    /// The idle connection was closed, so that no byte can have left.
    Closed,
    /// It refused the HTTP/2 stream (`REFUSED_STREAM`).
    RefusedStream,
    /// It ended the HTTP/2 connection with an earlier stream as the last (`GOAWAY`).
    GoneAway,
    /// It requires HTTP/1.1 (`HTTP_1_1_REQUIRED`).
    Http1Required,
}

/// Why no connection to the upstream could be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnconnectedCause {
    /// Its name has no address.
    Name,
    /// It refuses connections.
    Refused,
    /// The connect timeout was reached.
    Timeout,
    /// Its certificate is not acceptable.
    Certificate,
    /// The TLS handshake failed for another reason, or the connection broke off in it.
    Handshake,
    /// This process has no free file descriptor.
    NoDescriptor,
    /// It is this gateway.
    Itself,
    /// The name of the proxy has no address.
    ProxyName,
    /// The proxy refuses connections.
    ProxyRefused,
    /// The proxy did not connect within the connect timeout.
    ProxyTimeout,
    /// The proxy requires credentials, or others.
    ProxyCredentials,
    /// The proxy responded with another status that is no success.
    ProxyStatus,
    /// The proxy closed the connection, or its response is no HTTP.
    ProxyResponse,
    /// The request ended before.
    Unfinished,
}

impl UnconnectedCause {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Name,
        Self::Refused,
        Self::Timeout,
        Self::Certificate,
        Self::Handshake,
        Self::NoDescriptor,
        Self::Itself,
        Self::ProxyName,
        Self::ProxyRefused,
        Self::ProxyTimeout,
        Self::ProxyCredentials,
        Self::ProxyStatus,
        Self::ProxyResponse,
        Self::Unfinished,
    ];

    /// The failure as a label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Certificate => "certificate",
            Self::Handshake => "handshake",
            Self::NoDescriptor => "no_descriptor",
            Self::Itself => "itself",
            Self::ProxyName => "proxy_name",
            Self::ProxyRefused => "proxy_refused",
            Self::ProxyTimeout => "proxy_timeout",
            Self::ProxyCredentials => "proxy_credentials",
            Self::ProxyStatus => "proxy_status",
            Self::ProxyResponse => "proxy_response",
            Self::Unfinished => "unfinished",
        }
    }
}

impl UnsentCause {
    /// The cause as an `error.type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "connection_closed",
            Self::RefusedStream => "refused_stream",
            Self::GoneAway => "go_away",
            Self::Http1Required => "http_1_1_required",
        }
    }
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
            unconnected: None,
            tls: None,
            peer: None,
            protocol_version: None,
            streamed: None,
            unsent: None,
        }
    }
}
