//! `/log-level`: what the gateway's own log tells, and how to change it while it runs.

use super::State;
use crate::config::gateway::LogLevel;
use axum::body::{Body, to_bytes};
use axum::extract::State as Extract;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use std::time::Duration;

/// Longest body that is read; a level is shorter.
const LONGEST: usize = 64;
/// Longest time for it to arrive.
const PATIENCE: Duration = Duration::from_secs(5);

/// The level in force.
pub(super) async fn tell(Extract(state): Extract<State>) -> String {
    format!("{}\n", state.level.now().as_str())
}

/// Puts the level that the body names in force, and tells the one before and the new one.
pub(super) async fn change(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<String, (StatusCode, &'static str)> {
    if !is_text(&headers) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the level as text/plain\n"));
    }
    let body = pingora_timeout::timeout(PATIENCE, to_bytes(body, LONGEST)).await;
    let level =
        body.ok().and_then(Result::ok).and_then(|body| LogLevel::by_name(std::str::from_utf8(&body).ok()?.trim()));
    let level = level.ok_or((StatusCode::BAD_REQUEST, "the body must be error, warn, info, debug or trace\n"))?;
    let before = state.level.change(level);
    Ok(format!("{} -> {}\n", before.as_str(), level.as_str()))
}

/// A form of a page is no text; a request that says nothing of its body may be.
fn is_text(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|kind| {
        kind.to_str().is_ok_and(|kind| kind.split(';').next().unwrap_or_default().trim() == "text/plain")
    })
}
