//! What the admin listener shows of what is loaded.

use super::restart_keys::with_reloadable;
use crate::admin::{LoadStatus, ReloadReport};
use crate::config::gateway::Gateway;
use crate::judge::Bundle;
use crate::telemetry::ReloadOutcome;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::SystemTime;

/// What the admin listener shows of what is loaded. Reloads replace it.
pub(super) struct LoadView {
    /// The configuration in force.
    pub(super) config: Arc<ArcSwap<Gateway>>,
    pub(super) status: Arc<ArcSwap<LoadStatus>>,
}

impl LoadView {
    /// Of a gateway that starts with `bundle`, of which `tests` cases passed.
    pub(super) fn of_start(gateway: &Gateway, bundle: &Bundle, tests: usize) -> Self {
        let now = SystemTime::now();
        let report = ReloadReport {
            outcome: ReloadOutcome::Loaded,
            revision: bundle.revision.to_string(),
            restart_required: Vec::new(),
            errors: Vec::new(),
        };
        let status = LoadStatus { started: now, since: now, tests, reloaded: now, report };
        Self {
            config: Arc::new(ArcSwap::from_pointee(gateway.clone())),
            status: Arc::new(ArcSwap::from_pointee(status)),
        }
    }

    /// Shows the settings of `now` that apply at run time.
    pub(super) fn apply(&self, now: &Gateway) {
        self.config.rcu(|config| with_reloadable(config, now));
    }

    /// Shows how a reload ended. `tests` is the number of cases of a new bundle; `None` if there is none.
    pub(super) fn show_result(&self, report: &ReloadReport, tests: Option<usize>) {
        let now = SystemTime::now();
        self.status.rcu(|status| {
            let (since, tests) = tests.map_or((status.since, status.tests), |tests| (now, tests));
            LoadStatus { started: status.started, since, tests, reloaded: now, report: report.clone() }
        });
    }
}
