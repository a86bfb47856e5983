//! What all workers share.

use super::budget::Budget;
use super::gate::Gate;
use crate::telemetry::Telemetry;
use std::sync::Arc;

/// What all workers share.
pub struct Shared {
    /// By what requests are judged.
    pub gate: Arc<Gate>,
    /// Where records go.
    pub telemetry: Telemetry,
    /// Requests under way.
    pub(super) requests: Budget,
}

impl Shared {
    /// Judges by `gate`, reports to `telemetry`.
    pub fn new(gate: Gate, telemetry: Telemetry) -> Self {
        let requests = Budget::new(gate.limits.in_flight);
        Self { gate: Arc::new(gate), telemetry, requests }
    }
}
