//! `/log-level`: reads and changes the level of the gateway's own log at run time.

use super::AdminState;
use crate::config::gateway::LogLevel;
use axum::body::{Body, to_bytes};
use axum::extract::State as Extract;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use std::time::Duration;

/// Maximum size of the body in bytes; a level is shorter.
const MAX_BODY: usize = 64;
/// Timeout for the body.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// The level in force.
pub(super) async fn current(Extract(state): Extract<AdminState>) -> String {
    format!("{}\n", state.level.now().as_str())
}

/// Sets the level to the one that the body names. Returns the old and the new level.
pub(super) async fn change(
    Extract(state): Extract<AdminState>,
    headers: HeaderMap,
    body: Body,
) -> Result<String, (StatusCode, &'static str)> {
    if !is_text(&headers) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the level as text/plain\n"));
    }
    // bounded in size and time: the listener has no other limit on bodies
    let body = pingora_timeout::timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY)).await;
    let level =
        body.ok().and_then(Result::ok).and_then(|body| LogLevel::by_name(std::str::from_utf8(&body).ok()?.trim()));
    let level = level.ok_or((StatusCode::BAD_REQUEST, "the body must be error, warn, info, debug or trace\n"))?;
    let before = state.level.change(level);
    Ok(format!("{} -> {}\n", before.as_str(), level.as_str()))
}

/// Whether the body is text; a request without `Content-Type` is taken for that.
fn is_text(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|kind| {
        kind.to_str().is_ok_and(|kind| kind.split(';').next().unwrap_or_default().trim() == "text/plain")
    })
}
