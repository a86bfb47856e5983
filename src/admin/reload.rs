//! `/reload`: loads changed files at once, and returns the result.

use super::AdminState;
use super::reload_report::ReloadReport;
use crate::telemetry::ReloadOutcome;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Where the result of a reload goes.
pub type ReloadReply = oneshot::Sender<Arc<ReloadReport>>;

/// Most requests that wait for the loop that reloads. Each has a connection, of which there are fewer.
const MOST_REQUESTS: usize = 64;

/// Asks the running gateway to reload. Requests that come during a reload have the next one in common.
#[derive(Clone, Debug)]
pub struct ReloadRequests(mpsc::Sender<ReloadReply>);

impl ReloadRequests {
    /// The requests, and what takes them.
    pub fn channel() -> (Self, mpsc::Receiver<ReloadReply>) {
        let (sender, receiver) = mpsc::channel(MOST_REQUESTS);
        (Self(sender), receiver)
    }

    /// Waits for a reload that begins after this call. `None` if the gateway is stopping, or no reload could be begun.
    async fn reload(&self) -> Option<Arc<ReloadReport>> {
        let (reply, report) = oneshot::channel();
        self.0.send(reply).await.ok()?;
        report.await.ok()
    }
}

/// Reloads; the status is 200 if the files are in force.
pub(super) async fn reload(Extract(state): Extract<AdminState>) -> Response {
    let Some(report) = state.reloads.reload().await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "nothing was reloaded: the gateway is stopping\n").into_response();
    };
    let status = match report.outcome {
        ReloadOutcome::Loaded => StatusCode::OK,
        ReloadOutcome::Rejected => StatusCode::UNPROCESSABLE_ENTITY,
        ReloadOutcome::Refused => StatusCode::CONFLICT,
    };
    let json = serde_json::to_string_pretty(&*report).unwrap_or_default();
    (status, [(CONTENT_TYPE, "application/json")], format!("{json}\n")).into_response()
}
