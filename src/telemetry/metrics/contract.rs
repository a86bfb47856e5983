//! Metrics of the contract in force: the specs that it was made from, and their age.

use crate::contract::VersionSpec;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// The versions of the contract in force.
#[derive(Clone, Debug, Default)]
// A mutex, as it is taken at a reload and at a scrape only. Poisoning is ignored: a panic cannot leave a half-replaced
// list.
pub(in crate::telemetry) struct ContractMetrics(Arc<Mutex<Vec<VersionSpec>>>);

impl ContractMetrics {
    /// Replaces the versions, when a bundle is loaded.
    pub(in crate::telemetry) fn set(&self, sources: Vec<VersionSpec>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sources;
    }
}

// The age is computed at a scrape: no event happens as a spec gets older, so a stored gauge would be out of date.
impl Collector for ContractMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut info = encoder.encode_descriptor(
            "portcullis_contract_info",
            "The versions of the contract in force, with the SHA-256 of the spec that each was made from.",
            None,
            MetricType::Gauge,
        )?;
        for source in sources.iter() {
            let digest = source.spec.as_ref().map_or("", |spec| spec.sha256.as_ref());
            let labels = [("version", source.version.as_ref()), ("family", &source.family), ("digest", digest)];
            ConstGauge::new(1_i64).encode(info.encode_family(&labels)?)?;
        }
        let mut age = encoder.encode_descriptor(
            "portcullis_contract_age",
            "Time since the day of the spec that a version of the contract was made from.",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        let now = SystemTime::now();
        for source in sources.iter() {
            let Some(spec) = &source.spec else { continue };
            let labels = [("version", source.version.as_ref()), ("family", &source.family)];
            ConstGauge::new(spec.age(now)).encode(age.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
