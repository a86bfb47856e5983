//! Metrics as `ScopeMetrics` of OTLP: the values of `/metrics` by OpenTelemetry's names.
//!
//! They are read from the registry by its structured encoder. This runs once a minute, so the generated messages do;
//! spans and log records, which are encoded for every request, use `super::protobuf`.

use super::batch::Batch;
use super::names;
use super::span::nanoseconds;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ScopeMetrics, Sum,
    exemplar, number_data_point,
};
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::{
    self as prometheus, LabelPair, MetricFamily, MetricType,
};
use prost::Message as _;
use std::time::SystemTime;

/// The time range of the points of a metric, in nanoseconds since 1970, and what its start is.
#[derive(Clone, Copy)]
pub(super) struct PointRange {
    start: u64,
    end: u64,
    temporality: AggregationTemporality,
}

impl PointRange {
    /// Counted since `start`, of the process, until `now`.
    pub(super) fn cumulative(start: SystemTime, now: SystemTime) -> Self {
        let temporality = AggregationTemporality::Cumulative;
        Self { start: nanoseconds(start), end: nanoseconds(now), temporality }
    }

    /// Counted since `since`, of the last batch, until `now`.
    pub(super) fn delta(since: SystemTime, now: SystemTime) -> Self {
        Self { temporality: AggregationTemporality::Delta, ..Self::cumulative(since, now) }
    }
}

/// Encodes `metrics`.
pub(super) fn batch(metrics: Vec<Metric>) -> Batch {
    let items = metrics.iter().map(count_points).sum();
    let mut batch = Batch::default();
    batch.add(&ScopeMetrics { metrics, ..ScopeMetrics::default() }.encode_to_vec(), items);
    batch
}

fn count_points(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        _ => 0,
    }
}

/// `None` if the family has no series yet: OTLP has no use for a metric without points.
pub(super) fn metric(family: &MetricFamily, range: PointRange) -> Option<Metric> {
    if family.metric.is_empty() {
        return None;
    }
    let aggregation_temporality = range.temporality as i32;
    let sum =
        |is_monotonic| Data::Sum(Sum { data_points: numbers(family, range), aggregation_temporality, is_monotonic });
    let data = match family.r#type() {
        MetricType::Counter => sum(true),
        MetricType::Histogram => {
            Data::Histogram(Histogram { data_points: histograms(family, range), aggregation_temporality })
        }
        _ if names::is_additive(family) => sum(false),
        _ => Data::Gauge(Gauge { data_points: numbers(family, range) }),
    };
    Some(Metric {
        name: names::metric(family),
        description: family.help.clone(),
        unit: names::unit(family).to_owned(),
        data: Some(data),
        ..Metric::default()
    })
}

fn numbers(family: &MetricFamily, range: PointRange) -> Vec<NumberDataPoint> {
    let points = family.metric.iter().map(|series| NumberDataPoint {
        attributes: attributes(family, &series.label),
        start_time_unix_nano: range.start,
        time_unix_nano: range.end,
        value: Some(number(family, series)),
        ..NumberDataPoint::default()
    });
    points.collect()
}

#[expect(clippy::cast_possible_truncation, reason = "registered as an integer, and far below 2^53")]
fn number(family: &MetricFamily, series: &prometheus::Metric) -> number_data_point::Value {
    let counter = series.counter.as_ref().map(|counter| counter.value);
    let value = counter.or(series.gauge.as_ref().map(|gauge| gauge.value)).unwrap_or_default();
    if names::is_fractional(family) {
        number_data_point::Value::AsDouble(value)
    } else {
        number_data_point::Value::AsInt(value as i64)
    }
}

fn histograms(family: &MetricFamily, range: PointRange) -> Vec<HistogramDataPoint> {
    let with_histogram = family.metric.iter().filter_map(|series| Some((series, series.histogram.as_ref()?)));
    let points = with_histogram.map(|(series, histogram)| HistogramDataPoint {
        attributes: attributes(family, &series.label),
        start_time_unix_nano: range.start,
        time_unix_nano: range.end,
        count: histogram.sample_count,
        sum: Some(histogram.sample_sum),
        bucket_counts: bucket_counts(histogram),
        // OTLP leaves out the bound of the last bucket, which is infinite
        explicit_bounds: histogram.bucket.iter().map(|it| it.upper_bound).filter(|it| it.is_finite()).collect(),
        exemplars: histogram.bucket.iter().filter_map(|it| Some(exemplar(it.exemplar.as_ref()?, range))).collect(),
        ..HistogramDataPoint::default()
    });
    points.collect()
}

/// Prometheus counts in each bucket what is below its bound, OTLP only what is above the bound before.
fn bucket_counts(histogram: &prometheus::Histogram) -> Vec<u64> {
    let mut below = 0;
    let counts = histogram
        .bucket
        .iter()
        .map(|bucket| bucket.cumulative_count - std::mem::replace(&mut below, bucket.cumulative_count));
    counts.collect()
}

fn exemplar(exemplar: &prometheus::Exemplar, range: PointRange) -> Exemplar {
    let time = exemplar.timestamp.and_then(|time| SystemTime::try_from(time).ok());
    let trace = exemplar.label.iter().find(|label| label.name == "trace_id");
    let trace = trace.and_then(|label| u128::from_str_radix(&label.value, 16).ok());
    Exemplar {
        time_unix_nano: time.map_or(range.end, nanoseconds),
        trace_id: trace.map(|id| id.to_be_bytes().to_vec()).unwrap_or_default(),
        value: Some(exemplar::Value::AsDouble(exemplar.value)),
        ..Exemplar::default()
    }
}

/// Attributes from labels. An empty label means in Prometheus that there is none.
fn attributes(family: &MetricFamily, labels: &[LabelPair]) -> Vec<KeyValue> {
    let attributes = labels.iter().filter(|label| !label.value.is_empty()).map(|label| {
        let key = names::attribute(family, &label.name);
        let value = match (key, label.value.parse()) {
            ("http.response.status_code" | "server.port", Ok(number)) => any_value::Value::IntValue(number),
            _ => any_value::Value::StringValue(label.value.clone()),
        };
        KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
    });
    attributes.collect()
}
