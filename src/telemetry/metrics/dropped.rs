//! What of the telemetry is lost on its way out, by why.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DropLabels {
    reason: &'static str,
}

/// Items of one kind that were lost. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::telemetry) struct DroppedItems {
    family: Family<DropLabels, Counter>,
    /// Not handed over, for the queue was full.
    pub(in crate::telemetry) overflowed: Counter,
    /// Handed over, but not taken by whom they were for.
    pub(in crate::telemetry) undelivered: Counter,
}

impl Default for DroppedItems {
    /// Of what goes to a collector.
    fn default() -> Self {
        Self::of("export_failed")
    }
}

impl DroppedItems {
    /// With both series there from the start, so that the first loss is seen as a rise. `undelivered` is the word for what
    /// was handed over and not taken.
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
