//! `/decisions`: decisions as they are made, one JSON object a line, until the client goes away.

use super::State;
use crate::telemetry::watch::{DecisionKind, WatchFilter, WatchStream};
use axum::body::Body;
use axum::extract::{Query, State as Extract};
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

/// Objects in JSON, one a line.
const JSON_LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");
/// Between two empty lines, by which a client that is gone without a word is found out.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Which decisions are wanted; each a list with commas.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Wanted {
    decision: String,
    policy: String,
    operation: String,
}

/// Tells decisions until the client goes away.
pub(super) async fn decisions(Extract(state): Extract<State>, Query(wanted): Query<Wanted>) -> Response {
    let Some(decisions) = listed(&wanted.decision).map(DecisionKind::by_name).collect() else {
        let cure = "`decision` must be of allow, exempt, deny, fail, abort, warn and audit\n";
        return (StatusCode::BAD_REQUEST, cure).into_response();
    };
    let owned = |list| listed(list).map(str::to_owned).collect();
    let filter = WatchFilter { decisions, policies: owned(&wanted.policy), operations: owned(&wanted.operation) };
    match state.telemetry.watch(filter) {
        Ok(watching) => ([(CONTENT_TYPE, JSON_LINES)], Body::new(Stream::of(watching))).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

fn listed(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// The body of the answer. It begins with an empty line, so that its head leaves at once.
struct Stream {
    watching: WatchStream,
    heartbeat: Interval,
}

impl Stream {
    fn of(watching: WatchStream) -> Self {
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { watching, heartbeat }
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Poll::Ready(line) = self.watching.poll_line(context) {
            return Poll::Ready(line.map(|line| Ok(Frame::data(line))));
        }
        self.heartbeat.poll_tick(context).map(|_| Some(Ok(Frame::data(Bytes::from_static(b"\n")))))
    }
}
