//! The rules of admission and inspection.

use crate::budget::{BudgetLimits, ClientBudget};
use crate::config::gateway::{EnvironmentOverride, Limits};
use crate::contract::credential::Environment;
use crate::decision_log::RetentionRules;
use crate::gateway::layers::meter::{Clock, LimitCounters};
use crate::judge::Bundle;
use crate::policy::Instance;
use crate::redact::{Fingerprinter, Masks};
use arc_swap::ArcSwap;
use std::net::SocketAddr;
use std::sync::Arc;

/// The rules of admission and inspection, shared by all workers: the bundle, the limits and what they have counted.
#[derive(Debug)]
pub struct Gate {
    /// The bundle in force.
    // swapped as a whole: a request loads it once, so that a reload never judges it by parts of two bundles
    pub bundle: ArcSwap<Bundle>,
    pub(super) limits: Limits,
    pub(super) environment: Option<EnvironmentOverride>,
    /// What policies know of this gateway.
    pub(super) instance: Arc<Instance>,
    /// What the policies' limits have counted.
    pub(super) counts: LimitCounters,
    pub(super) clock: Clock,
    pub(super) fingerprinter: Fingerprinter,
    /// Names of fields that logs and spans mask.
    pub(super) masks: Arc<Masks>,
    /// What the decision log retains of a request. `None` without a decision log.
    pub(super) retention: Option<RetentionRules>,
    /// What clients can hold: connections, requests and memory.
    pub budget: Arc<ClientBudget>,
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
            instance: Arc::default(),
            counts: LimitCounters::default(),
            clock: Clock::default(),
            fingerprinter: Fingerprinter::random(),
            masks: Arc::default(),
            retention: None,
            budget: ClientBudget::new(BudgetLimits {
                connections: limits.connections,
                requests: limits.in_flight,
                bytes: limits.memory_bytes,
                client_share: limits.per_client_share,
            }),
            authorities: listen.iter().flat_map(authorities_of).collect(),
        }
    }

    /// Shows policies what the gateway is called.
    #[must_use]
    pub fn with_instance(self, instance: Arc<Instance>) -> Self {
        Self { instance, ..self }
    }

    /// Masks names of fields in logs and spans.
    #[must_use]
    pub fn with_masks(self, masks: Arc<Masks>) -> Self {
        Self { masks, ..self }
    }

    /// Captures the input of decisions for a decision log.
    #[must_use]
    pub fn with_retention(self, retention: Option<RetentionRules>) -> Self {
        Self { retention, ..self }
    }

    /// Has limits count by `clock`.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Judges by `bundle` from now on. Limits that are in both bundles keep what they have counted.
    pub fn replace(&self, bundle: Arc<Bundle>) {
        self.counts.retain(&bundle.policies);
        self.bundle.store(bundle);
    }

    /// The environment whose rules apply to a request whose credential is one of `read`. An override can only make it stricter,
    /// unless it is forced.
    pub(super) fn environment_of(&self, read: Environment) -> Environment {
        self.environment.map_or(read, |overriding| overriding.over(read))
    }
}

fn authorities_of(address: &SocketAddr) -> Vec<String> {
    let mut authorities = vec![address.to_string()];
    if address.ip().is_loopback() {
        authorities.push(format!("localhost:{}", address.port()));
    }
    authorities
}
