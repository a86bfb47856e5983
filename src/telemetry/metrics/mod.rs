//! Metrics for Prometheus and OTLP.
//!
//! All formats are encoded from one registry: `OpenMetrics` text, Prometheus text, and a structured snapshot for OTLP.
//! Labels take their values from closed sets only (standard methods, routes and operations of the contract, names of
//! loaded policies, reasons, statuses), so that no client can increase the number of series.

pub(super) mod dropped;
mod dropped_lines;
mod exemplar;
mod http;
mod open_connections;
mod server;
mod upstream;
mod waivers;

pub use open_connections::{OpenConnection, OpenConnections};
pub use server::{RefusedConnection, ServerMetrics};

use crate::config::gateway::UpstreamTarget;
use crate::contract::UnknownVersion;
use crate::redact::OTHER;
use crate::telemetry::record::RequestRecord;
use dropped::DroppedItems;
use dropped_lines::DroppedLogLines;
use http::HttpMetrics;
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::MetricFamily;
use prometheus_client::encoding::{self, EncodeLabelSet};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use upstream::UpstreamMetrics;
use waivers::WaiverMetrics;

/// Bucket bounds in seconds, for work that takes microseconds.
const JUDGE_BOUNDS: [f64; 12] = [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2];

/// Outcomes of loading a bundle.
const LOADED: &str = "loaded";
const REJECTED: &str = "rejected";

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
struct ReloadLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnknownVersionLabels {
    asked: &'static str,
}

/// Every metric of the process.
pub(in crate::telemetry) struct Metrics {
    registry: Registry,
    /// Metrics that the OpenTelemetry HTTP conventions define.
    pub(in crate::telemetry) http: HttpMetrics,
    judged: Histogram,
    requests: Family<RequestLabels, Counter>,
    decisions: Family<DecisionLabels, Counter>,
    unknown_versions: Family<UnknownVersionLabels, Counter>,
    keys_forgotten: Counter,
    bundle: Family<BundleLabels, Gauge>,
    bundle_loaded: Gauge,
    /// Metrics of connections to the upstream.
    pub(in crate::telemetry) upstream: UpstreamMetrics,
    /// Metrics of waivers.
    pub(in crate::telemetry) waivers: WaiverMetrics,
    reloads: Family<ReloadLabels, Counter>,
    /// Metrics of the server.
    pub(in crate::telemetry) server: ServerMetrics,
    /// Dropped lines of the access log.
    pub(in crate::telemetry) lines_dropped: Counter,
    /// Dropped lines of the application log.
    pub(in crate::telemetry) own_lines: DroppedLogLines,
    /// Dropped entries of the decision log.
    pub(in crate::telemetry) entries: DroppedItems,
    /// Dropped spans.
    pub(in crate::telemetry) spans: DroppedItems,
    /// Dropped log records.
    pub(in crate::telemetry) log_records: DroppedItems,
    /// Dropped metric points.
    pub(in crate::telemetry) points: DroppedItems,
    other: Arc<str>,
    none: Arc<str>,
}

