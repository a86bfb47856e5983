//! What of the telemetry is lost on its way out, by why.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lost {
    reason: &'static str,
}

/// Items of one kind that were lost. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Losses {
    family: Family<Lost, Counter>,
    /// Not handed over, for the queue was full.
    pub(super) overflowed: Counter,
    /// Handed over, but not taken by whom they were for.
    pub(super) undelivered: Counter,
}

impl Default for Losses {
    /// Of what goes to a collector.
    fn default() -> Self {
        Self::of("export_failed")
    }
}

impl Losses {
    /// With both series there from the start, so that the first loss is seen as a rise. `undelivered` is the word for what
    /// was handed over and not taken.
    pub(super) fn of(undelivered: &'static str) -> Self {
        let family: Family<Lost, Counter> = Family::default();
        let overflowed = family.get_or_create_owned(&Lost { reason: "queue_full" });
        let undelivered = family.get_or_create_owned(&Lost { reason: undelivered });
        Self { family, overflowed, undelivered }
    }

    pub(super) fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.family.clone());
    }
}
