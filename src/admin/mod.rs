//! Health, readiness and metrics for operators. Nothing of a request is shown here.

mod readiness;

pub use readiness::{Phase, Readiness};

use crate::telemetry::Telemetry;
use axum::Router;
use axum::extract::State as Extract;
use axum::response::IntoResponse;
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use std::io;
use tokio::net::TcpListener;

/// The `OpenMetrics` text format, version 1.0.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the admin listener tells.
#[derive(Clone, Debug)]
pub struct State {
    /// Where the metrics are.
    pub telemetry: Telemetry,
    /// Whether requests are welcome.
    pub readiness: Readiness,
}

/// Serves on `listener` until `shutdown` completes and the answers begun before are sent.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: State,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, router(state)).with_graceful_shutdown(shutdown).await
}

/// Every path of the admin listener.
pub fn router(state: State) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .route("/metrics", get(metrics))
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

async fn metrics(Extract(state): Extract<State>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPENMETRICS)], state.telemetry.metrics_text())
}
