//! HTTP as we speak it to clients: the settings of both versions.

use super::head_guard::Bounds;
use super::settings::ServerSettings;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// Bytes hyper may buffer of one connection, each way, before it waits for the reader: what bounds memory when a
/// large body streams. A longer head than that is allowed where `limits.headerBytes` says so.
const BUFFER_BYTES: usize = 64 * 1024;

/// RequestTable at once on one connection: as many as RFC 9113 (section 6.5.2) asks for at least.
const STREAMS: u32 = 100;

/// Bytes of a body that a client may send before they are read: as many as of a connection in HTTP/1.1.
const STREAM_WINDOW: u32 = 64 * 1024;

/// As many as all streams together, so that one whose body nobody reads yet holds no other back. What they can hold is
/// bounded by `limits.inFlight` all the same.
const CONNECTION_WINDOW: u32 = STREAMS * STREAM_WINDOW;

/// Streams that a client reset and we have yet to look at; more end the connection ("rapid reset", CVE-2023-44487).
const PENDING_RESETS: usize = 20;

/// Streams that we reset because of what the client sent on them; more end the connection (CVE-2025-8671).
const OWN_RESETS: usize = 100;

/// Both versions of HTTP, ready to serve connections, and what bounds them.
pub(super) struct Http {
    pub(super) version1: http1::Builder,
    pub(super) version2: http2::Builder<TokioExecutor>,
    pub(super) bounds: Bounds,
}

impl Http {
    pub(super) fn new(settings: ServerSettings) -> Self {
        let bounds = Bounds {
            head_bytes: settings.header_bytes,
            head_time: settings.header_timeout,
            stall: settings.idle_timeout,
        };
        Self { version1: version1(settings), version2: version2(settings), bounds }
    }
}

/// HTTP/1.1.
///
/// `max_headers` stays at hyper's 100: any other number makes it allocate for each request, and a hundred header lines
/// are as many as Envoy takes. Heads that are longer never get here, see [`super::head_guard`].
///
/// hyper's one timer for heads runs from the moment when it begins to wait for one: it is the bound on idling. The time
/// of a head itself is bounded where it is looked at.
///
/// `half_close` stays off: a client that closes its sending side is gone, and its request is dropped at once with the
/// upstream's connection, where half-open ones would be held to the end. No SDK half-closes.
///
/// `pipeline_flush` stays off: hyper calls it experimental, and no SDK pipelines.
fn version1(settings: ServerSettings) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(settings.idle_timeout)
        .max_header_size(settings.header_bytes)
        .max_buf_size(settings.header_bytes.max(BUFFER_BYTES))
        .keep_alive(true)
        .half_close(false)
        .pipeline_flush(false);
    http
}

/// HTTP/2 (RFC 9113). The frames of a head are bounded by its size (CVE-2024-27316), which h2 sees to.
///
/// Pings find clients that are gone without a word: with many requests on a connection that is worth a frame.
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
        .keep_alive_interval(settings.idle_timeout)
        .keep_alive_timeout(settings.header_timeout);
    http
}
