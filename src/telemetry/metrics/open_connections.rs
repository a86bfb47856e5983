//! The number of open connections to the upstream, active and idle.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionStateLabels {
    http_connection_state: &'static str,
}

/// The open connections of all workers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OpenConnections {
    family: Family<ConnectionStateLabels, Gauge>,
    active: Gauge,
    idle: Gauge,
}

/// An open connection, which is counted until it is dropped.
#[derive(Debug)]
pub struct OpenConnection {
    all: OpenConnections,
    is_idle: AtomicBool,
}

impl Default for OpenConnections {
    fn default() -> Self {
        let family: Family<ConnectionStateLabels, Gauge> = Family::default();
        let active = family.get_or_create_owned(&ConnectionStateLabels { http_connection_state: "active" });
        let idle = family.get_or_create_owned(&ConnectionStateLabels { http_connection_state: "idle" });
        Self { family, active, idle }
    }
}

impl OpenConnections {
    pub(in crate::telemetry) fn register(&self, registry: &mut Registry) {
        registry.register("http_client_open_connections", "Connections to the upstream", self.family.clone());
    }

    /// Counts a connection that was opened for a request.
    pub fn track(&self) -> OpenConnection {
        self.active.inc();
        OpenConnection { all: self.clone(), is_idle: AtomicBool::new(false) }
    }

    /// The numbers of active and idle connections.
    pub fn count(&self) -> (i64, i64) {
        (self.active.get(), self.idle.get())
    }
}

impl OpenConnection {
    /// Sets whether the connection is idle.
    pub fn set_idle(&self, is_idle: bool) {
        // both the pool and the connection's task report the state; only a change may be counted
        if self.is_idle.swap(is_idle, Ordering::Relaxed) != is_idle {
            let (from, to) =
                if is_idle { (&self.all.active, &self.all.idle) } else { (&self.all.idle, &self.all.active) };
            from.dec();
            to.inc();
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        // counted down in a destructor: a connection ends in many places, of which a cancelled task is one
        let gauge = if *self.is_idle.get_mut() { &self.all.idle } else { &self.all.active };
        gauge.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::OpenConnections;

    #[test]
    fn a_connection_is_active_or_idle_until_it_is_gone() {
        let all = OpenConnections::default();
        let (one, other) = (all.track(), all.track());
        one.set_idle(true);
        one.set_idle(true);
        assert_eq!(all.count(), (1, 1));
        drop(one);
        assert_eq!(all.count(), (1, 0));
        other.set_idle(true);
        other.set_idle(false);
        assert_eq!(all.count(), (1, 0));
        drop(other);
        assert_eq!(all.count(), (0, 0));
    }
}
