//! The place of a request in a trace, and which traces are exported.

pub(super) mod propagation;
pub(super) mod sampling;
mod trace_context;
mod trace_state;

pub use trace_context::{Parent, TRACEPARENT, TraceContext, UpstreamTrace};
pub use trace_state::TRACESTATE;
