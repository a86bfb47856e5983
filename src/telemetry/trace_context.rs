//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): the ids that tie our spans to the caller's and the upstream's.

/// The place of a request in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace: the caller's where it sent exactly one valid `traceparent`, else a new one.
    pub trace_id: [u8; 16],
    /// The caller's span.
    pub parent_span_id: Option<[u8; 8]>,
    /// Our SERVER span.
    pub server_span_id: [u8; 8],
    /// Our CLIENT span, which `traceparent` names towards the upstream.
    pub client_span_id: [u8; 8],
    /// Whether the trace is sampled.
    pub sampled: bool,
}
