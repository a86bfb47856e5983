//! The data plane without the gateway's layers: a server that streams every request to one upstream.

use super::handler::Handler;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use portcullis::budget::{BudgetLimits, ClientBudget};
use portcullis::config::gateway::{UpstreamConfig as UpstreamSettings, UpstreamHttp2, UpstreamTarget};
use portcullis::server::{BoundListener, Server, ServerSettings, listen};
use portcullis::telemetry::ServerMetrics;
use portcullis::upstream::{Origin, UpstreamBody, UpstreamClient, UpstreamConnector, UpstreamResponseBody};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// `ServerSettings` that no test should run into.
pub(crate) fn settings() -> ServerSettings {
    ServerSettings {
        workers: 1,
        connections: 100,
        header_bytes: 32 * 1024,
        header_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(10),
        connection_age: Duration::from_secs(3600),
    }
}

/// A budget that no test should run into.
pub(crate) fn budget() -> Arc<ClientBudget> {
    ClientBudget::new(BudgetLimits { connections: 1000, requests: 1000, bytes: 1 << 30, client_share: 1.0 })
}

/// `UpstreamClient` settings that no test should run into.
pub(crate) fn upstream_settings() -> UpstreamSettings {
    UpstreamSettings {
        target: UpstreamTarget::Embedded,
        ca_file: None,
        client: None,
        proxy: None,
        resolve: Vec::new(),
        http2: UpstreamHttp2::Auto,
        connect_timeout: Duration::from_secs(10),
        response_timeout: Duration::from_secs(10),
        upload_timeout: Duration::from_secs(10),
        stall_timeout: Duration::from_secs(10),
    }
}

/// The upstream at `address` over plain HTTP.
pub(crate) fn upstream(address: SocketAddr) -> UpstreamClient {
    upstream_with(address, &upstream_settings())
}

/// The upstream at `address` over plain HTTP, with these deadlines.
pub(crate) fn upstream_with(address: SocketAddr, settings: &UpstreamSettings) -> UpstreamClient {
    let origin = Origin::new(false, &address.ip().to_string(), address.port()).unwrap();
    UpstreamClient::new(UpstreamConnector::new(origin, settings).unwrap())
}

/// A proxy to `upstream` on a free port.
pub(crate) fn proxy(upstream: SocketAddr, settings: &UpstreamSettings) -> (Server, SocketAddr) {
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    proxy_on(listener, upstream, settings)
}

/// A proxy to `upstream` on this socket.
pub(crate) fn proxy_on(listener: TcpListener, upstream: SocketAddr, to: &UpstreamSettings) -> (Server, SocketAddr) {
    let address = listener.local_addr().unwrap();
    let to = to.clone();
    let server = Server::start(
        vec![BoundListener::plain(listener)],
        settings(),
        &ServerMetrics::default(),
        &budget(),
        move |_worker| {
            let upstream = Arc::new(upstream_with(upstream, &to));
            move |_peer| {
                let upstream = Arc::clone(&upstream);
                Handler(move |request| forward(Arc::clone(&upstream), request))
            }
        },
    );
    (server.unwrap(), address)
}

async fn forward(
    upstream: Arc<UpstreamClient>,
    request: Request<Incoming>,
) -> Response<Either<UpstreamResponseBody, Full<Bytes>>> {
    match upstream.send(request.map(UpstreamBody::Streamed)).await {
        Ok((answer, _)) => answer.map(Either::Left),
        Err((error, _)) => {
            let mut refusal = Response::new(Either::Right(Full::from(error.to_string())));
            *refusal.status_mut() = StatusCode::BAD_GATEWAY;
            refusal
        }
    }
}
