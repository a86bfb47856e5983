//! What is counted of connections to the upstream, from the record of each request that went there.

use super::open_connections::OpenConnections;
use super::record::UpstreamCall;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Connections to the upstream.
#[derive(Debug, Default)]
pub(super) struct UpstreamMetrics {
    opened: Counter,
    reused: Counter,
    found_closed: Counter,
    failed: Counter,
    /// Those that are open.
    pub(super) open: OpenConnections,
}

impl UpstreamMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        self.open.register(registry);
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

    /// Counts what `call` did.
    pub(super) fn add(&self, call: &UpstreamCall) {
        if call.unsent.is_some() {
            self.found_closed.inc();
        }
        match (call.reused, call.connect) {
            (true, _) => self.reused.inc(),
            (false, Some(_)) => self.opened.inc(),
            (false, None) => self.failed.inc(),
        };
    }
}
