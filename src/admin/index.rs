//! `/`: the paths of the admin listener, so that an operator need not look them up.

use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use serde_json::json;

/// Each path with its purpose.
const PATHS: [(&str, &str); 12] = [
    ("/", "this list"),
    ("/livez", "200 as long as the process runs"),
    ("/readyz", "200 if the gateway takes requests, else 503"),
    ("/startupz", "200 once the gateway has started, else 503"),
    ("/metrics", "metrics for Prometheus, in its text format or OpenMetrics"),
    ("/status", "what is in force since when, and what takes a restart, as JSON"),
    ("/config", "the configuration in force, as JSON"),
    ("/policies", "the policies, limits and waivers in force, and the shadow bundle, as JSON"),
    ("/decisions", "decisions as they are made, as JSON lines; ?decision=, ?policy=, ?operation= filter"),
    ("/decisions/{id}", "one of the last refusals by the id of its response, as JSON"),
    ("/reload", "POST loads changed files at once, and returns the result as JSON"),
    ("/log-level", "the level of the gateway's own log; PUT changes it"),
];

/// One line a path; JSON for a client that accepts it.
pub(super) async fn index(headers: HeaderMap) -> Response {
    let accepts_json = headers
        .get_all(ACCEPT)
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("application/json")));
    if accepts_json {
        let paths: Vec<_> = PATHS.iter().map(|(path, purpose)| json!({ "path": path, "purpose": purpose })).collect();
        return ([(CONTENT_TYPE, "application/json")], format!("{:#}\n", json!({ "paths": paths }))).into_response();
    }
    PATHS.iter().map(|(path, purpose)| format!("{path:<15} {purpose}\n")).collect::<String>().into_response()
}
