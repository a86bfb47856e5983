//! Dropped lines of the application log.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The counter of dropped lines, once it is set. Zero until then. Cheap to clone.
// The application log starts first, as loading the configuration logs already; the registry gets its counter later.
#[derive(Clone, Debug, Default)]
pub(in crate::telemetry) struct DroppedLogLines(Arc<OnceLock<Counter>>);

impl DroppedLogLines {
    /// Sets the counter.
    pub(in crate::telemetry) fn counted_by(&self, lost: Counter) {
        // set once: a process has one application log
        let _ = self.0.set(lost);
    }
}

impl Collector for DroppedLogLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let lost = ConstCounter::new(self.0.get().map_or(0, Counter::get));
        lost.encode(encoder.encode_descriptor(
            "portcullis_own_log_lines_dropped",
            "Dropped application log lines.",
            None,
            MetricType::Counter,
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::DroppedLogLines;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::registry::Registry;

    #[test]
    fn what_the_log_lost_is_told_from_the_start() {
        let (lines, mut registry) = (DroppedLogLines::default(), Registry::default());
        registry.register_collector(Box::new(lines.clone()));
        let metrics = || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            text
        };
        assert!(metrics().contains("\nportcullis_own_log_lines_dropped_total 0\n"), "{}", metrics());
        let lost = Counter::default();
        lines.counted_by(lost.clone());
        lost.inc_by(3);
        assert!(metrics().contains("\nportcullis_own_log_lines_dropped_total 3\n"), "{}", metrics());
    }
}
