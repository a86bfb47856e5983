//! hyper's settings for clients, in both versions of HTTP.

use super::head_guard::Bounds;
use super::settings::ServerSettings;
use http::HeaderValue;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;

/// Bytes that hyper may buffer of one connection, each way: bounds the memory of a large body that streams.
// raised to `limits.headerBytes` where that is larger, because a head has to fit as a whole
const BUFFER_BYTES: usize = 64 * 1024;

/// Longest time for which a client may read nothing of a response, and between two pings of an HTTP/2 connection.
const STALL: Duration = Duration::from_secs(60);

/// Time without a request after which an HTTP/1.1 connection gives its buffers back. Less if it may not idle much longer.
// the next request then makes new ones: worth it for a connection in a pool that is not used, and not between two requests
const QUIET: Duration = Duration::from_secs(5);

/// Most concurrent requests on an HTTP/2 connection: the least that RFC 9113 (section 6.5.2) recommends.
const STREAMS: u32 = 100;

/// Flow-control window of an HTTP/2 stream: as much as is buffered of an HTTP/1.1 connection.
const STREAM_WINDOW: u32 = 64 * 1024;

/// Flow-control window of an HTTP/2 connection.
// as large as all of its streams' together, so that a stream whose body is not read yet holds no other back; memory is
// bounded by `limits.inFlight` all the same
const CONNECTION_WINDOW: u32 = STREAMS * STREAM_WINDOW;

/// Most streams that were reset by the client before they were accepted; more end the connection ("rapid reset",
/// CVE-2023-44487).
const PENDING_RESETS: usize = 20;

/// Most streams that were reset because of an error of the client; more end the connection (CVE-2025-8671).
const OWN_RESETS: usize = 100;

/// hyper's connection builders for both versions of HTTP, and the bounds of the guard in front of them.
pub(super) struct Http {
    pub(super) version1: http1::Builder,
    pub(super) version2: http2::Builder<TokioExecutor>,
    pub(super) bounds: Bounds,
    /// Longest time for which a connection is used.
    pub(super) age: Duration,
    /// Time without a request after which an HTTP/1.1 connection gives its buffers back.
    pub(super) quiet: Duration,
    /// The value of `Keep-Alive`, by which clients know for how long they can reuse a connection.
    pub(super) keep_alive: HeaderValue,
}

impl Http {
    pub(super) fn new(settings: ServerSettings) -> Self {
        let bounds = Bounds {
            head_bytes: settings.header_bytes,
            head_time: settings.header_timeout,
            idle: settings.idle_timeout + idle_grace(settings.idle_timeout),
            stall: settings.idle_timeout.min(STALL),
        };
        let keep_alive = format!("timeout={}", settings.idle_timeout.as_secs());
        Self {
            version1: version1(settings),
            version2: version2(settings),
            bounds,
            age: settings.connection_age,
            quiet: QUIET.min(settings.idle_timeout / 4),
            // cannot fail: digits
            keep_alive: HeaderValue::try_from(keep_alive).unwrap_or(HeaderValue::from_static("timeout=0")),
        }
    }
}

/// The time between the promised end of an idle connection and its close.
// a request that was sent within the promised time may be on its way, or wait in the socket of a busy machine
fn idle_grace(idle_timeout: Duration) -> Duration {
    (idle_timeout / 4).min(Duration::from_secs(5))
}

/// The settings of HTTP/1.1.
//
// `max_headers` stays at hyper's 100, as many as Envoy accepts: any other number makes hyper allocate for each request. A
// longer head never gets here, see `super::head_guard`.
//
// `header_read_timeout` runs from when hyper begins to wait for a head, so that it bounds idling. It is longer than the idle
// timeout that clients are promised, so that a request which is sent just in time does not meet a close. The guard bounds the time of
// the head itself.
//
// `half_close` stays off, because hyper then does not see that a client is gone, either. The guard in front of it holds the end
// of what a client sends back until the client has its response.
//
// `pipeline_flush` stays off: hyper calls it experimental, and no SDK pipelines.
fn version1(settings: ServerSettings) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(settings.idle_timeout + idle_grace(settings.idle_timeout))
        .max_header_size(settings.header_bytes)
        .max_buf_size(settings.header_bytes.max(BUFFER_BYTES))
        .keep_alive(true)
        .half_close(false)
        .pipeline_flush(false);
    http
}

/// The settings of HTTP/2 (RFC 9113).
//
// h2 bounds the CONTINUATION frames of a head by `max_header_list_size` (CVE-2024-27316).
//
// pings find clients that vanished without closing; with many requests on one connection that is worth a frame
fn version2(settings: ServerSettings) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(settings.header_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(OWN_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(BUFFER_BYTES)
        .keep_alive_interval(settings.idle_timeout.min(STALL))
        .keep_alive_timeout(settings.header_timeout);
    http
}
