//! Checks `limits` of the configuration file.

use super::checker::{Setting, SettingsChecker};
use super::container;
use super::defaults::{MEMORY_BYTES, MEMORY_RESERVE, MIN_MEMORY_BYTES};
use super::file::LimitsSection as LimitKeys;
use super::gateway::{Limits, UpstreamConfig};
use std::time::Duration;

impl SettingsChecker<'_> {
    pub(super) fn limits(&mut self, keys: &LimitKeys) -> Limits {
        Limits {
            body_bytes: keys.body_bytes,
            body_timeout: self.duration("/limits/bodyTimeout", &keys.body_timeout),
            header_bytes: keys.header_bytes,
            header_timeout: self.duration("/limits/headerTimeout", &keys.header_timeout),
            idle_timeout: self.idle_timeout(&keys.idle_timeout),
            request_timeout: self.duration("/limits/requestTimeout", &keys.request_timeout),
            connection_age: self.duration("/limits/connectionAge", &keys.connection_age),
            connections: keys.connections,
            in_flight: keys.in_flight,
            memory_bytes: self.memory(keys, container::memory_limit()),
            per_client_share: self.share(keys.per_client_share),
        }
    }

    /// The idle timeout, which must be longer than that of the SDKs.
    fn idle_timeout(&mut self, value: &str) -> Duration {
        // a request on a connection that is just being closed is lost, and official SDKs reuse idle ones for up to 5 s
        const SHORTEST: Duration = Duration::from_secs(6);
        let pointer = "/limits/idleTimeout";
        let parsed = self.duration(pointer, value);
        if !parsed.is_zero() && parsed < SHORTEST {
            let help = "the SDKs reuse connections that were idle for up to 5 s";
            self.refuse(&Setting::in_file(value, pointer), "must be at least `6s`", help);
        }
        parsed
    }

    /// The timeout of a request must be at least the sum of its parts.
    pub(super) fn check_request_timeout(&mut self, limits: &Limits, upstream: &UpstreamConfig) {
        // each part has an error of its own for the caller. The timeout of the whole ends a request without a response, so it must
        // not come first. A body is either inspected or streamed: only the longer of its two timeouts counts
        let body = limits.body_timeout.max(upstream.upload_timeout);
        let parts = body + upstream.connect_timeout + upstream.response_timeout;
        if !limits.request_timeout.is_zero() && limits.request_timeout < parts {
            let what = "is shorter than the sum of its parts";
            let help = format!(
                "use at least {}s: `upstream.connectTimeout`, `upstream.responseTimeout`, and the longer of \
                 `limits.bodyTimeout` and `upstream.uploadTimeout`",
                parts.as_secs_f64().ceil()
            );
            self.refuse(&Setting::in_file("", "/limits/requestTimeout"), what, &help);
        }
    }

    /// The memory budget. `container` is the memory limit of the process, if it has one.
    fn memory(&mut self, keys: &LimitKeys, container: Option<usize>) -> usize {
        let pointer = "/limits/memoryBytes";
        // half: the other half is for the program itself, what its allocator keeps, and the sockets' buffers in the kernel,
        // which count as the container's memory although no process has them
        let derived = || container.map_or(MEMORY_BYTES, |limit| (limit / 2).max(MIN_MEMORY_BYTES));
        let bytes = match (keys.memory_bytes, keys.body_budget_bytes) {
            (Some(bytes), _) => bytes,
            // the former key bounded bodies alone, so that its value may be too small for all that is counted now
            (None, Some(bytes)) => bytes.max(MIN_MEMORY_BYTES),
            (None, None) => derived(),
        };
        if keys.body_budget_bytes.is_some() {
            let what = "is the former name of `limits.memoryBytes`, which counts connections, heads and responses, too";
            self.warn("/limits/bodyBudgetBytes", what, "rename it, or remove it for the default");
        }
        // a body has to fit into one client's share, and twice while it is received in pieces
        if bytes / 4 < keys.body_bytes {
            let help = "a body within the limit would not fit into the memory that one client can have";
            self.refuse(&Setting::in_file("", pointer), "must be at least four times `limits.bodyBytes`", help);
        }
        if let Some(limit) = container.filter(|limit| *limit < bytes.saturating_add(MEMORY_RESERVE)) {
            let mib = |bytes: usize| bytes / (1024 * 1024);
            let what = format!(
                "and {} MiB for the program do not fit into the memory limit of this process, {} MiB",
                mib(MEMORY_RESERVE),
                mib(limit)
            );
            self.warn(pointer, &what, "lower it, or raise the limit of the container");
        }
        bytes
    }

    /// The share of one client.
    fn share(&mut self, share: f64) -> f64 {
        // not a range of the schema: 0 is what must not be, and a number right above it is valid
        if !(share > 0.0 && share <= 1.0) {
            let given = Setting::in_file("", "/limits/perClientShare");
            self.refuse(&given, "must be above 0 and at most 1", "0.5 leaves half to other clients, 1 is no bound");
        }
        share
    }
}
