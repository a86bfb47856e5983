//! Whether counts are sent since the start or since the last export
//! (<https://opentelemetry.io/docs/specs/otel/metrics/sdk_exporters/otlp/>).

use super::batch::Batch;
use super::metric_points::{self, PointRange};
use super::names;
use crate::telemetry::otel_vars::OtelVars;
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::{
    Exemplar, Metric, MetricFamily, MetricType,
};
use std::collections::HashMap;
use std::time::SystemTime;

const VARIABLE: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";

/// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TemporalityPreference {
    /// Everything since the start: a lost batch loses no counts, as the next one includes them.
    Cumulative,
    /// Counters and histograms since the last export.
    Delta,
    /// Those that are counted as events happen. What is observed at the export only is sent since the start, as it takes
    /// memory to send anything else.
    LowMemory,
}

impl TemporalityPreference {
    /// Reads the variable. An unknown preference is ignored with a warning.
    pub(super) fn read(environment: OtelVars<'_>) -> Self {
        let Some(name) = environment.get(VARIABLE) else { return Self::Cumulative };
        match name.trim().to_ascii_lowercase().as_str() {
            "cumulative" => Self::Cumulative,
            "delta" => Self::Delta,
            "lowmemory" => Self::LowMemory,
            _ => {
                environment.ignore(VARIABLE, "is neither `cumulative` nor `delta` nor `lowmemory`");
                Self::Cumulative
            }
        }
    }

    /// Whether `family` is sent since the last export. Up-down counters never are: a sum of changes is of no use if one
    /// of them is lost.
    fn is_delta(self, family: &MetricFamily) -> bool {
        let is_counted = matches!(family.r#type(), MetricType::Counter | MetricType::Histogram);
        match self {
            Self::Cumulative => false,
            Self::Delta => is_counted,
            Self::LowMemory => is_counted && !names::is_observed(family),
        }
    }
}

/// What was sent so far, by which the next batch has only what is new.
#[derive(Debug)]
pub(super) struct SentMetrics {
    preference: TemporalityPreference,
    start: SystemTime,
    /// When the last batch was taken that the collector accepted.
    since: SystemTime,
    series: HashMap<String, SentSeries>,
}

/// The values of a series in the last batch that the collector accepted.
#[derive(Debug, Default)]
struct SentSeries {
    counter: f64,
    count: u64,
    sum: f64,
    /// The cumulative counts of the buckets.
    buckets: Vec<u64>,
}

impl SentMetrics {
    /// Nothing was sent, and everything was counted from `start` on.
    pub(super) fn none(preference: TemporalityPreference, start: SystemTime) -> Self {
        Self { preference, start, since: start, series: HashMap::new() }
    }

    /// Encodes a snapshot of all metrics, taken at `now`.
    pub(super) fn batch(&self, families: &[MetricFamily], now: SystemTime) -> Batch {
        let metrics = families.iter().filter_map(|family| {
            if self.preference.is_delta(family) {
                let range = PointRange::delta(self.since, now);
                return metric_points::metric(&self.changes(family), range);
            }
            metric_points::metric(family, PointRange::cumulative(self.start, now))
        });
        metric_points::batch(metrics.collect())
    }

    /// Takes note that the collector accepted the batch of this snapshot.
    // A batch that it did not accept is part of the next one, so that no counts are lost
    pub(super) fn note_accepted(&mut self, families: &[MetricFamily], now: SystemTime) {
        let delta = families.iter().filter(|family| self.preference.is_delta(family));
        let series =
            delta.flat_map(|family| family.metric.iter().map(|series| (key(family, series), SentSeries::of(series))));
        // a series that was removed is not kept
        self.series = series.collect();
        self.since = now;
    }

