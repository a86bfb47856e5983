//! What all workers share.

use super::capacity::Capacity;
use super::gate::Gate;
use crate::telemetry::Telemetry;
use std::sync::Arc;

/// What all workers share.
pub struct WorkerContext {
    /// The rules of admission and inspection.
    pub gate: Arc<Gate>,
    /// Where records are reported.
    pub telemetry: Telemetry,
    /// Bounds the requests in flight, over all workers.
    pub(super) requests: Capacity,
}

impl WorkerContext {
    /// Judges by `gate` and reports to `telemetry`.
    pub fn new(gate: Gate, telemetry: Telemetry) -> Self {
        let requests = Capacity::new(gate.limits.in_flight);
        Self { gate: Arc::new(gate), telemetry, requests }
    }
}
