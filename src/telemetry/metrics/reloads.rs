//! Metrics of reloads: how many there were, and how the last one ended.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::time::{SystemTime, UNIX_EPOCH};

/// How loading a bundle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReloadOutcome {
    /// It is in force.
    Loaded,
    /// It is invalid, and the one before stays in force.
    Rejected,
    /// It would remove rules, and the one before stays in force.
    Refused,
}

impl ReloadOutcome {
    const ALL: [Self; 3] = [Self::Loaded, Self::Rejected, Self::Refused];

    /// Its name, as metrics have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    outcome: &'static str,
}

/// The loads of bundles, the first of which is that of the start.
#[derive(Clone, Debug, Default)]
pub(in crate::telemetry) struct ReloadMetrics {
    counts: Family<ReloadLabels, Counter>,
    last_outcome: Family<ReloadLabels, Gauge>,
    last_success: Gauge,
    last_time: Gauge,
    restart_required: Gauge,
}

impl ReloadMetrics {
    // every series exists from the start, so that an alert on `increase()` sees the first event
    pub(in crate::telemetry) fn register(&self, registry: &mut Registry) {
        for outcome in ReloadOutcome::ALL.map(ReloadOutcome::as_str) {
            drop(self.counts.get_or_create(&ReloadLabels { outcome }));
            drop(self.last_outcome.get_or_create(&ReloadLabels { outcome }));
        }
        registry.register(
            "portcullis_reloads",
            "Bundles loaded, rejected as invalid, or refused because they would remove rules",
            self.counts.clone(),
        );
        // gauges besides the counter: an alert on them stays until the files are mended, one on `increase()` ends by itself
        registry.register(
            "portcullis_last_reload_success",
            "Whether the last bundle that was read is in force: 0 if it was rejected or refused",
            self.last_success.clone(),
        );
        registry.register(
            "portcullis_last_reload_outcome",
            "How the last reload ended: 1 for its outcome, 0 for the others",
            self.last_outcome.clone(),
        );
        registry.register_with_unit(
            "portcullis_last_reload_timestamp",
            "When a bundle was last loaded, rejected or refused, since 1970",
            Unit::Seconds,
            self.last_time.clone(),
        );
        registry.register(
            "portcullis_restart_required",
            "Keys of the configuration file that changed and take a restart",
            self.restart_required.clone(),
        );
    }

    /// Sets the number of keys of the configuration file that changed and take a restart.
    pub(in crate::telemetry) fn set_restart_required(&self, keys: usize) {
        self.restart_required.set(i64::try_from(keys).unwrap_or(i64::MAX));
    }

    /// Counts a load that ended now.
    pub(in crate::telemetry) fn add(&self, outcome: ReloadOutcome) {
        self.counts.get_or_create(&ReloadLabels { outcome: outcome.as_str() }).inc();
        for other in ReloadOutcome::ALL {
            let last = self.last_outcome.get_or_create(&ReloadLabels { outcome: other.as_str() });
            last.set(i64::from(other == outcome));
        }
        self.last_success.set(i64::from(outcome == ReloadOutcome::Loaded));
        self.last_time.set(seconds_since_1970());
    }
}

/// The time now, in seconds.
pub(super) fn seconds_since_1970() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().cast_signed()
}