impl Metrics {
    /// Metrics of a gateway to `upstream`. The built-in stand-in has no address.
    pub(in crate::telemetry) fn new(upstream: &UpstreamTarget) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            http: HttpMetrics::default(),
            judged: Histogram::new(JUDGE_BOUNDS),
            requests: Family::default(),
            decisions: Family::default(),
            unknown_versions: Family::default(),
            keys_forgotten: Counter::default(),
            bundle: Family::default(),
            bundle_loaded: Gauge::default(),
            upstream: UpstreamMetrics::default(),
            waivers: WaiverMetrics::default(),
            reloads: Family::default(),
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
        metrics.register_own();
        metrics
    }

    /// Registers the metrics that the conventions do not define. The text formats add `_total` and `_info`.
    // Every series that an alert uses exists from the start: `increase()` does not see a series that begins at 1.
    fn register_own(&mut self) {
        let registry = &mut self.registry;
        for outcome in [LOADED, REJECTED] {
            drop(self.reloads.get_or_create(&ReloadLabels { outcome }));
        }
        for asked in [UnknownVersion::Newer, UnknownVersion::Other] {
            drop(self.unknown_versions.get_or_create(&UnknownVersionLabels { asked: asked.as_str() }));
        }
        registry.register("portcullis_requests", "Requests by decision", self.requests.clone());
        registry.register(
            "portcullis_decisions",
            "Violated rules, each once a request; a request without violations counts with an empty policy",
            self.decisions.clone(),
        );
        registry.register(
            "portcullis_unknown_api_versions",
            "Requests for an API version that the contract does not have, judged by another version",
            self.unknown_versions.clone(),
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
        registry.register("portcullis_reloads", "Bundles loaded or rejected", self.reloads.clone());
        self.server.register(registry);
        self.upstream.register(registry);
        self.waivers.register(registry);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("portcullis_build", "This program", build);
    }

    /// Counts a finished request. `exported` is whether its trace is, which makes it an exemplar.
    pub(in crate::telemetry) fn add(&self, record: &RequestRecord, exported: bool) {
        let operation = record.operation.as_ref().map_or(&self.other, |operation| &operation.id);
        self.http.add(record, exported);
        let requested = RequestLabels { operation: Arc::clone(operation), decision: record.outcome.as_str() };
        self.requests.get_or_create(&requested).inc();
        self.keys_forgotten.inc_by(record.keys_forgotten);
        if let Some(unknown) = record.unknown_version {
            self.unknown_versions.get_or_create(&UnknownVersionLabels { asked: unknown.as_str() }).inc();
        }
        if let Some(judge) = record.judging {
            self.judged.observe(judge.total().as_secs_f64());
        }
        if let Some(call) = &record.upstream {
            self.upstream.add(call, record.outcome);
        }
        self.add_decisions(record, operation);
        self.waivers.add(record);
    }

    /// Counts one decision for each rule of the violations, or one without a policy if there are none.
    fn add_decisions(&self, record: &RequestRecord, operation: &Arc<str>) {
        for violation in record.fired_rules() {
            let decided = DecisionLabels {
                operation: Arc::clone(operation),
                policy: violation.rule.label(),
                action: violation.action.as_str(),
                reason: violation.reason.as_str(),
            };
            self.decisions.get_or_create(&decided).inc();
        }
        if record.violations.is_empty() {
            let decided = DecisionLabels {
                operation: Arc::clone(operation),
                policy: Arc::clone(&self.none),
                action: record.outcome.as_str(),
                reason: record.reason.map_or("", |reason| reason.as_str()),
            };
            self.decisions.get_or_create(&decided).inc();
        }
    }

    /// Sets the bundle that judges from now on.
    pub(in crate::telemetry) fn bundle_loaded(&self, revision: &str) {
        // a series of the old revision would stay at 1 next to the new one
        self.bundle.clear();
        self.bundle.get_or_create(&BundleLabels { revision: revision.to_owned() }).set(1);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.bundle_loaded.set(now.as_secs().cast_signed());
        self.reloads.get_or_create(&ReloadLabels { outcome: LOADED }).inc();
    }

    /// Counts a bundle that could not be loaded.
    pub(in crate::telemetry) fn bundle_rejected(&self) {
        self.reloads.get_or_create(&ReloadLabels { outcome: REJECTED }).inc();
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
mod tests {
    use super::Metrics;
    use crate::config::gateway::UpstreamTarget;
    use crate::contract::UnknownVersion;
    use crate::policy::Action;
    use crate::telemetry::record::{Outcome, samples};

    fn metrics() -> Metrics {
        Metrics::new(&UpstreamTarget::Url { tls: true, host: String::from("api.example.com"), port: 443 })
    }

    #[test]
    fn a_request_is_counted_by_route_and_status_and_its_rules_by_name() {
        let metrics = metrics();
        metrics.add(&samples::allowed(), true);
        let mut denied = samples::denied();
        denied.violations = vec![denied.violations; 3].concat();
        metrics.add(&denied, false);
        let mut failed = samples::failed();
        failed.unknown_version = Some(UnknownVersion::Newer);
        metrics.add(&failed, false);
        metrics.add(&samples::unrouted(), false);
        let text = metrics.open_metrics();
        let lines: Vec<_> = text.lines().collect();
        for line in [
            r#"http_server_request_duration_seconds_count{http_request_method="PATCH",http_route="/v1/users/{user_id}",http_response_status_code="422",url_scheme="https",error_type=""} 1"#,
            r#"http_server_request_duration_seconds_count{http_request_method="PATCH",http_route="/v1/users/{user_id}",http_response_status_code="504",url_scheme="https",error_type="upstream_timeout"} 1"#,
            r#"http_server_request_duration_seconds_count{http_request_method="_OTHER",http_route="",http_response_status_code="405",url_scheme="http",error_type=""} 1"#,
            r#"http_client_request_duration_seconds_count{server_address="api.example.com",server_port="443",http_request_method="PATCH",http_response_status_code="200",network_protocol_version="1.1",error_type=""} 1"#,
            r#"http_client_request_duration_seconds_count{server_address="api.example.com",server_port="443",http_request_method="PATCH",http_response_status_code="",network_protocol_version="1.1",error_type="upstream_timeout"} 1"#,
            r#"http_client_open_connections{server_address="api.example.com",server_port="443",http_connection_state="idle"} 0"#,
            r#"portcullis_requests_total{operation="UpdateUser",decision="deny"} 1"#,
            r#"portcullis_decisions_total{operation="UpdateUser",policy="no-skip-password-checks",action="deny",reason="policy_denied"} 1"#,
            r#"portcullis_decisions_total{operation="UpdateUser",policy="additionalProperties",action="deny",reason="schema_violation"} 1"#,
            r#"portcullis_decisions_total{operation="UpdateUser",policy="",action="allow",reason=""} 1"#,
            r#"portcullis_decisions_total{operation="_OTHER",policy="",action="deny",reason="method_not_allowed"} 1"#,
            r#"portcullis_unknown_api_versions_total{asked="newer"} 1"#,
            "portcullis_judge_duration_seconds_count 3",
            r#"http_server_request_body_size_bytes_sum{http_request_method="PATCH",http_route="/v1/users/{user_id}",http_response_status_code="200",url_scheme="https",error_type=""} 30.0"#,
            r#"http_server_response_body_size_bytes_bucket{le="1024.0",http_request_method="PATCH",http_route="/v1/users/{user_id}",http_response_status_code="200",url_scheme="https",error_type=""} 1"#,
            "portcullis_upstream_connections_reused_total 1",
            "portcullis_upstream_connect_failures_total 1",
            r#"http_server_request_duration_seconds_bucket{le="0.0025",http_request_method="PATCH",http_route="/v1/users/{user_id}",http_response_status_code="200",url_scheme="https",error_type=""} 1 # {trace_id="11111111111111111111111111111111"} 0.001234 1778574600.126234"#,
            r#"portcullis_unknown_api_versions_total{asked="other"} 0"#,
            r#"portcullis_reloads_total{outcome="loaded"} 0"#,
            r#"portcullis_reloads_total{outcome="rejected"} 0"#,
            "portcullis_log_lines_dropped_total 0",
            r#"portcullis_spans_dropped_total{reason="queue_full"} 0"#,
            r#"portcullis_decision_log_dropped_total{reason="write_failed"} 0"#,
            "# EOF",
        ] {
            assert!(lines.contains(&line), "{line} is not in\n{text}");
        }
        assert!(!text.contains(samples::CANARY));
        let unread =
            text.lines().find(|line| line.starts_with("http_server_request_body_size") && line.contains("405"));
        assert_eq!(unread, None, "nobody read a body");
    }

    #[test]
    fn every_rule_is_counted_and_every_waiver_however_many_violations_there_are() {
        let metrics = metrics();
        let mut record = samples::denied();
        let (policy, mut keyword) = (record.violations.remove(0), record.violations.remove(0));
        keyword.action = Action::Warn;
        record.violations = vec![keyword; 40];
        record.violations.push(policy);
        record.violations.extend(samples::waived().violations);
        metrics.add(&record, false);
        let text = metrics.open_metrics();
        let named = r#"{operation="UpdateUser",policy="no-skip-password-checks",action="#;
        for line in [
            format!(r#"portcullis_decisions_total{named}"deny",reason="policy_denied"}} 1"#),
            format!(r#"portcullis_decisions_total{named}"audit",reason="policy_denied"}} 1"#),
            String::from(r#"portcullis_waived_total{waiver="migration",policy="no-skip-password-checks"} 1"#),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_connection_that_nobody_waited_for_any_more_did_not_fail() {
        let metrics = metrics();
        let mut record = samples::failed();
        record.outcome = Outcome::Aborted;
        metrics.add(&record, false);
        let text = metrics.open_metrics();
        assert!(text.contains("\nportcullis_upstream_connect_failures_total 0\n"), "{text}");
    }

    #[test]
    fn who_has_no_answer_yet_is_told_by_method_and_scheme() {
        let metrics = metrics();
        metrics.http.active("PATCH", "https").inc();
        let text = metrics.open_metrics();
        assert!(
            text.contains("\nhttp_server_active_requests{http_request_method=\"PATCH\",url_scheme=\"https\"} 1\n"),
            "{text}"
        );
    }

    #[test]
    fn only_the_bundle_that_judges_is_shown() {
        let metrics = metrics();
        metrics.bundle_loaded("one");
        metrics.bundle_loaded("two");
        metrics.bundle_rejected();
        let text = metrics.open_metrics();
        assert!(text.contains("portcullis_bundle_info{revision=\"two\"} 1\n"), "{text}");
        assert!(!text.contains("\"one\""));
        assert!(text.contains("portcullis_reloads_total{outcome=\"loaded\"} 2\n"));
        assert!(text.contains("portcullis_reloads_total{outcome=\"rejected\"} 1\n"));
        assert!(text.contains("portcullis_build_info{version=\""));
    }
}
