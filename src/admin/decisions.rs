//! `/decisions`: decisions as they are made, one JSON object a line, until the client goes away. `/decisions/{id}`: a refusal of
//! the recent past.

use super::AdminState;
use crate::telemetry::RecentRefusal;
use crate::telemetry::watch::{DecisionKind, WatchFilter, WatchStream};
use axum::body::Body;
use axum::extract::{Path, Query, State as Extract};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use http_body::Frame;
use serde::Deserialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// One JSON object a line.
const JSON_LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Interval of empty lines. The first write to a client that vanished without closing fails, which frees its place.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The filters of a request, each a comma-separated list; an empty list filters nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DecisionQuery {
    decision: String,
    policy: String,
    operation: String,
}

/// Streams decisions until the client disconnects.
pub(super) async fn decisions(Extract(state): Extract<AdminState>, Query(query): Query<DecisionQuery>) -> Response {
    let Some(decisions) = split_list(&query.decision).map(DecisionKind::by_name).collect() else {
        let help = "`decision` must be of allow, exempt, deny, fail, abort, warn and audit\n";
        return (StatusCode::BAD_REQUEST, help).into_response();
    };
    let owned = |list| split_list(list).map(str::to_owned).collect();
    let filter = WatchFilter { decisions, policies: owned(&query.policy), operations: owned(&query.operation) };
    match state.telemetry.watch(filter) {
        Ok(watching) => ([(CONTENT_TYPE, JSON_LINES)], Body::new(DecisionStream::new(watching))).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

/// The refusal of this id, or how many are kept.
pub(super) async fn refusal(Extract(state): Extract<AdminState>, Path(id): Path<String>) -> Response {
    match state.telemetry.recent_refusal(&id) {
        RecentRefusal::Line(line) => ([(CONTENT_TYPE, JSON)], line).into_response(),
        RecentRefusal::Unknown { kept, most, most_bytes } => {
            let bound = most_bytes >> 10;
            let help = format!(
                "no refusal of this id is kept ({kept} now, at most {most} within {bound} KiB); \
                 a decision log (`decisionLog.file`) has every decision\n"
            );
            (StatusCode::NOT_FOUND, help).into_response()
        }
    }
}

fn split_list(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// The body of the response. The interval ticks at once, so that the head is sent with a first empty line.
struct DecisionStream {
    watching: WatchStream,
    heartbeat: Interval,
}

impl DecisionStream {
    fn new(watching: WatchStream) -> Self {
        let mut heartbeat = interval(HEARTBEAT);
        // after a stall one empty line is enough
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { watching, heartbeat }
    }
}

impl http_body::Body for DecisionStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // decisions before the heartbeat: a busy stream needs none
        if let Poll::Ready(line) = self.watching.poll_line(context) {
            return Poll::Ready(line.map(|line| Ok(Frame::data(line))));
        }
        self.heartbeat.poll_tick(context).map(|_| Some(Ok(Frame::data(Bytes::from_static(b"\n")))))
    }
}