    /// The series of `family` that have counted something since the last batch, with what they have counted since then.
    fn changes(&self, family: &MetricFamily) -> MetricFamily {
        let none = SentSeries::default();
        let changed = family.metric.iter().filter_map(|series| {
            let before = self.series.get(&key(family, series)).unwrap_or(&none);
            change(series, before, self.since)
        });
        MetricFamily { metric: changed.collect(), ..family.clone() }
    }
}

impl SentSeries {
    fn of(series: &Metric) -> Self {
        let histogram = series.histogram.as_ref();
        Self {
            counter: series.counter.as_ref().map_or(0.0, |counter| counter.value),
            count: histogram.map_or(0, |histogram| histogram.sample_count),
            sum: histogram.map_or(0.0, |histogram| histogram.sample_sum),
            buckets: histogram.into_iter().flat_map(|it| &it.bucket).map(|bucket| bucket.cumulative_count).collect(),
        }
    }
}

/// What `series` has counted since `before`, at `since`. `None` if that is nothing.
fn change(series: &Metric, before: &SentSeries, since: SystemTime) -> Option<Metric> {
    let mut changed = series.clone();
    if let Some(counter) = &mut changed.counter {
        // a series that began anew has less than before, all of which is new
        if counter.value >= before.counter {
            counter.value -= before.counter;
        }
        counter.exemplar = counter.exemplar.take().filter(|exemplar| is_new(exemplar, since));
        return (counter.value > 0.0).then_some(changed);
    }
    let histogram = changed.histogram.as_mut()?;
    if histogram.sample_count >= before.count {
        histogram.sample_count -= before.count;
        histogram.sample_sum -= before.sum;
        for (bucket, before) in histogram.bucket.iter_mut().zip(&before.buckets) {
            bucket.cumulative_count = bucket.cumulative_count.saturating_sub(*before);
        }
    }
    for bucket in &mut histogram.bucket {
        bucket.exemplar = bucket.exemplar.take().filter(|exemplar| is_new(exemplar, since));
    }
    (histogram.sample_count > 0).then_some(changed)
}

fn is_new(exemplar: &Exemplar, since: SystemTime) -> bool {
    let time = exemplar.timestamp.and_then(|time| SystemTime::try_from(time).ok());
    time.is_some_and(|time| time >= since)
}

/// The name of the family with the labels of the series.
fn key(family: &MetricFamily, series: &Metric) -> String {
    let labels = series.label.iter().flat_map(|label| ["\0", &label.name, "\0", &label.value]);
    [family.name.as_str()].into_iter().chain(labels).collect()
}

#[cfg(test)]
mod tests {
    use super::{SentMetrics, TemporalityPreference, VARIABLE};
    use crate::telemetry::otel_vars::OtelVars;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
    use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric, ScopeMetrics};
    use prometheus_client::collector::Collector;
    use prometheus_client::encoding::prometheus_protobuf::encode;
    use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
    use prometheus_client::metrics::MetricType;
    use prometheus_client::metrics::counter::{ConstCounter, Counter};
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::registry::Registry;
    use prost::Message as _;
    use std::time::{Duration, SystemTime};

    /// A counter that is observed at the export.
    #[derive(Debug)]
    struct Observed;

