//! The trace that stands for a bucket of a histogram.

use crate::telemetry::format::hex;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use std::fmt::{self, Write as _};

/// Durations of which each bucket names a trace.
pub(in crate::telemetry) type ExemplarHistograms<L> =
    Family<L, HistogramWithExemplars<TraceExemplar>, fn() -> HistogramWithExemplars<TraceExemplar>>;

/// By which an exemplar names the trace it stands for.
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
        encoder.write_str(std::str::from_utf8(&hex::<16, 32>(self.0)).unwrap_or_default())
    }
}
