//! The connection of one request: its own in HTTP/1.1, shared with others in HTTP/2.

use super::framing::{for_http1, for_http2};
use super::origin::Origin;
use super::upload::Upload;
use super::{http1_pool, http2_pool};
use http::Request;
use std::net::SocketAddr;

/// The connection of one request. Dropping it closes an HTTP/1.1 connection, and ends the use of an HTTP/2 one.
// closing is the default, so that a connection with an unread rest of a response is never used again
pub(super) enum UpstreamConnection {
    /// Of the worker's pool, for this request alone.
    Http1(http1_pool::PooledConnection),
    /// One stream of a connection that requests share.
    Http2(http2_pool::Http2Stream),
}

impl UpstreamConnection {
    /// The address of the other end. `None` for a Unix socket.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Http1(lease) => lease.peer(),
            Self::Http2(stream) => stream.peer(),
        }
    }

    /// The version of HTTP, as OpenTelemetry writes it (`network.protocol.version`).
    pub(super) const fn protocol_version(&self) -> &'static str {
        match self {
            Self::Http1(_) => "1.1",
            Self::Http2(_) => "2",
        }
    }

    /// Whether requests share it.
    pub(super) const fn is_http2(&self) -> bool {
        matches!(self, Self::Http2(_))
    }

    /// Whether the upstream sent too many interim responses on it.
    pub(super) fn has_excess_interim_responses(&self) -> bool {
        match self {
            Self::Http1(lease) => lease.interim().is_exceeded(),
            Self::Http2(stream) => stream.interim().is_exceeded(),
        }
    }

    /// Completes the head of `request` to `origin` for the connection's version of HTTP.
    pub(super) fn complete(&self, request: &mut Request<Upload>, origin: &Origin) {
        match self {
            Self::Http1(lease) => {
                for_http1(request, origin);
                lease.interim().count_for(request);
            }
            Self::Http2(_) => for_http2(request, origin),
        }
    }

    /// Returns the connection to the pool. Must be called only when the response has been read to its end.
    pub(super) fn give_back(self) {
        if let Self::Http1(lease) = self {
            lease.give_back();
        }
    }
}
