//! Forward: sends a permitted request to the upstream, and returns the upstream's response unchanged.

use crate::gateway::body::presence::BodyPresence;
use crate::gateway::call::{Permitted, SharedRecord};
use crate::gateway::headers::{TRACEPARENT, join_cookies, strip_request, strip_response};
use crate::gateway::refusal::Refusal;
use crate::reason::Reason;
use crate::telemetry::record::RequestRecord;
use crate::telemetry::traces::{Parent, TRACESTATE, UpstreamTrace};
use crate::upstream::{
    Attempt, Unreachable, UpstreamBody, UpstreamClient, UpstreamError, UpstreamResponseBody, UpstreamTrouble,
};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, Version};
use hyper::body::Incoming;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tower::Service;

/// Sends permitted requests. One per worker.
#[derive(Clone)]
pub struct Forward {
    pub(in crate::gateway) upstream: Arc<UpstreamClient>,
}

impl Service<Permitted<Incoming>> for Forward {
    type Response = Response<UpstreamResponseBody>;
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Refusal>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, permitted: Permitted<Incoming>) -> Self::Future {
        let upstream = self.upstream.clone();
        Box::pin(forward(upstream, permitted))
    }
}

async fn forward(
    upstream: Arc<UpstreamClient>,
    permitted: Permitted<Incoming>,
) -> Result<Response<UpstreamResponseBody>, Refusal> {
    let record = permitted.call.record.clone();
    let mut guard =
        AttemptGuard { attempt: Attempt::begin().observed_by(record.send_observer()), record: record.clone() };
    let response = upstream.attempt(upstream_request(permitted), &mut guard.attempt).await;
    drop(guard);
    let mut response = response.map_err(|error| refuse(error, &record.lock(), upstream.trouble()))?;
    if let Some(suppressed) = upstream.trouble().note_response() {
        tracing::info!(suppressed, "the upstream responds again");
    }
    // the version belongs to each connection (RFC 9110 section 2.5)
    *response.version_mut() = Version::default();
    if response.headers().contains_key(TRANSFER_ENCODING) {
        // it overrides a `Content-Length` (RFC 9112 section 6.3), by which the client would read another body than we did
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    strip_response(response.headers_mut());
    Ok(response)
}

/// Adds an attempt to the record when dropped.
// a guard, because the attempt must be recorded also if the client cancels it: the upstream has received the id of its span
// and may have acted on the request
struct AttemptGuard {
    attempt: Attempt,
    record: SharedRecord,
}

impl Drop for AttemptGuard {
    fn drop(&mut self) {
        self.record.lock().set_upstream_call(self.attempt.record());
    }
}

/// The request as the upstream gets it: without this connection's headers, and with the body of the permit.
fn upstream_request(permitted: Permitted<Incoming>) -> Request<UpstreamBody> {
    let trace = permitted.call.record.lock().trace.clone();
    let (mut head, body) = permitted.call.request.into_parts();
    let (traceparent, tracestate) = match trace.upstream {
        UpstreamTrace::Continued => (Some(trace.to_traceparent()), trace.state),
        UpstreamTrace::Passed => (caller_traceparent(&head.headers), None),
        UpstreamTrace::Withheld => (None, None),
    };
    strip_request(&mut head.headers);
    if head.version == Version::HTTP_2 {
        join_cookies(&mut head.headers);
    }
    if let Some(traceparent) = traceparent {
        head.headers.insert(TRACEPARENT, traceparent);
    }
    if let Some(tracestate) = tracestate {
        head.headers.insert(TRACESTATE, tracestate);
    }
    let target = head.uri.path_and_query().cloned();
    head.uri = Uri::from(target.unwrap_or_else(|| PathAndQuery::from_static("/")));
    let body = match permitted.permit.into_body(body) {
        // Admit has read it to its end, so that there is nothing left to stream
        UpstreamBody::Streamed(_) if head.extensions.get() == Some(&BodyPresence::Empty) => UpstreamBody::Empty,
        body => body,
    };
    Request::from_parts(head, body)
}

/// The caller's own `traceparent`. `None` if it sent no valid one.
fn caller_traceparent(headers: &HeaderMap) -> Option<HeaderValue> {
    Parent::of(headers)?;
    headers.get(TRACEPARENT).cloned()
}

fn refuse(error: UpstreamError, record: &RequestRecord, trouble: &UpstreamTrouble) -> Refusal {
    let reason = match error {
        // ours, and not of the upstream
        UpstreamError::Unreachable(Unreachable::NoDescriptor) => Reason::Overloaded,
        UpstreamError::Unreachable(_) => Reason::UpstreamUnreachable,
        UpstreamError::Timeout => Reason::UpstreamTimeout,
        UpstreamError::UploadTooSlow | UpstreamError::UploadStalled => Reason::BodyTimeout,
        UpstreamError::UploadBrokenOff => return Refusal::broken_off(),
    };
    // the access log has a line of each request; here are the first of many and their number
    let now = Instant::now();
    let logged = match reason {
        Reason::UpstreamUnreachable | Reason::UpstreamTimeout => trouble.note_failure(now),
        _ => trouble.note_other_failure(now),
    };
    if let Some(suppressed) = logged {
        let (decision_id, trace_id) = (record.decision_id, record.trace.id());
        let suppressed = Some(suppressed).filter(|suppressed| *suppressed > 0);
        tracing::warn!(reason = reason.as_str(), %decision_id, %trace_id, suppressed, "{error}");
    }
    Refusal::because(reason, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{Reason, RequestRecord, Unreachable, UpstreamError, UpstreamTrouble, refuse};
    use crate::telemetry::traces::TraceContext;
    use std::io::{self, Read as _};
    use std::sync::{Arc, Mutex};

    #[test]
    fn an_upstream_that_is_down_has_one_line_for_many_requests() {
        let record = RequestRecord::begin("GET", TraceContext::below(None), Arc::from("r"));
        let (mut reader, writer) = io::pipe().unwrap();
        let subscriber = tracing_subscriber::fmt().with_writer(Mutex::new(writer)).with_ansi(false).finish();
        let trouble = UpstreamTrouble::new();
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..100 {
                for error in [Unreachable::Refused.into(), UpstreamError::Timeout, UpstreamError::UploadStalled] {
                    refuse(error, &record, &trouble);
                }
            }
        });
        let mut lines = String::new();
        reader.read_to_string(&mut lines).unwrap();
        assert_eq!(lines.lines().count(), 2, "one on the upstream, one on clients: {lines}");
        assert_eq!(trouble.note_response(), Some(199));
    }

    #[test]
    fn a_lack_of_descriptors_is_not_the_upstreams() {
        let record = RequestRecord::begin("GET", TraceContext::below(None), Arc::from("r"));
        let refusal = refuse(Unreachable::NoDescriptor.into(), &record, &UpstreamTrouble::new());
        assert_eq!(refusal.reason, Reason::Overloaded);
    }
}