    impl Collector for Observed {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
            let counter =
                encoder.encode_descriptor("portcullis_own_log_lines_dropped", "Lines.", None, MetricType::Counter)?;
            ConstCounter::new(7_u64).encode(counter)
        }
    }

    struct Instruments {
        registry: Registry,
        counter: Counter,
        histogram: Histogram,
        now: SystemTime,
    }

    impl Instruments {
        fn new() -> Self {
            let (mut registry, counter) = (Registry::default(), Counter::default());
            let histogram = Histogram::new([1.0, 2.0]);
            let active: Gauge = Gauge::default();
            active.set(3);
            registry.register("portcullis_requests", "Requests.", counter.clone());
            registry.register("portcullis_size", "Sizes.", histogram.clone());
            registry.register("http_server_active_requests", "Active.", active);
            registry.register_collector(Box::new(Observed));
            Self { registry, counter, histogram, now: SystemTime::UNIX_EPOCH }
        }

        /// Exports after a second, to a collector that accepts.
        fn export(&mut self, sent: &mut SentMetrics, is_accepted: bool) -> Vec<Metric> {
            self.now += Duration::from_secs(1);
            let families = encode(&self.registry).unwrap();
            let batch = sent.batch(&families, self.now);
            if is_accepted {
                sent.note_accepted(&families, self.now);
            }
            ScopeMetrics::decode(batch.bytes()).unwrap().metrics
        }
    }

    fn metric<'m>(metrics: &'m [Metric], name: &str) -> Option<&'m Data> {
        metrics.iter().find(|metric| metric.name == name)?.data.as_ref()
    }

    /// The temporality of a sum, the seconds from its start to its end, and its value.
    fn sum(metrics: &[Metric], name: &str) -> Option<(AggregationTemporality, u64, i64)> {
        let Data::Sum(sum) = metric(metrics, name)? else { panic!("a sum") };
        let [point] = &sum.data_points[..] else { panic!("one point: {sum:?}") };
        let Some(Value::AsInt(value)) = point.value else { panic!("an integer") };
        Some((
            sum.aggregation_temporality(),
            (point.time_unix_nano - point.start_time_unix_nano) / 1_000_000_000,
            value,
        ))
    }

    #[test]
    fn each_kind_of_instrument_has_the_temporality_of_the_table() {
        use AggregationTemporality::{Cumulative, Delta};
        for (preference, counter, observed) in [
            (TemporalityPreference::Cumulative, Cumulative, Cumulative),
            (TemporalityPreference::Delta, Delta, Delta),
            (TemporalityPreference::LowMemory, Delta, Cumulative),
        ] {
            let (mut all, mut sent) = (Instruments::new(), SentMetrics::none(preference, SystemTime::UNIX_EPOCH));
            all.counter.inc();
            all.histogram.observe(1.5);
            let metrics = all.export(&mut sent, true);
            assert_eq!(sum(&metrics, "portcullis.requests"), Some((counter, 1, 1)), "{preference:?}");
            assert_eq!(sum(&metrics, "portcullis.own_log_lines_dropped"), Some((observed, 1, 7)), "{preference:?}");
            assert_eq!(sum(&metrics, "http.server.active_requests"), Some((Cumulative, 1, 3)), "{preference:?}");
            let Some(Data::Histogram(histogram)) = metric(&metrics, "portcullis.size") else { panic!("a histogram") };
            assert_eq!(histogram.aggregation_temporality(), counter, "{preference:?}");
        }
    }

    #[test]
    fn a_delta_has_what_was_counted_since_the_last_one_that_arrived() {
        let mut all = Instruments::new();
        let mut sent = SentMetrics::none(TemporalityPreference::Delta, SystemTime::UNIX_EPOCH);
        let delta = AggregationTemporality::Delta;
        all.counter.inc_by(2);
        all.histogram.observe(1.5);
        assert_eq!(sum(&all.export(&mut sent, true), "portcullis.requests"), Some((delta, 1, 2)));
        let idle = all.export(&mut sent, true);
        assert_eq!((sum(&idle, "portcullis.requests"), metric(&idle, "portcullis.size")), (None, None));
        all.counter.inc_by(3);
        all.histogram.observe(0.5);
        all.histogram.observe(5.0);
        all.export(&mut sent, false);
        all.counter.inc_by(4);
        let metrics = all.export(&mut sent, true);
        assert_eq!(sum(&metrics, "portcullis.requests"), Some((delta, 2, 7)), "what was refused is in the next");
        let Some(Data::Histogram(histogram)) = metric(&metrics, "portcullis.size") else { panic!("a histogram") };
        let [point] = &histogram.data_points[..] else { panic!("one point") };
        assert_eq!((point.count, point.sum, &point.bucket_counts[..]), (2, Some(5.5), &[1, 0, 1][..]));
    }

    #[test]
    fn a_preference_is_read_in_any_case() {
        let read = |value: &str| {
            let lookup = |name: &str| (name == VARIABLE).then(|| value.to_owned());
            TemporalityPreference::read(OtelVars::new(&lookup))
        };
        assert_eq!(
            (read("Delta"), read("LowMemory")),
            (TemporalityPreference::Delta, TemporalityPreference::LowMemory)
        );
        for other in ["", "CUMULATIVE", "gauge"] {
            assert_eq!(read(other), TemporalityPreference::Cumulative, "{other}");
        }
    }
}
