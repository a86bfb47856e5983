//! Counts and durations for Prometheus, in the `OpenMetrics` text format.
//!
//! Labels take their values from closed sets only (standard methods, routes and operations of the contract, names of
//! loaded policies, reasons, statuses), so that no client can make the number of series grow.

use super::exemplar::{Exemplified, Traced};
use super::losses::Losses;
use super::record::{Outcome, Record, UpstreamCall};
use super::server_metrics::ServerMetrics;
use super::upstream_metrics::UpstreamMetrics;
use super::waiver_metrics::WaiverMetrics;
use crate::redact::OTHER;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Bounds in seconds: those of the OpenTelemetry HTTP conventions, and below them two for a sidecar's neighbours.
const REQUEST_BOUNDS: [f64; 16] =
    [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Bounds in bytes: of a body, up to well above the default of `limits.bodyBytes`.
const SIZE_BOUNDS: [f64; 9] = [0.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0];
/// Bounds in seconds for work that takes microseconds.
const JUDGE_BOUNDS: [f64; 12] = [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Served {
    http_request_method: &'static str,
    http_route: Arc<str>,
    http_response_status_code: u16,
    url_scheme: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Called {
    http_request_method: &'static str,
    http_response_status_code: Option<u16>,
    error_type: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Requested {
    operation: Arc<str>,
    decision: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decided {
    operation: Arc<str>,
    policy: Arc<str>,
    action: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Revision {
    revision: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reload {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    asked: &'static str,
}

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

/// Every metric of the process.
pub(super) struct Metrics {
    registry: Registry,
    served: Exemplified<Served>,
    request_sizes: Histogram,
    response_sizes: Histogram,
    called: Durations<Called>,
    judged: Histogram,
    requests: Family<Requested, Counter>,
    decisions: Family<Decided, Counter>,
    unknown_versions: Family<Asked, Counter>,
    keys_forgotten: Counter,
    bundle: Family<Revision, Gauge>,
    bundle_loaded: Gauge,
    /// Connections to the upstream.
    pub(super) upstream: UpstreamMetrics,
    /// What waivers let through.
    pub(super) waivers: WaiverMetrics,
    reloads: Family<Reload, Counter>,
    /// What the server counts.
    pub(super) server: ServerMetrics,
    /// Requests that have no answer yet.
    pub(super) active: Gauge,
    /// Lines the access log could not write in time.
    pub(super) lines_dropped: Counter,
    /// Entries of the decision log.
    pub(super) entries: Losses,
    /// Spans that were to be exported.
    pub(super) spans: Losses,
    /// Log records that were to be exported.
    pub(super) log_records: Losses,
    /// Points of metrics that were to be exported.
    pub(super) points: Losses,
    other: Arc<str>,
    none: Arc<str>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            served: Family::new_with_constructor(|| HistogramWithExemplars::new(REQUEST_BOUNDS.into_iter())),
            request_sizes: Histogram::new(SIZE_BOUNDS),
            response_sizes: Histogram::new(SIZE_BOUNDS),
            called: Family::new_with_constructor(|| Histogram::new(REQUEST_BOUNDS)),
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
            active: Gauge::default(),
            lines_dropped: Counter::default(),
            entries: Losses::of("write_failed"),
            spans: Losses::default(),
            log_records: Losses::default(),
            points: Losses::default(),
            other: Arc::from(OTHER),
            none: Arc::from(""),
        };
        metrics.register_http();
        metrics.register_own();
        metrics
    }

    /// Those that the OpenTelemetry HTTP conventions name.
    fn register_http(&mut self) {
        let registry = &mut self.registry;
        registry.register_with_unit(
            "http_server_request_duration",
            "Time from a request's head to the last byte of its answer",
            Unit::Seconds,
            self.served.clone(),
        );
        registry.register_with_unit(
            "http_client_request_duration",
            "Time from the begin of a call to the upstream to the head of its answer",
            Unit::Seconds,
            self.called.clone(),
        );
        registry.register_with_unit(
            "http_server_request_body_size",
            "Bytes of a request's body",
            Unit::Bytes,
            self.request_sizes.clone(),
        );
        registry.register_with_unit(
            "http_server_response_body_size",
            "Bytes of an answer's body",
            Unit::Bytes,
            self.response_sizes.clone(),
        );
        registry.register("http_server_active_requests", "Requests that have no answer yet", self.active.clone());
    }

    /// Those that only this gateway has. The format adds `_total` and `_info` itself.
    fn register_own(&mut self) {
        let registry = &mut self.registry;
        registry.register("portcullis_requests", "Requests by what became of them", self.requests.clone());
        registry.register(
            "portcullis_decisions",
            "Rules that fired, once a request each; requests on which none did have no policy",
            self.decisions.clone(),
        );
        registry.register(
            "portcullis_unknown_api_versions",
            "Requests for an API version that the contract does not have, judged by another",
            self.unknown_versions.clone(),
        );
        registry.register(
            "portcullis_limit_keys_forgotten",
            "Keys whose counts a limit forgot to make room for another",
            self.keys_forgotten.clone(),
        );
        registry.register_with_unit(
            "portcullis_judge_duration",
            "Time from bytes to decision",
            Unit::Seconds,
            self.judged.clone(),
        );
        registry.register("portcullis_log_lines_dropped", "Access log lines lost", self.lines_dropped.clone());
        self.entries.register(registry, "portcullis_decision_log_dropped", "Entries of the decision log lost");
        self.spans.register(registry, "portcullis_spans_dropped", "Spans lost");
        self.log_records.register(
            registry,
            "portcullis_log_records_dropped",
            "Log records lost on the way to a collector",
        );
        self.points.register(
            registry,
            "portcullis_metric_points_dropped",
            "Points of metrics that a collector did not take",
        );
        registry.register("portcullis_bundle_info", "The bundle that judges: always 1", self.bundle.clone());
        registry.register_with_unit(
            "portcullis_bundle_loaded_timestamp",
            "When the bundle that judges was loaded, since 1970",
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

    /// Counts a finished request, whose trace is `exported` or not.
    pub(super) fn add(&self, record: &Record, exported: bool) {
        let operation = record.routed.as_ref().map_or(&self.other, |routed| &routed.operation);
        let served = Served {
            http_request_method: record.method,
            http_route: Arc::clone(record.routed.as_ref().map_or(&self.other, |routed| &routed.route)),
            http_response_status_code: record.status,
            url_scheme: record.endpoint.scheme,
        };
        let traced = exported.then(|| Traced::by(record.trace.trace_id));
        // the format has no time before 1970
        let end = Some(record.started + record.elapsed).filter(|end| *end >= UNIX_EPOCH);
        self.served.get_or_create(&served).observe(record.elapsed.as_secs_f64(), traced, end);
        self.request_sizes.observe(as_float(record.request_bytes));
        self.response_sizes.observe(as_float(record.response_bytes));
        let requested = Requested { operation: Arc::clone(operation), decision: record.outcome.as_str() };
        self.requests.get_or_create(&requested).inc();
        self.keys_forgotten.inc_by(record.keys_forgotten);
        if let Some(unknown) = record.unknown_version {
            self.unknown_versions.get_or_create(&Asked { asked: unknown.as_str() }).inc();
        }
        if let Some(judge) = record.judging {
            self.judged.observe(judge.elapsed().as_secs_f64());
        }
        if let Some(call) = &record.upstream {
            self.called.get_or_create(&called(record, call)).observe(call.elapsed.as_secs_f64());
            self.upstream.add(call);
        }
        self.add_decisions(record, operation);
        self.waivers.add(record);
    }

    /// One for each rule that fired, however often it did; one without a policy where none did.
    fn add_decisions(&self, record: &Record, operation: &Arc<str>) {
        let mut counted: Vec<Decided> = Vec::new();
        for violation in record.shown_violations() {
            let decided = Decided {
                operation: Arc::clone(operation),
                policy: violation.rule.label(),
                action: violation.action.as_str(),
                reason: violation.reason.as_str(),
            };
            if !counted.contains(&decided) {
                self.decisions.get_or_create(&decided).inc();
                counted.push(decided);
            }
        }
        if counted.is_empty() {
            let decided = Decided {
                operation: Arc::clone(operation),
                policy: Arc::clone(&self.none),
                action: record.outcome.as_str(),
                reason: record.reason.map_or("", |reason| reason.as_str()),
            };
            self.decisions.get_or_create(&decided).inc();
        }
    }

    /// The bundle that judges from now on.
    pub(super) fn bundle_loaded(&self, revision: &str) {
        self.bundle.clear();
        self.bundle.get_or_create(&Revision { revision: revision.to_owned() }).set(1);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.bundle_loaded.set(now.as_secs().cast_signed());
        self.reloads.get_or_create(&Reload { outcome: "loaded" }).inc();
    }

    /// A bundle that could not be loaded; the one before it goes on.
    pub(super) fn bundle_rejected(&self) {
        self.reloads.get_or_create(&Reload { outcome: "rejected" }).inc();
    }

    /// All of it as `OpenMetrics` text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // writing to a String can't fail
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

#[expect(clippy::cast_precision_loss, reason = "the last bytes of petabytes do not matter")]
const fn as_float(bytes: u64) -> f64 {
    bytes as f64
}

/// A call's labels; `error_type` says why there was no answer.
fn called(record: &Record, call: &UpstreamCall) -> Called {
    let error_type = match (call.status, record.outcome, record.reason) {
        (Some(_), ..) => None,
        (None, Outcome::Aborted, _) => Some("aborted"),
        (None, _, reason) => Some(reason.map_or(OTHER, |reason| reason.as_str())),
    };
    Called { http_request_method: record.method, http_response_status_code: call.status, error_type }
}

#[cfg(test)]
mod tests {
    use super::Metrics;
    use crate::contract::UnknownVersion;
    use crate::telemetry::record::samples;

    #[test]
    fn a_request_is_counted_by_route_and_status_and_its_rules_by_name() {
        let metrics = Metrics::new();
        metrics.add(&samples::allowed(), true);
        let mut denied = samples::denied();
        denied.violations = vec![denied.violations; 3].concat();
        metrics.add(&denied, false);
        let mut failed = samples::failed();
        failed.unknown_version = Some(UnknownVersion::Newer);
        metrics.add(&failed, false);
        metrics.add(&samples::unrouted(), false);
        let text = metrics.text();
        let lines: Vec<_> = text.lines().collect();
        for line in [
            r#"http_server_request_duration_seconds_count{http_request_method="PATCH",http_route="/v1/users/{user_id}",http_response_status_code="422",url_scheme="https"} 1"#,
            r#"http_client_request_duration_seconds_count{http_request_method="PATCH",http_response_status_code="200",error_type=""} 1"#,
            r#"http_client_request_duration_seconds_count{http_request_method="PATCH",http_response_status_code="",error_type="upstream_timeout"} 1"#,
            r#"portcullis_requests_total{operation="UpdateUser",decision="deny"} 1"#,
            r#"portcullis_decisions_total{operation="UpdateUser",policy="no-skip-password-checks",action="deny",reason="policy_denied"} 1"#,
            r#"portcullis_decisions_total{operation="UpdateUser",policy="additionalProperties",action="deny",reason="schema_violation"} 1"#,
            r#"portcullis_decisions_total{operation="UpdateUser",policy="",action="allow",reason=""} 1"#,
            r#"portcullis_decisions_total{operation="_OTHER",policy="",action="deny",reason="method_not_allowed"} 1"#,
            r#"portcullis_unknown_api_versions_total{asked="newer"} 1"#,
            "portcullis_judge_duration_seconds_count 3",
            "http_server_request_body_size_bytes_sum 90.0",
            r#"http_server_response_body_size_bytes_bucket{le="1024.0"} 4"#,
            "portcullis_upstream_connections_reused_total 1",
            "portcullis_upstream_connect_failures_total 1",
            r#"http_server_request_duration_seconds_bucket{le="0.0025",http_request_method="PATCH",http_route="/v1/users/{user_id}",http_response_status_code="200",url_scheme="https"} 1 # {trace_id="11111111111111111111111111111111"} 0.001234 1778574600.126234"#,
            "portcullis_log_lines_dropped_total 0",
            r#"portcullis_spans_dropped_total{reason="queue_full"} 0"#,
            r#"portcullis_decision_log_dropped_total{reason="write_failed"} 0"#,
            "# EOF",
        ] {
            assert!(lines.contains(&line), "{line} is not in\n{text}");
        }
        assert!(!text.contains(samples::CANARY));
    }

    #[test]
    fn only_the_bundle_that_judges_is_shown() {
        let metrics = Metrics::new();
        metrics.bundle_loaded("one");
        metrics.bundle_loaded("two");
        metrics.bundle_rejected();
        let text = metrics.text();
        assert!(text.contains("portcullis_bundle_info{revision=\"two\"} 1\n"), "{text}");
        assert!(!text.contains("\"one\""));
        assert!(text.contains("portcullis_reloads_total{outcome=\"loaded\"} 2\n"));
        assert!(text.contains("portcullis_reloads_total{outcome=\"rejected\"} 1\n"));
        assert!(text.contains("portcullis_build_info{version=\""));
    }
}
