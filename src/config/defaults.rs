//! The default of each limit, with its reason. This is the one table: the configuration file's defaults and
//! [`super::gateway::Limits::default`] are made from it, and tests compare `config/gateway.yaml` and the table of limits in
//! `docs/configuration.md` with it.

use super::gateway::UpstreamHttp2;
use std::fmt;
use std::time::Duration;

/// The address of the admin listener. Loopback: it has no authentication.
pub const DEFAULT_ADMIN_LISTEN: &str = "127.0.0.1:9465";

/// The API version that applies to requests that name none.
pub const DEFAULT_API_VERSION: &str = "any";

/// Whether HTTP/2 is offered to the upstream.
// a small request takes 10 to 25 % less CPU by HTTP/1.1, a large one as much: `docs/performance.md` has the figures
pub const DEFAULT_UPSTREAM_HTTP2: UpstreamHttp2 = UpstreamHttp2::Never;

/// How long the gateway goes on accepting connections after SIGTERM.
// none: as a sidecar it ends after its app, and nothing balances the load before it
pub const SHUTDOWN_DELAY: TimeLimit = TimeLimit::Seconds(0);
/// Longest time that requests in flight get to finish after that.
// with the export of traces below the 30 s after which Kubernetes kills the process
pub const SHUTDOWN_TIMEOUT: TimeLimit = TimeLimit::Seconds(20);
/// Time between two reads of the files that a running gateway was loaded from.
// with a swap right after a read, and the pause until the files rest, a change is in force within 5 s
pub const RELOAD_INTERVAL: TimeLimit = TimeLimit::Seconds(2);

/// A row of the table in `docs/configuration.md`.
#[derive(Clone, Copy, Debug)]
pub struct DefaultLimit<T> {
    /// The path of its key in the configuration file.
    pub key: &'static str,
    /// The default: a number of bytes, connections or requests, or a time.
    pub value: T,
    /// Why it is not more or less.
    pub reason: &'static str,
}

// an enum and not a `Duration`: the text in the file and in the documentation must come from the same value
/// A time in the unit in which the configuration file writes it: `60s` and `1m` are equal, but only one is documented.
#[derive(Clone, Copy, Debug)]
pub enum TimeLimit {
    /// Whole seconds.
    Seconds(u64),
    /// Whole minutes.
    Minutes(u64),
}

impl TimeLimit {
    /// The time as a duration.
    pub const fn duration(self) -> Duration {
        match self {
            Self::Seconds(seconds) => Duration::from_secs(seconds),
            Self::Minutes(minutes) => Duration::from_secs(minutes * 60),
        }
    }
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds}s"),
            Self::Minutes(minutes) => write!(f, "{minutes}m"),
        }
    }
}

/// Longest body that is inspected, in bytes.
pub const BODY_BYTES: DefaultLimit<usize> = DefaultLimit {
    key: "limits.bodyBytes",
    value: 256 * 1024,
    reason: "256 KiB: far more than an SDK sends with all metadata filled; a body that is not inspected has no limit",
};

/// Longest time for an inspected body to arrive.
pub const BODY_TIMEOUT: DefaultLimit<TimeLimit> = DefaultLimit {
    key: "limits.bodyTimeout",
    value: TimeLimit::Seconds(10),
    reason: "an inspected body takes less than a second over the slowest link that a sidecar sees",
};

/// Longest head of a request, in bytes.
pub const HEADER_BYTES: DefaultLimit<usize> = DefaultLimit {
    key: "limits.headerBytes",
    value: 32 * 1024,
    reason: "tokens are some kilobytes, cookies of a proxied browser more",
};

/// Longest time for a head to arrive.
pub const HEADER_TIMEOUT: DefaultLimit<TimeLimit> = DefaultLimit {
    key: "limits.headerTimeout",
    value: TimeLimit::Seconds(10),
    reason: "a healthy service sends a head in one piece; this covers all of it, not each read",
};

/// Longest time for a connection to idle before a request.
pub const IDLE_TIMEOUT: DefaultLimit<TimeLimit> = DefaultLimit {
    key: "limits.idleTimeout",
    value: TimeLimit::Minutes(65),
    reason: "above every pool that closes by itself (Envoy's hour is the longest): a request must never meet a connection that \
             is being closed",
};

/// Longest time for a whole request.
pub const REQUEST_TIMEOUT: DefaultLimit<TimeLimit> = DefaultLimit {
    key: "limits.requestTimeout",
    value: TimeLimit::Minutes(15),
    reason: "a whole request, to the last byte of its response, even if a slow upstream or client keeps it busy; at least \
             the sum of the parts below",
};

/// Most connections of clients at once.
pub const CONNECTIONS: DefaultLimit<usize> =
    DefaultLimit { key: "limits.connections", value: 10_000, reason: "an idle connection takes some kilobytes" };

/// Most requests at once.
pub const IN_FLIGHT: DefaultLimit<usize> = DefaultLimit {
    key: "limits.inFlight",
    value: 4_096,
    reason: "far more than a service has under way, few enough to keep the gateway small",
};

/// Longest time for which a connection is used.
pub const CONNECTION_AGE: DefaultLimit<TimeLimit> = DefaultLimit {
    key: "limits.connectionAge",
    value: TimeLimit::Minutes(60),
    reason: "new certificates, authorities and revocations apply to new connections; a client that reconnects once an hour \
             does not notice",
};

/// The part of connections, requests and memory that one client can have.
pub const PER_CLIENT_SHARE: DefaultLimit<f64> = DefaultLimit {
    key: "limits.perClientShare",
    value: 0.5,
    reason: "half while others have requests: however much one client takes, the others get as much; alone it has all but an \
             eighth. 1 is no share",
};

/// Most bytes of memory for all connections, requests and responses, where the process has no memory limit.
pub const MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// Least bytes of memory with which the gateway is of use.
pub const MIN_MEMORY_BYTES: usize = 16 * 1024 * 1024;

/// Memory that the program takes besides: its code, policies, telemetry queues, and what the allocator keeps.
pub const MEMORY_RESERVE: usize = 64 * 1024 * 1024;

/// Longest time to a new connection to the upstream.
pub const CONNECT_TIMEOUT: DefaultLimit<TimeLimit> = DefaultLimit {
    key: "upstream.connectTimeout",
    value: TimeLimit::Seconds(5),
    reason: "a healthy connection takes well under a second; the caller should get the error before its own timeout (5 s \
             in several SDKs)",
};

/// Longest time from the end of a request to the head of its response.
pub const RESPONSE_TIMEOUT: DefaultLimit<TimeLimit> = DefaultLimit {
    key: "upstream.responseTimeout",
    value: TimeLimit::Seconds(60),
    reason: "if the gateway gives up on a request that still succeeds, the caller does not know the result",
};

/// Longest time for a body that is not inspected to arrive and to be forwarded.
pub const UPLOAD_TIMEOUT: DefaultLimit<TimeLimit> = DefaultLimit {
    key: "upstream.uploadTimeout",
    value: TimeLimit::Minutes(5),
    reason: "a body that is not inspected, such as an image, has no size limit and holds a connection",
};
