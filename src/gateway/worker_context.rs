//! What all workers share.

use crate::gateway::capacity::Capacity;
use crate::gateway::gate::Gate;
use crate::telemetry::Telemetry;
use std::sync::Arc;

/// What all workers share.
pub struct WorkerContext {
    /// By what requests are judged.
    pub gate: Arc<Gate>,
    /// Where records go.
    pub telemetry: Telemetry,
    /// Requests under way.
    pub(super) requests: Capacity,
}

impl WorkerContext {
    /// Judges by `gate`, reports to `telemetry`.
    pub fn new(gate: Gate, telemetry: Telemetry) -> Self {
        let requests = Capacity::new(gate.limits.in_flight);
        Self { gate: Arc::new(gate), telemetry, requests }
    }
}
