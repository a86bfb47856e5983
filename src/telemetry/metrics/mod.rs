//! Metrics for Prometheus and OTLP.
//!
//! All formats are encoded from one registry: `OpenMetrics` text, Prometheus text, and a structured snapshot for OTLP.
//! Labels take their values from closed sets only (standard methods, routes and operations of the contract, names of
//! loaded policies, reasons, statuses), so that no client can increase the number of series.

mod budget;
mod certificates;
mod contract;
pub(super) mod dropped;
mod dropped_lines;
mod exemplar;
mod handshakes;
mod http;
mod last_calls;
mod open_connections;
mod process;
mod reloads;
mod request_series;
mod server;
mod shadow;
mod status;
mod unknown_fields;
mod upstream;
mod waivers;

pub use certificates::CertificateStatus;
pub use handshakes::HandshakeRefusal;
pub use last_calls::UpstreamStatus;
pub use open_connections::{OpenConnection, OpenConnections};
pub use reloads::ReloadOutcome;
pub use server::{RefusedConnection, ServerMetrics};

use crate::config::gateway::UpstreamTarget;
use crate::contract::UnknownVersion;
use crate::redact::OTHER;
use crate::telemetry::record::RequestRecord;
use budget::BudgetMetrics;
use certificates::CertificateMetrics;
use contract::ContractMetrics;
use dropped::DroppedItems;
use dropped_lines::DroppedLogLines;
use http::HttpMetrics;
use last_calls::LastCalls;
use process::ProcessMetrics;
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::MetricFamily;
use prometheus_client::encoding::{self, EncodeLabelSet};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use reloads::ReloadMetrics;
use request_series::{RegistryNumber, RequestSeries, with_series};
use shadow::ShadowMetrics;
use std::sync::Arc;
use unknown_fields::UnknownFieldMetrics;
use upstream::UpstreamMetrics;
use waivers::WaiverMetrics;

