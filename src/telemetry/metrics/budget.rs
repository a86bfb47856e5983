//! Metrics of the memory that clients hold, by the prices of `crate::budget`, and its bound, `limits.memoryBytes`.

use crate::budget::ClientBudget;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The budget of the gateway; nothing is shown before it is set.
// read at a scrape: a gauge of its own would cost each request an atomic write
#[derive(Clone, Debug, Default)]
pub(in crate::telemetry) struct BudgetMetrics(Arc<OnceLock<Arc<ClientBudget>>>);

impl BudgetMetrics {
    /// Shows `budget`. The first one counts.
    pub(in crate::telemetry) fn set(&self, budget: &Arc<ClientBudget>) {
        let _ = self.0.set(Arc::clone(budget));
    }
}

impl Collector for BudgetMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(budget) = self.0.get() else { return Ok(()) };
        for (name, help, bytes) in [
            ("portcullis_memory_budget", "Most memory that clients can hold.", budget.bytes_limit()),
            ("portcullis_memory_budget_used", "Memory that clients hold.", budget.bytes_used()),
        ] {
            let gauge = encoder.encode_descriptor(name, help, Some(&Unit::Bytes), MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(bytes).unwrap_or(i64::MAX)).encode(gauge)?;
        }
        Ok(())
    }
}
