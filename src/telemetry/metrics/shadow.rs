//! Metrics of the shadow bundle: what it would have decided otherwise, and what judging by it costs.

use super::JUDGE_BOUNDS;
use crate::judge::{RuleDifference, ShadowDecision};
use crate::telemetry::record::{RequestRecord, ShadowOutcome};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;

/// The value of `decision` for a request that both bundles decide alike.
const SAME: &str = "same";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShadowDecisionLabels {
    decision: &'static str,
}

// all of closed sets: operations and keywords of the contract, names of loaded policies, actions
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DifferenceLabels {
    operation: Arc<str>,
    policy: Arc<str>,
    action: &'static str,
    shadow_action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShadowBundleLabels {
    revision: String,
}

/// Metrics of the shadow bundle.
#[derive(Debug)]
pub(in crate::telemetry) struct ShadowMetrics {
    decisions: Family<ShadowDecisionLabels, Counter>,
    differences: Family<DifferenceLabels, Counter>,
    failures: Counter,
    duration: Histogram,
    bundle: Family<ShadowBundleLabels, Gauge>,
}

impl Default for ShadowMetrics {
    fn default() -> Self {
        Self {
            decisions: Family::default(),
            differences: Family::default(),
            failures: Counter::default(),
            duration: Histogram::new(JUDGE_BOUNDS),
            bundle: Family::default(),
        }
    }
}

impl ShadowMetrics {
    pub(in crate::telemetry) fn register(&self, registry: &mut Registry) {
        for decision in ShadowDecision::ALL.map(ShadowDecision::as_str).into_iter().chain([SAME]) {
            drop(self.decisions.get_or_create(&ShadowDecisionLabels { decision }));
        }
        registry.register(
            "portcullis_shadow_decisions",
            "Requests that the shadow bundle judged, by how its decision differs",
            self.decisions.clone(),
        );
        registry.register(
            "portcullis_shadow_differences",
            "Rules with another effect in the shadow bundle, each once a request",
            self.differences.clone(),
        );
        registry.register(
            "portcullis_shadow_failures",
            "Requests that the shadow bundle could not judge because of an error of the gateway",
            self.failures.clone(),
        );
        registry.register_with_unit(
            "portcullis_shadow_duration",
            "Time to judge a request by the shadow bundle",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register("portcullis_shadow_bundle_info", "The shadow bundle: always 1", self.bundle.clone());
    }

    /// Counts what the shadow bundle would have decided on a request, if there is one.
    pub(in crate::telemetry) fn add(&self, record: &RequestRecord, operation: &Arc<str>) {
        let Some(ShadowOutcome { elapsed, judgement, .. }) = record.shadow.as_deref() else { return };
        self.duration.observe(elapsed.as_secs_f64());
        let Some(judgement) = judgement else {
            self.failures.inc();
            return;
        };
        let decision = judgement.decision.map_or(SAME, ShadowDecision::as_str);
        self.decisions.get_or_create(&ShadowDecisionLabels { decision }).inc();
        for RuleDifference { rule, action, shadow_action } in &judgement.differences {
            let [action, shadow_action] = [action, shadow_action].map(|it| it.map_or("none", |action| action.as_str()));
            let labels =
                DifferenceLabels { operation: Arc::clone(operation), policy: rule.label(), action, shadow_action };
            self.differences.get_or_create(&labels).inc();
        }
    }

    /// Sets the shadow bundle that judges from now on. `None` if there is none.
    pub(in crate::telemetry) fn bundle_loaded(&self, revision: Option<&str>) {
        self.bundle.clear();
        if let Some(revision) = revision {
            self.bundle.get_or_create(&ShadowBundleLabels { revision: revision.to_owned() }).set(1);
        }
    }
}
