//! What all workers share.

use super::gate::Gate;
use crate::telemetry::Telemetry;
use std::sync::Arc;

/// What all workers share.
pub struct WorkerContext {
    /// The rules of admission and inspection.
    pub gate: Arc<Gate>,
    /// Where records are reported.
    pub telemetry: Telemetry,
}

impl WorkerContext {
    /// Judges by `gate` and reports to `telemetry`.
    pub fn new(gate: Gate, telemetry: Telemetry) -> Self {
        Self { gate: Arc::new(gate), telemetry }
    }
}
