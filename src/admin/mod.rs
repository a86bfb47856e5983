//! The admin listener: health, metrics, the configuration and policies in force, decisions as they are made, and the log level.
//!
//! [`router`] has every path; `/` lists them. Of a request, the listener shows only what its request record holds.

mod caller;
mod config;
mod decisions;
mod index;
mod log_level;
mod policies;
mod readiness;

pub use readiness::{Phase, Readiness};

use crate::config::gateway::Gateway;
use crate::gateway::Gate;
use crate::telemetry::{LevelHandle, Telemetry};
use axum::Router;
use axum::extract::State as Extract;
use axum::middleware::from_fn;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// The `OpenMetrics` text format, version 1.0.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Prometheus' own text format, version 0.0.4.
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The state that the admin listener reads.
#[derive(Clone, Debug)]
pub struct AdminState {
    /// The source of metrics and decisions.
    pub telemetry: Telemetry,
    /// The configuration in force.
    pub config: Arc<Gateway>,
    /// The policies and the contract in force.
    pub gate: Arc<Gate>,
    /// The phase that the probes report.
    pub readiness: Readiness,
    /// The level of the gateway's own log, which `/log-level` changes.
    pub level: LevelHandle,
}

/// Maximum number of connections; more wait in the accept queue.
const MAX_CONNECTIONS: usize = 64;
/// Timeout for the head of a request, and for an idle connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after an accept error that would recur at once, such as no free file descriptor.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Serves on `listener` until `shutdown` completes.
///
/// Connections and times are bounded apart from those of the gateway, so that a client of this listener cannot exhaust memory
/// or file descriptors of the data plane.
pub async fn serve(listener: TcpListener, state: AdminState, shutdown: impl Future<Output = ()>) {
    let (router, limit) = (router(state), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = shutdown.as_mut() => return,
            accepted = accept(&listener, &limit) => accepted,
            // finished tasks are joined, else the set grows with each connection
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, permit)) => {
                let router = router.clone();
                connections.spawn(async move {
                    let service = TowerToHyperService::new(router);
                    let mut http = http1::Builder::new();
                    // without a timer hyper applies no timeout
                    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
                    // not logged: scrapers close their connections as they like
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "the admin listener cannot accept a connection");
                pingora_timeout::sleep(BACK_OFF).await;
            }
        }
    }
}

async fn accept(listener: &TcpListener, limit: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    // the permit before the accept: connections beyond the limit wait in the kernel's queue and hold no descriptor of ours
    let permit = Arc::clone(limit).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

/// The routes of the admin listener.
pub fn router(state: AdminState) -> Router {
    // the paths that show or change more than health are closed to web pages, which can reach a loopback listener
    let no_pages = Router::new()
        .route("/decisions", get(decisions::decisions))
        .route("/policies", get(policies_in_force))
        .route("/config", get(config_in_force))
        .route("/log-level", get(log_level::current).put(log_level::change))
        .route_layer(from_fn(caller::no_page));
    Router::new()
        .route("/", get(index::index))
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .route("/metrics", get(metrics))
        .merge(no_pages)
        .with_state(state)
}

/// 200 if the gateway takes requests.
async fn readyz(Extract(state): Extract<AdminState>) -> (StatusCode, &'static str) {
    match state.readiness.phase() {
        Phase::Ready => (StatusCode::OK, "ok"),
        phase => (StatusCode::SERVICE_UNAVAILABLE, phase.as_str()),
    }
}

/// 200 once the gateway has started. A draining gateway has.
async fn startupz(Extract(state): Extract<AdminState>) -> (StatusCode, &'static str) {
    match state.readiness.phase() {
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, Phase::Starting.as_str()),
        Phase::Ready | Phase::Draining => (StatusCode::OK, "ok"),
    }
}

/// `OpenMetrics` if the client accepts it, as Prometheus does; else the older text format, which every scraper reads.
async fn metrics(Extract(state): Extract<AdminState>, headers: HeaderMap) -> impl IntoResponse {
    let accepted = headers.get_all(ACCEPT).iter().any(|value| {
        value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("application/openmetrics-text"))
    });
    if accepted {
        ([(CONTENT_TYPE, OPENMETRICS)], state.telemetry.metrics_text())
    } else {
        ([(CONTENT_TYPE, PLAIN)], state.telemetry.metrics_plain_text())
    }
}

async fn config_in_force(Extract(state): Extract<AdminState>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], format!("{:#}\n", config::to_json(&state.config)))
}

async fn policies_in_force(Extract(state): Extract<AdminState>) -> impl IntoResponse {
    let policies = policies::in_force(&state.gate.bundle.load(), SystemTime::now());
    ([(CONTENT_TYPE, "application/json")], format!("{policies:#}\n"))
}
