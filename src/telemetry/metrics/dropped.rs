//! Counts of telemetry that was dropped, by reason.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DropLabels {
    reason: &'static str,
}

/// Dropped items of one kind. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::telemetry) struct DroppedItems {
    family: Family<DropLabels, Counter>,
    /// Items that were not queued, because the queue was full.
    pub(in crate::telemetry) overflowed: Counter,
    /// Items that were queued and not accepted by the collector or the file.
    pub(in crate::telemetry) undelivered: Counter,
}

impl Default for DroppedItems {
    /// For items that go to a collector.
    fn default() -> Self {
        Self::of("export_failed")
    }
}

impl DroppedItems {
    /// `undelivered` is the reason of items that were queued and not accepted.
    // Both series exist from the start, so that an alert on `increase()` sees the first drop.
    pub(in crate::telemetry) fn of(undelivered: &'static str) -> Self {
        let family: Family<DropLabels, Counter> = Family::default();
        let overflowed = family.get_or_create_owned(&DropLabels { reason: "queue_full" });
        let undelivered = family.get_or_create_owned(&DropLabels { reason: undelivered });
        Self { family, overflowed, undelivered }
    }

    pub(in crate::telemetry) fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.family.clone());
    }
}
