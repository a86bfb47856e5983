//! Drains the body of a refused request, so that the client gets to read the response.

use crate::reason::Reason;
use bytes::{Buf, Bytes};
use http::Request;
use http::header::EXPECT;
use http_body::Body;
use pingora_timeout::timeout;
use std::pin::{Pin, pin};
use std::time::Duration;

/// Most bytes that are drained. A client that sends more sees a reset.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Longest time to drain a body.
const MAX_TIME: Duration = Duration::from_secs(5);
/// Longest time to drain a body when the gateway is overloaded: enough for bytes that are on their way.
const MAX_TIME_OVERLOADED: Duration = Duration::from_millis(100);

/// Reads and discards the body of a `request` that is refused for `reason`, within bounds.
// Closing at once would reset the connection before the client reads the response (RFC 9112 section 9.6): with an upload of
// 8 MB the JS SDK got the response 12 of 12 times with a drain, once without.
pub(in crate::gateway) fn drain<B: Body<Data = Bytes>>(
    reason: Reason,
    request: Request<B>,
) -> impl Future<Output = ()> + use<B> {
    // the head is freed at once: however long its client takes, a refused request holds no more than its connection
    let (head, body) = request.into_parts();
    let expects = head.headers.contains_key(EXPECT);
    drop(head);
    drain_body(reason, expects, body)
}

/// Reads and discards a body, within bounds. `expects` is whether the client waits for `100 Continue`.
pub(in crate::gateway) async fn drain_body<B: Body<Data = Bytes>>(reason: Reason, expects: bool, body: B) {
    // a client that waits for `100 Continue` has sent nothing yet, and polling the body would ask it to
    if body.is_end_stream() || expects {
        return;
    }
    let longest = if reason == Reason::Overloaded { MAX_TIME_OVERLOADED } else { MAX_TIME };
    // the response is the same whether or not the body ended
    let _ = timeout(longest, discard(body)).await;
}

async fn discard<B: Body<Data = Bytes>>(body: B) {
    let mut body = pin!(body);
    let mut bytes = 0;
    while bytes < MAX_BYTES {
        match std::future::poll_fn(|context| Pin::as_mut(&mut body).poll_frame(context)).await {
            Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Buf::remaining),
            _ => return,
        }
    }
}
