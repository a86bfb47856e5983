//! What admission and inspection go by.

use crate::config::gateway::{EnvironmentOverride, Limits};
use crate::contract::credential::{Environment, KeyClass};
use crate::decision_log::RetentionRules;
use crate::gateway::capacity::Capacity;
use crate::gateway::layers::meter::{Clock, LimitCounters};
use crate::judge::Bundle;
use crate::redact::{Fingerprinter, Masks};
use arc_swap::ArcSwap;
use std::net::SocketAddr;
use std::sync::Arc;

/// What admission and inspection go by; shared by all workers.
#[derive(Debug)]
pub struct Gate {
    /// The bundle in force. Each request takes it once and is judged by nothing else.
    pub bundle: ArcSwap<Bundle>,
    pub(super) limits: Limits,
    pub(super) environment: Option<EnvironmentOverride>,
    /// What limits have counted.
    pub(super) counts: LimitCounters,
    pub(super) clock: Clock,
    pub(super) fingerprinter: Fingerprinter,
    /// What logs and spans may not show of the names of fields.
    pub(super) masks: Arc<Masks>,
    /// What the decision log keeps of requests; none where there is none.
    pub(super) retention: Option<RetentionRules>,
    /// Bytes of bodies held for inspection.
    pub(super) bodies: Capacity,
    /// The authorities under which clients may address the gateway in absolute form.
    pub(super) authorities: Vec<String>,
}

impl Gate {
    /// Judges by `bundle` within `limits`; clients may name the gateway by any of the addresses `listen`.
    pub fn new(
        bundle: Arc<Bundle>,
        limits: Limits,
        environment: Option<EnvironmentOverride>,
        listen: &[SocketAddr],
    ) -> Self {
        Self {
            bundle: ArcSwap::new(bundle),
            limits,
            environment,
            counts: LimitCounters::default(),
            clock: Clock::default(),
            fingerprinter: Fingerprinter::random(),
            masks: Arc::default(),
            retention: None,
            bodies: Capacity::new(limits.body_budget_bytes),
            authorities: listen.iter().flat_map(authorities_of).collect(),
        }
    }

    /// With names of fields hidden from logs and spans.
    #[must_use]
    pub fn masked(self, masks: Arc<Masks>) -> Self {
        Self { masks, ..self }
    }

    /// With evidence kept for a decision log.
    #[must_use]
    pub fn retention(self, retention: Option<RetentionRules>) -> Self {
        Self { retention, ..self }
    }

    /// The same, with limits that count by `clock`.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Judges by `bundle` from now on. What its limits have counted before they go on with.
    pub fn replace(&self, bundle: Arc<Bundle>) {
        self.counts.keep(&bundle.policies);
        self.bundle.store(bundle);
    }

    /// The environment by which to judge a request with such a credential. An override can only make it stricter, unless
    /// it is forced.
    pub(super) fn environment_of(&self, key: KeyClass) -> Environment {
        self.environment.map_or(key.environment(), |overriding| overriding.over(key.environment()))
    }
}

fn authorities_of(address: &SocketAddr) -> Vec<String> {
    let mut authorities = vec![address.to_string()];
    if address.ip().is_loopback() {
        authorities.push(format!("localhost:{}", address.port()));
    }
    authorities
}
