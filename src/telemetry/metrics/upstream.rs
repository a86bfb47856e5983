//! What is counted of connections to the upstream, from the record of each request that went there.

use crate::telemetry::metrics::open_connections::OpenConnections;
use crate::telemetry::record::{Outcome, UpstreamCall};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Connections to the upstream.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct UpstreamMetrics {
    opened: Counter,
    reused: Counter,
    found_closed: Counter,
    failed: Counter,
    /// Those that are open, which are registered apart.
    pub(in crate::telemetry) open: OpenConnections,
}

impl UpstreamMetrics {
    pub(in crate::telemetry) fn register(&self, registry: &mut Registry) {
        let mut counter = |name, help, counter: &Counter| registry.register(name, help, counter.clone());
        counter("portcullis_upstream_connections_opened", "Connections opened to the upstream", &self.opened);
        counter("portcullis_upstream_connections_reused", "Calls on a connection that was open already", &self.reused);
        counter(
            "portcullis_upstream_connections_found_closed",
            "Calls that were begun again, for the upstream had closed the idle connection",
            &self.found_closed,
        );
        counter(
            "portcullis_upstream_connect_failures",
            "Calls for which no connection to the upstream could be opened",
            &self.failed,
        );
    }

    /// Counts what `call` did, of a request that came to `outcome`.
    pub(in crate::telemetry) fn add(&self, call: &UpstreamCall, outcome: Outcome) {
        if call.unsent.is_some() {
            self.found_closed.inc();
        }
        match (call.reused, call.connect, outcome) {
            (true, ..) => self.reused.inc(),
            (false, Some(_), _) => self.opened.inc(),
            // nobody waited for the connection any more
            (false, None, Outcome::Aborted) => 0,
            (false, None, _) => self.failed.inc(),
        };
    }
}
