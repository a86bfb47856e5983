//! Metrics of connections to the upstream, from the record of each request that called it.

use crate::telemetry::metrics::open_connections::OpenConnections;
use crate::telemetry::record::{Outcome, UnconnectedCause, UnsentCause, UpstreamCall};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Metrics of connections to the upstream.
#[derive(Debug)]
pub(in crate::telemetry) struct UpstreamMetrics {
    opened: Counter,
    reused: Counter,
    found_closed: Counter,
    failed: Family<FailureLabels, Counter>,
    /// Open connections, which are registered with the HTTP client metrics.
    pub(in crate::telemetry) open: OpenConnections,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    reason: &'static str,
}

impl Default for UpstreamMetrics {
    // every series exists from the start, so that an alert on `rate()` sees the first failure
    fn default() -> Self {
        let failed = Family::<FailureLabels, Counter>::default();
        for failure in UnconnectedCause::ALL {
            failed.get_or_create_owned(&FailureLabels { reason: failure.as_str() });
        }
        let [opened, reused, found_closed] = [Counter::default(), Counter::default(), Counter::default()];
        Self { opened, reused, found_closed, failed, open: OpenConnections::default() }
    }
}

impl UpstreamMetrics {
    pub(in crate::telemetry) fn register(&self, registry: &mut Registry) {
        let mut counter = |name, help, counter: &Counter| registry.register(name, help, counter.clone());
        counter("portcullis_upstream_connections_opened", "Connections opened to the upstream", &self.opened);
        counter("portcullis_upstream_connections_reused", "Calls on a reused connection", &self.reused);
        counter(
            "portcullis_upstream_connections_found_closed",
            "Calls that were retried because the upstream had closed the idle connection",
            &self.found_closed,
        );
        registry.register(
            "portcullis_upstream_connect_failures",
            "Calls for which no connection to the upstream could be opened",
            self.failed.clone(),
        );
    }

    /// Counts the connection of `call`. `outcome` is the request's.
    pub(in crate::telemetry) fn add(&self, call: &UpstreamCall, outcome: Outcome) {
        if call.unsent.is_some_and(|unsent| unsent.cause == UnsentCause::Closed) {
            self.found_closed.inc();
        }
        match (call.reused, call.connect, outcome) {
            (true, ..) => self.reused.inc(),
            (false, Some(_), _) => self.opened.inc(),
            // the client left before the connection was open, which is not a failure to connect
            (false, None, Outcome::Aborted) => 0,
            (false, None, _) => {
                let reason = call.unconnected.unwrap_or(UnconnectedCause::Unfinished).as_str();
                self.failed.get_or_create(&FailureLabels { reason }).inc()
            }
        };
    }
}
