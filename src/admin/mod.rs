//! The admin listener: health, metrics, the configuration and policies in force, decisions as they are made, and the log level.
//!
//! [`router`] has every path; `/` lists them. Of a request, the listener shows only what its request record holds.

mod caller;
mod config;
mod connection;
mod decisions;
mod index;
mod log_level;
mod metrics;
mod policies;
mod readiness;
mod reload;
mod reload_report;
mod status;

pub use config::to_json as config_to_json;
pub use readiness::{Phase, Readiness};
pub use reload::{ReloadReply, ReloadRequests};
pub use reload_report::{ReloadFault, ReloadReport};
pub use status::LoadStatus;

use crate::config::gateway::Gateway;
use crate::gateway::Gate;
use crate::telemetry::{LevelHandle, Telemetry};
use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::State as Extract;
use axum::middleware::from_fn;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

/// The state that the admin listener reads.
#[derive(Clone, Debug)]
pub struct AdminState {
    /// The source of metrics and decisions.
    pub telemetry: Telemetry,
    /// The configuration in force.
    pub config: Arc<ArcSwap<Gateway>>,
    /// The policies and the contract in force.
    pub gate: Arc<Gate>,
    /// The phase that the probes report.
    pub readiness: Readiness,
    /// The level of the gateway's own log, which `/log-level` changes.
    pub level: LevelHandle,
    /// What was loaded, and how the last reload ended.
    pub status: Arc<ArcSwap<LoadStatus>>,
    /// What takes requests for a reload.
    pub reloads: ReloadRequests,
    /// Where clients reach the gateway.
    pub listen: Arc<[String]>,
}

/// Maximum number of connections that are served every path.
const MAX_CONNECTIONS: usize = 64;
/// Number of connections above those that only the probes get.
const PROBE_CONNECTIONS: usize = 16;
/// The paths of the probes.
const PROBES: [&str; 3] = ["/livez", "/readyz", "/startupz"];
/// The body of `/readyz` if at most an eighth of a budget is free.
const SATURATED: &str = "saturated: at most an eighth of the connections, requests or memory is free";
/// Pause after an accept error that would recur at once, such as no free file descriptor.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Serves on `listener` until `shutdown` completes.
///
/// Connections and times are bounded apart from those of the gateway, so that a client of this listener cannot exhaust memory
/// or file descriptors of the data plane. Above [`MAX_CONNECTIONS`] the probes alone are served, and the oldest connection makes
/// room for the next: however many clients there are that read nothing, a probe gets its response.
pub async fn serve(listener: TcpListener, state: AdminState, shutdown: impl Future<Output = ()>) {
    let (router, limit) = (router(state), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    let mut connections = JoinSet::new();
    let mut for_probes: VecDeque<AbortHandle> = VecDeque::with_capacity(PROBE_CONNECTIONS);
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = shutdown.as_mut() => return connections.detach_all(),
            accepted = listener.accept() => accepted,
            // finished tasks are joined, else the set grows with each connection
            Some(_) = connections.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "the admin listener cannot accept a connection");
                pingora_timeout::sleep(BACK_OFF).await;
                continue;
            }
        };
        let router = router.clone();
        if let Ok(permit) = Arc::clone(&limit).try_acquire_owned() {
            connections.spawn(async move {
                connection::serve(stream, router, false).await;
                drop(permit);
            });
            continue;
        }
        for_probes.retain(|connection| !connection.is_finished());
        if for_probes.len() >= PROBE_CONNECTIONS
            && let Some(oldest) = for_probes.pop_front()
        {
            oldest.abort();
        }
        for_probes.push_back(connections.spawn(connection::serve(stream, router, true)));
    }
}

/// The routes of the admin listener.
pub fn router(state: AdminState) -> Router {
    // the paths that show or change more than health are closed to web pages, which can reach a loopback listener
    let no_pages = Router::new()
        .route("/decisions", get(decisions::decisions))
        .route("/decisions/{id}", get(decisions::refusal))
        .route("/policies", get(policies_in_force))
        .route("/config", get(config_in_force))
        .route("/status", get(status::status))
        .route("/reload", post(reload::reload))
        .route("/log-level", get(log_level::current).put(log_level::change))
        .route_layer(from_fn(caller::no_page));
    Router::new()
        .route("/", get(index::index))
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .route("/metrics", get(metrics::metrics))
        .merge(no_pages)
        .with_state(state)
}

/// 200 if the gateway takes requests, and has room for more.
async fn readyz(Extract(state): Extract<AdminState>) -> (StatusCode, &'static str) {
    match state.readiness.phase() {
        Phase::Ready if state.gate.budget.is_saturated() => (StatusCode::SERVICE_UNAVAILABLE, SATURATED),
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

async fn config_in_force(Extract(state): Extract<AdminState>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], format!("{:#}\n", config::to_json(&state.config.load())))
}

async fn policies_in_force(Extract(state): Extract<AdminState>) -> impl IntoResponse {
    let policies = policies::in_force(&state.gate.bundle.load(), SystemTime::now());
    ([(CONTENT_TYPE, "application/json")], format!("{policies:#}\n"))
}
