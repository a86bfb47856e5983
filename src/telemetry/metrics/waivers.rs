//! Metrics of waivers: how many requests needed each, and the days until it expires.

use crate::policy::{Expiry, Waiver};
use crate::telemetry::record::RequestRecord;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaiverLabels {
    waiver: Arc<str>,
    policy: Arc<str>,
}

/// Metrics of waivers: how many requests needed each, and the days until it expires.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct WaiverMetrics {
    waived: Family<WaiverLabels, Counter>,
    expiries: WaiverExpiries,
}

/// The name of each waiver and its expiry.
type Ends = Vec<(Arc<str>, Expiry)>;

/// All waivers of the bundle, expired or not.
#[derive(Clone, Debug, Default)]
// A mutex, as it is taken at a reload and at a scrape only. Poisoning is ignored: a panic cannot leave a half-replaced
// list.
struct WaiverExpiries(Arc<Mutex<Ends>>);

impl WaiverMetrics {
    pub(in crate::telemetry) fn register(&self, registry: &mut Registry) {
        registry.register(
            "portcullis_waived",
            "Requests that a policy would have refused or warned about without a waiver",
            self.waived.clone(),
        );
        registry.register_collector(Box::new(self.expiries.clone()));
    }

    /// Counts each waiver that a request needed, once a request.
    pub(in crate::telemetry) fn add(&self, record: &RequestRecord) {
        // a request has few violations by waivers; a set would hash for nothing
        let mut counted: Vec<&Arc<str>> = Vec::new();
        for violation in &record.violations {
            let Some(waiver) = violation.waived_by.as_ref().filter(|waiver| !counted.contains(waiver)) else {
                continue;
            };
            let labels = WaiverLabels { waiver: waiver.clone(), policy: violation.rule.label() };
            self.waived.get_or_create(&labels).inc();
            counted.push(waiver);
        }
    }

    /// Replaces the waivers, when a bundle is loaded.
    pub(in crate::telemetry) fn set_waivers<'w>(&self, waivers: impl Iterator<Item = &'w Arc<Waiver>>) {
        let expiries = waivers.map(|waiver| (waiver.name.clone(), waiver.expires)).collect();
        *self.expiries.0.lock().unwrap_or_else(PoisonError::into_inner) = expiries;
    }
}

// Days are computed at a scrape: no event happens when a waiver expires, so a stored gauge would be out of date.
impl Collector for WaiverExpiries {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut days = encoder.encode_descriptor(
            "portcullis_waiver_days_left",
            "Days until a waiver expires, negative if it has expired.",
            None,
            MetricType::Gauge,
        )?;
        let now = SystemTime::now();
        for (waiver, expiry) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            ConstGauge::new(expiry.days_left(now)).encode(days.encode_family(&[("waiver", waiver.as_ref())])?)?;
        }
        Ok(())
    }
}