/// Bucket bounds in seconds, for work that takes microseconds.
const JUDGE_BOUNDS: [f64; 12] = [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: Arc<str>,
    decision: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    operation: Arc<str>,
    policy: Arc<str>,
    action: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BundleLabels {
    revision: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnknownVersionLabels {
    asked: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnknownOperationLabels {
    method: &'static str,
}

/// Every metric of the process.
pub(in crate::telemetry) struct Metrics {
    registry: Registry,
    number: RegistryNumber,
    /// Metrics that the OpenTelemetry HTTP conventions define.
    pub(in crate::telemetry) http: HttpMetrics,
    judged: Histogram,
    requests: Family<RequestLabels, Counter>,
    decisions: Family<DecisionLabels, Counter>,
    unknown_versions: Family<UnknownVersionLabels, Counter>,
    unknown_operations: Family<UnknownOperationLabels, Counter>,
    unknown_fields: UnknownFieldMetrics,
    keys_forgotten: Counter,
    bundle: Family<BundleLabels, Gauge>,
    bundle_loaded: Gauge,
    /// Metrics of connections to the upstream.
    pub(in crate::telemetry) upstream: UpstreamMetrics,
    /// How often each waiver applied, and when it expires.
    pub(in crate::telemetry) waivers: WaiverMetrics,
    /// What the shadow bundle would have decided otherwise.
    pub(in crate::telemetry) shadow: ShadowMetrics,
    /// The specs of the contract in force.
    pub(in crate::telemetry) contract: ContractMetrics,
    /// How loads of bundles ended.
    pub(in crate::telemetry) reloads: ReloadMetrics,
    last_calls: LastCalls,
    /// The certificates that clients see.
    pub(in crate::telemetry) certificates: CertificateMetrics,
    /// The memory that clients hold.
    pub(in crate::telemetry) budget: BudgetMetrics,
    /// Restarts of workers, and refused connections.
    pub(in crate::telemetry) server: ServerMetrics,
    /// Dropped lines of the access log.
    pub(in crate::telemetry) lines_dropped: Counter,
    /// Dropped lines of the application log.
    pub(in crate::telemetry) own_lines: DroppedLogLines,
    /// Dropped entries of the decision log.
    pub(in crate::telemetry) entries: DroppedItems,
    /// Spans that were made and not exported.
    pub(in crate::telemetry) spans: DroppedItems,
    /// Log records that were made and not exported.
    pub(in crate::telemetry) log_records: DroppedItems,
    /// Metric points that were collected and not exported.
    pub(in crate::telemetry) points: DroppedItems,
    other: Arc<str>,
    none: Arc<str>,
}

impl Metrics {
    /// Metrics of a gateway to `upstream`. The built-in stand-in has no address.
    pub(in crate::telemetry) fn new(upstream: &UpstreamTarget) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            number: RegistryNumber::next(),
            http: HttpMetrics::default(),
            judged: Histogram::new(JUDGE_BOUNDS),
            requests: Family::default(),
            decisions: Family::default(),
            unknown_versions: Family::default(),
            unknown_operations: Family::default(),
            unknown_fields: UnknownFieldMetrics::default(),
            keys_forgotten: Counter::default(),
            bundle: Family::default(),
            bundle_loaded: Gauge::default(),
            upstream: UpstreamMetrics::default(),
            waivers: WaiverMetrics::default(),
            shadow: ShadowMetrics::default(),
            contract: ContractMetrics::default(),
            reloads: ReloadMetrics::default(),
            last_calls: LastCalls::default(),
            certificates: CertificateMetrics::default(),
            budget: BudgetMetrics::default(),
            server: ServerMetrics::default(),
            lines_dropped: Counter::default(),
            own_lines: DroppedLogLines::default(),
            entries: DroppedItems::of("write_failed"),
            spans: DroppedItems::default(),
            log_records: DroppedItems::default(),
            points: DroppedItems::default(),
            other: Arc::from(OTHER),
            none: Arc::from(""),
        };
        metrics.http.register(&mut metrics.registry);
        metrics.http.register_client(&mut metrics.registry, upstream, &metrics.upstream.open);
        metrics.register_unknown();
        metrics.register_own();
        metrics
    }

    /// Registers the metrics of what clients ask for and the contract does not have.
    fn register_unknown(&mut self) {
        for unknown in [UnknownVersion::Newer, UnknownVersion::Other] {
            drop(self.unknown_versions.get_or_create(&UnknownVersionLabels { asked: unknown.as_str() }));
        }
        for method in ["DELETE", "GET", "PATCH", "POST", "PUT"] {
            drop(self.unknown_operations.get_or_create(&UnknownOperationLabels { method }));
        }
        self.registry.register(
            "portcullis_unknown_api_versions",
            "Requests for an API version that the contract does not have, judged by another version",
            self.unknown_versions.clone(),
        );
        self.registry.register(
            "portcullis_unknown_operations",
            "Requests for no operation of the contract, forwarded or refused as `contract.fallthrough` has it",
            self.unknown_operations.clone(),
        );
        self.unknown_fields.register(&mut self.registry);
    }

    /// Registers the metrics that the conventions do not define. The text formats add `_total` and `_info`.
    // Every series that an alert uses exists from the start: `increase()` does not see a series that begins at 1.
    fn register_own(&mut self) {
        let registry = &mut self.registry;
        registry.register("portcullis_requests", "Requests by decision", self.requests.clone());
        registry.register(
            "portcullis_decisions",
            "Violated rules, each once a request; a request without violations counts with an empty policy",
            self.decisions.clone(),
        );
        registry.register(
            "portcullis_limit_keys_forgotten",
            "Keys that a limit evicted to make room for another",
            self.keys_forgotten.clone(),
        );
        registry.register_with_unit(
            "portcullis_judge_duration",
            "Time from bytes to decision",
            Unit::Seconds,
            self.judged.clone(),
        );
        registry.register("portcullis_log_lines_dropped", "Dropped access log lines", self.lines_dropped.clone());
        registry.register_collector(Box::new(self.own_lines.clone()));
        self.entries.register(registry, "portcullis_decision_log_dropped", "Dropped decision log entries");
        self.spans.register(registry, "portcullis_spans_dropped", "Dropped spans");
        self.log_records.register(
            registry,
            "portcullis_log_records_dropped",
            "Dropped log records on the way to a collector",
        );
        self.points.register(
            registry,
            "portcullis_metric_points_dropped",
            "Metric points that a collector did not accept",
        );
        registry.register("portcullis_bundle_info", "The bundle in force: always 1", self.bundle.clone());
        registry.register_with_unit(
            "portcullis_bundle_loaded_timestamp",
            "When the bundle in force was loaded, since 1970",
            Unit::Seconds,
            self.bundle_loaded.clone(),
        );
        self.reloads.register(registry);
        self.server.register(registry);
        self.upstream.register(registry);
        self.waivers.register(registry);
        self.shadow.register(registry);
        registry.register_collector(Box::new(self.contract.clone()));
        registry.register_collector(Box::new(self.certificates.clone()));
        registry.register_collector(Box::new(self.budget.clone()));
        registry.register_collector(Box::new(ProcessMetrics));
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("portcullis_build", "This program", build);
    }

    /// Counts a finished request. `exported` is whether its trace is, which makes it an exemplar.
    pub(in crate::telemetry) fn add(&self, record: &RequestRecord, exported: bool) {
        let operation = record.operation.as_ref().map_or(&self.other, |operation| &operation.id);
        with_series(self.number, record, |series| {
            self.http.add(series, record, exported);
            self.requests(series, record, operation).inc();
            if record.violations.is_empty() {
                self.decisions(series, record, operation).inc();
            }
        });
        self.keys_forgotten.inc_by(record.keys_forgotten);
        if let Some(unknown) = record.unknown_version {
            self.unknown_versions.get_or_create(&UnknownVersionLabels { asked: unknown.as_str() }).inc();
        }
        self.unknown_fields.add(record);
        if record.unknown_path.is_some() {
            self.unknown_operations.get_or_create(&UnknownOperationLabels { method: record.method }).inc();
        }
        if let Some(judge) = record.judging {
            self.judged.observe(judge.total().as_secs_f64());
        }
        if let Some(call) = &record.upstream {
            self.upstream.add(call, record.outcome);
            self.last_calls.add(call, record.outcome);
        }
        self.add_violations(record, operation);
        self.waivers.add(record);
        self.shadow.add(record, operation);
    }

    fn requests<'s>(&self, series: &'s RequestSeries, record: &RequestRecord, operation: &Arc<str>) -> &'s Counter {
        series.requests.get_or_init(|| {
            let requested = RequestLabels { operation: Arc::clone(operation), decision: record.outcome.as_str() };
            self.requests.get_or_create_owned(&requested)
        })
    }

    /// The decisions of requests without violations, which have no policy.
    fn decisions<'s>(&self, series: &'s RequestSeries, record: &RequestRecord, operation: &Arc<str>) -> &'s Counter {
        series.decisions.get_or_init(|| {
            let decided = DecisionLabels {
                operation: Arc::clone(operation),
                policy: Arc::clone(&self.none),
                action: record.outcome.as_str(),
                reason: record.reason.map_or("", |reason| reason.as_str()),
            };
            self.decisions.get_or_create_owned(&decided)
        })
    }

    /// Counts one decision for each rule of the violations.
    fn add_violations(&self, record: &RequestRecord, operation: &Arc<str>) {
        for violation in record.fired_rules() {
            let decided = DecisionLabels {
                operation: Arc::clone(operation),
                policy: violation.rule.label(),
                action: violation.action.as_str(),
                reason: violation.reason.as_str(),
            };
            self.decisions.get_or_create(&decided).inc();
        }
    }

    /// The state of the upstream, as requests found it.
    pub(in crate::telemetry) fn upstream_status(&self) -> UpstreamStatus {
        self.last_calls.status(self.upstream.open.count())
    }

    /// Sets the bundle that judges from now on.
    pub(in crate::telemetry) fn bundle_loaded(&self, revision: &str) {
        // a series of the old revision would stay at 1 next to the new one
        self.bundle.clear();
        self.bundle.get_or_create(&BundleLabels { revision: revision.to_owned() }).set(1);
        self.bundle_loaded.set(reloads::seconds_since_1970());
        self.reloads.add(ReloadOutcome::Loaded);
    }

    /// All metrics in the `OpenMetrics` text format.
    pub(in crate::telemetry) fn open_metrics(&self) -> String {
        let mut text = String::new();
        // writing to a String can't fail
        let _ = encoding::text::encode(&mut text, &self.registry);
        text
    }

    /// All metrics in the Prometheus text format 0.0.4, for clients that do not ask for `OpenMetrics`: `promtool`, older
    /// scrapers, people with `curl`. It has no units and no exemplars.
    pub(in crate::telemetry) fn prometheus_text(&self) -> String {
        let mut text = String::new();
        // writing to a String can't fail
        let _ = encoding::prometheus_text::encode(&mut text, &self.registry);
        text
    }

    /// A structured snapshot of all metrics, for OTLP.
    pub(in crate::telemetry) fn snapshot(&self) -> Vec<MetricFamily> {
        // fails for an exemplar from before 1970 only, and none is recorded
        encoding::prometheus_protobuf::encode(&self.registry).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
