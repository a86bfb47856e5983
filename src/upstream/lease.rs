//! A connection as one request has it: for itself in HTTP/1.1, with others in HTTP/2.

use super::framing::{for_http1, for_http2};
use super::origin::Origin;
use super::upload::Upload;
use super::{multiplex, pool};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use std::net::SocketAddr;

/// A connection as one request has it. Dropping it lets the connection go: one in HTTP/1.1 closes.
pub(super) enum Lease {
    /// In HTTP/1.1.
    Whole(pool::Lease),
    /// In HTTP/2.
    Stream(multiplex::Stream),
}

impl Lease {
    pub(super) fn peer(&self) -> SocketAddr {
        match self {
            Self::Whole(lease) => lease.peer(),
            Self::Stream(stream) => stream.peer(),
        }
    }

    /// The version of HTTP spoken, as OpenTelemetry writes it.
    pub(super) const fn protocol_version(&self) -> &'static str {
        match self {
            Self::Whole(_) => "1.1",
            Self::Stream(_) => "2",
        }
    }

    /// Sends `request` to `origin`, in the connection's version of HTTP.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Upload>,
        origin: &Origin,
    ) -> Result<Response<Incoming>, TrySendError<Request<Upload>>> {
        match self {
            Self::Whole(lease) => {
                for_http1(&mut request, origin);
                lease.sender.try_send_request(request).await
            }
            Self::Stream(stream) => {
                for_http2(&mut request, origin);
                stream.sender.try_send_request(request).await
            }
        }
    }

    /// Keeps the connection for another request. To be called only when the answer has been read to its end.
    pub(super) fn give_back(self) {
        if let Self::Whole(lease) = self {
            lease.give_back();
        }
    }
}
