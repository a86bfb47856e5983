//! Exemplars: the trace id that a bucket of a histogram shows.

use crate::telemetry::format::hex;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use std::fmt::{self, Write as _};

/// Histograms of durations, each of whose buckets has the trace of its latest exported request.
pub(in crate::telemetry) type ExemplarHistograms<L> =
    Family<L, HistogramWithExemplars<TraceExemplar>, fn() -> HistogramWithExemplars<TraceExemplar>>;

/// The label set of an exemplar.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(in crate::telemetry) struct TraceExemplar {
    trace_id: TraceId,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TraceId([u8; 16]);

impl TraceExemplar {
    pub(in crate::telemetry) const fn by(trace_id: [u8; 16]) -> Self {
        Self { trace_id: TraceId(trace_id) }
    }
}

impl EncodeLabelValue for TraceId {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        // hex here, at a scrape, and not for every observation
        encoder.write_str(std::str::from_utf8(&hex::<16, 32>(self.0)).unwrap_or_default())
    }
}
