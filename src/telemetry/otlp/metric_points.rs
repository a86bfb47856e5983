//! The metrics as `ScopeMetrics` of OTLP: the values that `/metrics` shows, by the names of OpenTelemetry's conventions,
//! cumulative since the start.

use super::batch::Batch;
use super::names;
use super::span::nanoseconds;
use crate::telemetry::metrics::exposition::{self, Family, Sample, families};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ScopeMetrics, Sum,
    exemplar, number_data_point,
};
use prost::Message as _;
use std::time::{Duration, SystemTime};

/// Cumulative: what Prometheus has, and what is not lost with a batch.
const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// The span of time that points are of, in nanoseconds since 1970.
#[derive(Clone, Copy)]
struct Period {
    start: u64,
    end: u64,
}

/// Every metric of `openmetrics`, which counts since `start`, as it is at `now`.
pub(super) fn batch(openmetrics: &str, start: SystemTime, now: SystemTime) -> Batch {
    let period = Period { start: nanoseconds(start), end: nanoseconds(now) };
    let families = families(openmetrics);
    let metrics: Vec<Metric> = families.iter().filter_map(|family| metric(family, period)).collect();
    let items = metrics.iter().map(points).sum();
    let mut batch = Batch::default();
    batch.add(&ScopeMetrics { metrics, ..ScopeMetrics::default() }.encode_to_vec(), items);
    batch
}

fn points(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        _ => 0,
    }
}

/// None for a family that nothing was counted of yet.
fn metric(family: &Family<'_>, period: Period) -> Option<Metric> {
    if family.samples.is_empty() {
        return None;
    }
    let numbers = || family.samples.iter().map(|sample| number(family, sample, period)).collect();
    let sum =
        |is_monotonic| Data::Sum(Sum { data_points: numbers(), aggregation_temporality: CUMULATIVE, is_monotonic });
    let data = match family.kind {
        "counter" => sum(true),
        "histogram" => {
            Data::Histogram(Histogram { data_points: histogram(family, period), aggregation_temporality: CUMULATIVE })
        }
        _ if names::adds_up(family) => sum(false),
        _ => Data::Gauge(Gauge { data_points: numbers() }),
    };
    Some(Metric {
        name: names::metric(family),
        description: family.help.to_owned(),
        unit: names::unit(family).to_owned(),
        data: Some(data),
        ..Metric::default()
    })
}

fn number(family: &Family<'_>, sample: &Sample<'_>, period: Period) -> NumberDataPoint {
    let value = match sample.value.parse() {
        Ok(whole) => number_data_point::Value::AsInt(whole),
        Err(_) => number_data_point::Value::AsDouble(float(sample.value)),
    };
    NumberDataPoint {
        attributes: attributes(family, sample),
        start_time_unix_nano: period.start,
        time_unix_nano: period.end,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

/// The text has for each set of labels the sum, the count and the buckets, each with those below it.
fn histogram(family: &Family<'_>, period: Period) -> Vec<HistogramDataPoint> {
    let mut points: Vec<HistogramDataPoint> = Vec::new();
    for sample in &family.samples {
        if sample.suffix == "_sum" {
            points.push(HistogramDataPoint {
                attributes: attributes(family, sample),
                start_time_unix_nano: period.start,
                time_unix_nano: period.end,
                sum: Some(float(sample.value)),
                ..HistogramDataPoint::default()
            });
        }
        let Some(point) = points.last_mut() else { continue };
        match sample.suffix {
            "_count" => point.count = sample.value.parse().unwrap_or_default(),
            "_bucket" => bucket(point, sample, period),
            _ => {}
        }
    }
    points
}

fn bucket(point: &mut HistogramDataPoint, sample: &Sample<'_>, period: Period) {
    let below: u64 = point.bucket_counts.iter().sum();
    let count: u64 = sample.value.parse().unwrap_or_default();
    point.bucket_counts.push(count.saturating_sub(below));
    let bound = sample.labels.iter().find(|(name, _)| *name == "le").map(|(_, bound)| float(bound));
    // the last one has no bound
    point.explicit_bounds.extend(bound.filter(|bound| bound.is_finite()));
    point.exemplars.extend(sample.exemplar.as_ref().map(|it| exemplar(it, period)));
}

fn exemplar(exemplar: &exposition::Exemplar<'_>, period: Period) -> Exemplar {
    let time = exemplar.time.and_then(|time| Duration::try_from_secs_f64(float(time)).ok());
    let time = time.and_then(|time| u64::try_from(time.as_nanos()).ok());
    let trace = exemplar.labels.iter().find(|(name, _)| *name == "trace_id");
    let trace = trace.and_then(|(_, digits)| u128::from_str_radix(digits, 16).ok());
    Exemplar {
        time_unix_nano: time.unwrap_or(period.end),
        trace_id: trace.map(|id| id.to_be_bytes().to_vec()).unwrap_or_default(),
        value: Some(exemplar::Value::AsDouble(float(exemplar.value))),
        ..Exemplar::default()
    }
}

/// Labels that say something, but for the bound of a bucket.
fn attributes(family: &Family<'_>, sample: &Sample<'_>) -> Vec<KeyValue> {
    let labels = sample.labels.iter().filter(|(name, value)| *name != "le" && !value.is_empty());
    let attributes = labels.map(|(name, text)| {
        let key = names::attribute(family, name);
        let value = match (key, text.parse()) {
            ("http.response.status_code" | "server.port", Ok(number)) => any_value::Value::IntValue(number),
            _ => any_value::Value::StringValue(text.clone()),
        };
        KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
    });
    attributes.collect()
}

fn float(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        text => text.parse().unwrap_or_default(),
    }
}
