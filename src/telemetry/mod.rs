//! One record a request, from which log line, metrics and spans are made.

pub mod record;
pub mod trace_context;
