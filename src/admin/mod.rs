//! Health, readiness, metrics, the configuration and the policies in force, decisions as they are made and the log's level, for operators. Of a
//! request nothing is shown but what its record holds.

mod caller;
mod config;
mod decisions;
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

/// What the admin listener tells.
#[derive(Clone, Debug)]
pub struct State {
    /// Where the metrics are.
    pub telemetry: Telemetry,
    /// What the gateway was told.
    pub config: Arc<Gateway>,
    /// By what requests are judged.
    pub gate: Arc<Gate>,
    /// Whether requests are welcome.
    pub readiness: Readiness,
    /// The level of the gateway's own log.
    pub level: LevelHandle,
}

/// Most connections at once; the others wait.
const CONNECTIONS: usize = 64;
/// Longest time for a request's head to arrive, and for a connection to idle: longer than a scraper's interval is no use.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after an error that would come again at once, such as no free file descriptor.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Serves on `listener` until `shutdown` completes.
///
/// It keeps bounds of its own, so that no one who reaches it holds the gateway's memory or descriptors.
pub async fn serve(listener: TcpListener, state: State, shutdown: impl Future<Output = ()>) {
    let (router, limit) = (router(state), Arc::new(Semaphore::new(CONNECTIONS)));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = shutdown.as_mut() => return,
            accepted = accept(&listener, &limit) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, permit)) => {
                let router = router.clone();
                connections.spawn(async move {
                    let service = TowerToHyperService::new(router);
                    let mut http = http1::Builder::new();
                    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
                    // how a scraper's connection ends concerns no one
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
    let permit = Arc::clone(limit).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

/// Every path of the admin listener.
pub fn router(state: State) -> Router {
    let no_pages = Router::new()
        .route("/decisions", get(decisions::decisions))
        .route("/policies", get(in_force))
        .route("/config", get(told))
        .route("/log-level", get(log_level::tell).put(log_level::change))
        .route_layer(from_fn(caller::no_page));
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .route("/metrics", get(metrics))
        .merge(no_pages)
        .with_state(state)
}

/// Whether to send requests here.
async fn readyz(Extract(state): Extract<State>) -> (StatusCode, &'static str) {
    match state.readiness.phase() {
        Phase::Ready => (StatusCode::OK, "ok"),
        phase => (StatusCode::SERVICE_UNAVAILABLE, phase.as_str()),
    }
}

/// Whether the start is over; draining comes after it.
async fn startupz(Extract(state): Extract<State>) -> (StatusCode, &'static str) {
    match state.readiness.phase() {
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, Phase::Starting.as_str()),
        Phase::Ready | Phase::Draining => (StatusCode::OK, "ok"),
    }
}

/// In `OpenMetrics` for who asks for that, as Prometheus does, else in the older format that everyone reads.
async fn metrics(Extract(state): Extract<State>, headers: HeaderMap) -> impl IntoResponse {
    let accepted = headers.get_all(ACCEPT).iter().any(|value| {
        value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("application/openmetrics-text"))
    });
    if accepted {
        ([(CONTENT_TYPE, OPENMETRICS)], state.telemetry.metrics_text())
    } else {
        ([(CONTENT_TYPE, PLAIN)], state.telemetry.metrics_plain_text())
    }
}

async fn told(Extract(state): Extract<State>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], format!("{:#}\n", config::shown(&state.config)))
}

async fn in_force(Extract(state): Extract<State>) -> impl IntoResponse {
    let told = policies::in_force(&state.gate.bundle.load(), SystemTime::now());
    ([(CONTENT_TYPE, "application/json")], format!("{told:#}\n"))
}
