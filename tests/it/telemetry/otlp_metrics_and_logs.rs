//! What a collector gets besides spans: the metrics that `/metrics` shows, and a record for each line of the logs; and that
//! a collector which is gone, or takes no such thing, is not felt.

use crate::support::client::Client;
use crate::support::collector::{Collector, Protocol, attribute};
use crate::support::gateway::bundle;
use crate::support::program::Program;
use crate::support::telemetry::{CANARY, LONG, TRACE, allowed, called, denied, telemetry};
use http::HeaderMap;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, HistogramDataPoint, Metric};
use opentelemetry_semantic_conventions::{attribute as attributes, metric as conventions};
use portcullis::config::gateway::Sampler;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// The metrics that the conventions have, with the unit they give them.
const CONVENTIONAL: [(&str, &str); 11] = [
    (conventions::HTTP_CLIENT_OPEN_CONNECTIONS, "{connection}"),
    (conventions::HTTP_CLIENT_REQUEST_DURATION, "s"),
    (conventions::HTTP_SERVER_ACTIVE_REQUESTS, "{request}"),
    (conventions::HTTP_SERVER_REQUEST_BODY_SIZE, "By"),
    (conventions::HTTP_SERVER_REQUEST_DURATION, "s"),
    (conventions::HTTP_SERVER_RESPONSE_BODY_SIZE, "By"),
    (conventions::PROCESS_CPU_TIME, "s"),
    (conventions::PROCESS_MEMORY_USAGE, "By"),
    (conventions::PROCESS_MEMORY_VIRTUAL, "By"),
    (conventions::PROCESS_THREAD_COUNT, "{thread}"),
    (conventions::PROCESS_UNIX_FILE_DESCRIPTOR_COUNT, "{file_descriptor}"),
];
/// Those of the process that the conventions do not have.
const PROCESS: [&str; 2] = ["process.max_fds", "process.start_time"];

/// Their attributes, and those of ours which the conventions have.
const ATTRIBUTES: [&str; 10] = [
    attributes::ERROR_TYPE,
    attributes::HTTP_CONNECTION_STATE,
    attributes::HTTP_REQUEST_METHOD,
    attributes::HTTP_RESPONSE_STATUS_CODE,
    attributes::HTTP_ROUTE,
    attributes::NETWORK_PROTOCOL_VERSION,
    attributes::SECURITY_RULE_NAME,
    attributes::SERVER_ADDRESS,
    attributes::SERVER_PORT,
    attributes::URL_SCHEME,
];

/// Attributes of ours that spans have, too, and words that metrics alone have.
const OWN: [&str; 8] = ["clerk.", "policy.", "asked", "digest", "family", "outcome", "reason", "version"];

/// The attributes of the sender that the conventions have.
const RESOURCE: [&str; 11] = [
    attributes::HOST_ARCH,
    attributes::HOST_NAME,
    attributes::OS_TYPE,
    attributes::PROCESS_EXECUTABLE_NAME,
    attributes::PROCESS_PID,
    attributes::SERVICE_INSTANCE_ID,
    attributes::SERVICE_NAME,
    attributes::SERVICE_VERSION,
    attributes::TELEMETRY_SDK_LANGUAGE,
    attributes::TELEMETRY_SDK_NAME,
    attributes::TELEMETRY_SDK_VERSION,
];

/// Those that a pod's manifest sets.
const POD: [(&str, &str); 5] = [
    ("POD_NAME", attributes::K8S_POD_NAME),
    ("POD_NAMESPACE", attributes::K8S_NAMESPACE_NAME),
    ("POD_UID", attributes::K8S_POD_UID),
    ("NODE_NAME", attributes::K8S_NODE_NAME),
    ("CONTAINER_NAME", attributes::K8S_CONTAINER_NAME),
];

fn named<'m>(metrics: &'m [Metric], name: &str) -> &'m Metric {
    metrics.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("no `{name}` in {metrics:#?}"))
}

fn histogram(metric: &Metric) -> &[HistogramDataPoint] {
    let Some(Data::Histogram(histogram)) = &metric.data else { panic!("no histogram: {metric:?}") };
    assert_eq!(histogram.aggregation_temporality(), AggregationTemporality::Cumulative);
    &histogram.data_points
}

/// The whole numbers of a metric, each with an attribute.
fn numbers(metric: &Metric, key: &str) -> Vec<(Option<String>, i64)> {
    let points = match &metric.data {
        Some(Data::Sum(sum)) => &sum.data_points,
        Some(Data::Gauge(gauge)) => &gauge.data_points,
        other => panic!("no numbers: {other:?}"),
    };
    let numbers = points.iter().map(|point| match point.value {
        Some(Value::AsInt(number)) => (attribute(&point.attributes, key), number),
        ref other => panic!("no whole number: {other:?}"),
    });
    numbers.collect()
}

async fn metrics_arrive(protocol: Protocol, gzip: bool) {
    let mut collector = Collector::start(protocol, None).await;
    let mut variables = collector.variables();
    if gzip {
        variables.push(("OTEL_EXPORTER_OTLP_COMPRESSION", String::from("gzip")));
    }
    let telemetry = telemetry(&variables, Sampler::ParentBasedAlwaysOff);
    telemetry.finish(&allowed(&telemetry, &called()));
    telemetry.finish(&denied(&telemetry, &HeaderMap::new()));
    let _active = telemetry.in_flight("PATCH", "https");
    assert!(telemetry.shutdown(LONG).await, "what was counted last is sent, too");

    let batch = collector.metrics().await;
    assert!(!format!("{batch:?}").contains(CANARY));
    if protocol == Protocol::Http {
        assert_eq!(batch.path, "/v1/metrics");
        assert_eq!(batch.headers.contains_key("content-encoding"), gzip);
    }
    assert_eq!(batch.headers.get("grpc-encoding").is_some(), gzip && protocol == Protocol::Grpc);
    assert_eq!(batch.resource("service.name").as_deref(), Some("portcullis"));
    let metrics = batch.metrics();
    let points = histogram(named(&metrics, "http.server.request.duration"));
    let passed =
        points.iter().find(|point| attribute(&point.attributes, "http.response.status_code").unwrap() == "200");
    let passed = passed.expect("the request that was passed");
    assert_eq!((passed.count, passed.sum), (1, Some(0.002)));
    // 2 ms are above the first bound, and within the second
    assert_eq!(passed.explicit_bounds[..3], [0.001, 0.002_5, 0.005]);
    assert_eq!(passed.bucket_counts.len(), passed.explicit_bounds.len() + 1);
    assert_eq!((passed.bucket_counts[1], passed.bucket_counts.iter().sum::<u64>()), (1, 1));
    let [exemplar] = &passed.exemplars[..] else { panic!("one exemplar: {passed:?}") };
    assert_eq!(format!("{:032x}", u128::from_be_bytes(exemplar.trace_id[..].try_into().unwrap())), TRACE);
    let active = numbers(named(&metrics, "http.server.active_requests"), "http.request.method");
    assert_eq!(active, [(Some(String::from("PATCH")), 1)]);
    let mut decisions = numbers(named(&metrics, "portcullis.decisions"), "policy.reason");
    decisions.sort();
    let reasons = [(None, 1), (Some(String::from("policy_denied")), 1), (Some(String::from("schema_violation")), 1)];
    assert_eq!(decisions, reasons);
    let Some(Data::Sum(requests)) = &named(&metrics, "portcullis.requests").data else { panic!("a sum") };
    assert!(requests.is_monotonic && requests.data_points[0].start_time_unix_nano > 0);
}

#[tokio::test]
async fn metrics_arrive_over_http() {
    metrics_arrive(Protocol::Http, false).await;
    metrics_arrive(Protocol::Http, true).await;
}

#[tokio::test]
async fn metrics_arrive_over_grpc() {
    metrics_arrive(Protocol::Grpc, false).await;
    metrics_arrive(Protocol::Grpc, true).await;
}

#[tokio::test]
async fn metrics_arrive_every_interval() {
    let mut collector = Collector::start(Protocol::Http, None).await;
    let mut variables = collector.variables();
    variables.push(("OTEL_METRIC_EXPORT_INTERVAL", String::from("20")));
    let telemetry = telemetry(&variables, Sampler::AlwaysOff);
    let rejected = |metrics: &[Metric]| {
        let reloads = numbers(named(metrics, "portcullis.reloads"), "outcome");
        reloads.into_iter().find(|(outcome, _)| outcome.as_deref() == Some("rejected")).expect("a series").1
    };
    telemetry.bundle_not_loaded(portcullis::telemetry::ReloadOutcome::Rejected);
    while rejected(&collector.metrics().await.metrics()) != 1 {}
    telemetry.bundle_not_loaded(portcullis::telemetry::ReloadOutcome::Rejected);
    while rejected(&collector.metrics().await.metrics()) != 2 {}
}

/// Every metric is sent, with as many series as `/metrics` has, and every name is one of the conventions' or of ours.
#[tokio::test]
async fn metrics_are_those_of_the_admin_listener_by_names_of_the_conventions() {
    let mut collector = Collector::start(Protocol::Http, None).await;
    let telemetry = telemetry(&collector.variables(), Sampler::AlwaysOff);
    telemetry.bundle_loaded(&bundle(&[]));
    drop(telemetry.in_flight("PATCH", "https"));
    telemetry.finish(&allowed(&telemetry, &HeaderMap::new()));
    telemetry.finish(&denied(&telemetry, &HeaderMap::new()));
    let text = telemetry.metrics_text();
    telemetry.shutdown(LONG).await;
    let batch = collector.metrics().await;
    let metrics = batch.metrics();

    let families = text.lines().filter(|line| line.starts_with("# TYPE"));
    let counted = |kind: &str| text.lines().filter(|line| line.contains(kind) && !line.starts_with('#')).count();
    // nothing was counted of these yet
    let empty =
        ["portcullis_certificate_", "portcullis_unknown_fields ", "portcullis_waived ", "portcullis_waiver_days_left "];
    assert_eq!(
        metrics.len(),
        families.filter(|line| !empty.iter().any(|name| line.contains(name))).count(),
        "{metrics:#?}"
    );
    let histograms: usize =
        metrics.iter().filter(|it| matches!(it.data, Some(Data::Histogram(_)))).map(|it| histogram(it).len()).sum();
    assert_eq!(histograms, counted("_count"));
    for metric in &metrics {
        let conventional = CONVENTIONAL.iter().find(|(name, _)| *name == metric.name);
        assert!(conventional.is_none_or(|(_, unit)| *unit == metric.unit), "{} in {}", metric.name, metric.unit);
        let is_own = metric.name.starts_with("portcullis.") || PROCESS.contains(&metric.name.as_str());
        assert!(conventional.is_some() || is_own, "{}", metric.name);
        assert!(metric.description.len() > 5 && !metric.name.ends_with("seconds"), "{metric:?}");
    }
    assert!(CONVENTIONAL.iter().all(|(name, _)| metrics.iter().any(|metric| metric.name == *name)), "{metrics:#?}");
    for key in keys(&metrics) {
        let is_own = OWN.iter().any(|own| key.starts_with(own));
        assert!(
            ATTRIBUTES.contains(&key.as_str()) || is_own,
            "`{key}` is no name of the conventions and not one of ours"
        );
    }
}

fn keys(metrics: &[Metric]) -> BTreeSet<String> {
    let attributes = metrics.iter().flat_map(|metric| match &metric.data {
        Some(Data::Sum(sum)) => sum.data_points.iter().flat_map(|point| point.attributes.clone()).collect::<Vec<_>>(),
        Some(Data::Gauge(gauge)) => gauge.data_points.iter().flat_map(|point| point.attributes.clone()).collect(),
        Some(Data::Histogram(all)) => all.data_points.iter().flat_map(|point| point.attributes.clone()).collect(),
        other => panic!("{other:?}"),
    });
    attributes.map(|attribute| attribute.key).collect()
}

#[tokio::test]
async fn the_sender_is_told_by_names_of_the_conventions_alike_for_every_signal() {
    let mut collector = Collector::start(Protocol::Http, None).await;
    let mut variables = collector.variables();
    variables.extend(POD.map(|(variable, name)| (variable, format!("the {name}"))));
    let telemetry = telemetry(&variables, Sampler::AlwaysOn);
    telemetry.finish(&allowed(&telemetry, &HeaderMap::new()));
    telemetry.shutdown(LONG).await;
    let (spans, metrics, logs) = (collector.batch().await, collector.metrics().await, collector.logs().await);
    let resource = spans.request.resource_spans[0].resource.clone().expect("a resource");
    for attribute in &resource.attributes {
        let key = attribute.key.as_str();
        assert!(
            RESOURCE.contains(&key) || POD.iter().any(|(_, name)| *name == key),
            "`{key}` is not of the conventions"
        );
    }
    assert_eq!(resource.attributes.len(), RESOURCE.len() + POD.len(), "{resource:?}");
    assert_eq!(spans.resource("k8s.pod.name").as_deref(), Some("the k8s.pod.name"));
    assert_eq!(metrics.request.resource_metrics[0].resource.as_ref(), Some(&resource));
    assert_eq!(logs.request.resource_logs[0].resource.as_ref(), Some(&resource));
}

fn body(record: &LogRecord) -> String {
    let value = record.body.clone();
    let body = opentelemetry_proto::tonic::common::v1::KeyValue { value, ..Default::default() };
    attribute(&[body], "").expect("a body")
}

async fn records_arrive(protocol: Protocol) {
    let mut collector = Collector::start(protocol, None).await;
    let telemetry = telemetry(&collector.variables(), Sampler::AlwaysOff);
    telemetry.finish(&allowed(&telemetry, &called()));
    let refused = denied(&telemetry, &HeaderMap::new());
    telemetry.finish(&refused);
    let mut records = Vec::new();
    while records.len() < 2 {
        let batch = collector.logs().await;
        assert!(!format!("{batch:?}").contains(CANARY));
        assert_eq!(batch.resource("service.name").as_deref(), Some("portcullis"));
        records.extend(batch.records());
    }
    let [passed, denied] = &records[..] else { panic!("two records: {records:?}") };
    assert_eq!(
        (passed.severity_number(), body(passed).as_str()),
        (SeverityNumber::Info, "PATCH /v1/users/{user_id} 200 allow")
    );
    assert_eq!(format!("{:032x}", u128::from_be_bytes(passed.trace_id[..].try_into().unwrap())), TRACE);
    assert_eq!((denied.severity_number(), denied.event_name.as_str()), (SeverityNumber::Warn, "portcullis.request"));
    for (key, value) in [
        ("operation", "UpdateUser"),
        ("decision", "deny"),
        ("reason", "policy_denied"),
        ("status", "422"),
        ("keywords", "additionalProperties"),
        ("fields", "/*, skip_password_checks"),
        ("decision_id", &refused.decision_id.to_string()),
    ] {
        assert_eq!(attribute(&denied.attributes, key).as_deref(), Some(value), "{key}");
    }
}

#[tokio::test]
async fn a_record_for_each_request_arrives_over_http() {
    records_arrive(Protocol::Http).await;
}

#[tokio::test]
async fn a_record_for_each_request_arrives_over_grpc() {
    records_arrive(Protocol::Grpc).await;
}

#[tokio::test]
async fn each_signal_is_switched_off_by_itself() {
    let mut collector = Collector::start(Protocol::Http, None).await;
    let mut variables = collector.variables();
    variables
        .extend([("OTEL_METRICS_EXPORTER", String::from("prometheus")), ("OTEL_LOGS_EXPORTER", String::from("none"))]);
    let only_traces = telemetry(&variables, Sampler::AlwaysOn);
    only_traces.finish(&allowed(&only_traces, &HeaderMap::new()));
    assert!(only_traces.shutdown(LONG).await);
    assert_eq!(collector.spans(3).await.len(), 3);
    assert_eq!(collector.rest_of_other_signals(), ["", ""]);
    variables.push(("OTEL_SDK_DISABLED", String::from("true")));
    let nothing = telemetry(&variables, Sampler::AlwaysOn);
    nothing.finish(&allowed(&nothing, &HeaderMap::new()));
    assert!(nothing.shutdown(LONG).await);
    assert_eq!(collector.rest(), "");
}

/// A collector of traces alone answers 404 or UNIMPLEMENTED: it is asked once, and nothing counts as lost.
async fn other_signals_are_given_up(protocol: Protocol) {
    let mut collector = Collector::of_traces_only(protocol).await;
    let mut variables = collector.variables();
    variables.push(("OTEL_METRIC_EXPORT_INTERVAL", String::from("10")));
    let telemetry = telemetry(&variables, Sampler::AlwaysOn);
    telemetry.finish(&allowed(&telemetry, &HeaderMap::new()));
    assert_eq!(collector.spans(3).await.len(), 3);
    while collector.unknown() < 2 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        telemetry.finish(&allowed(&telemetry, &HeaderMap::new()));
        collector.spans(3).await;
    }
    assert!(telemetry.shutdown(LONG).await);
    assert_eq!(collector.unknown(), 2, "metrics once and logs once");
    let text = telemetry.metrics_text();
    for kind in ["log_records", "metric_points", "spans"] {
        assert!(text.contains(&format!("portcullis_{kind}_dropped_total{{reason=\"export_failed\"}} 0\n")), "{text}");
    }
}

#[tokio::test]
async fn other_signals_are_given_up_over_http() {
    other_signals_are_given_up(Protocol::Http).await;
}

#[tokio::test]
async fn other_signals_are_given_up_over_grpc() {
    other_signals_are_given_up(Protocol::Grpc).await;
}

#[tokio::test]
async fn a_signal_that_was_asked_for_by_name_is_not_given_up_but_counted_as_lost() {
    let collector = Collector::of_traces_only(Protocol::Http).await;
    let mut variables = collector.variables();
    variables.push(("OTEL_LOGS_EXPORTER", String::from("otlp")));
    variables.push(("OTEL_METRICS_EXPORTER", String::from("none")));
    let telemetry = telemetry(&variables, Sampler::AlwaysOff);
    for sent in 1..=2 {
        telemetry.finish(&allowed(&telemetry, &HeaderMap::new()));
        while collector.unknown() < sent {
            tokio::task::yield_now().await;
        }
    }
    assert!(telemetry.shutdown(LONG).await);
    let lost = "portcullis_log_records_dropped_total{reason=\"export_failed\"} 2\n";
    assert!(telemetry.metrics_text().contains(lost), "{}", telemetry.metrics_text());
}

/// A collector that takes connections and never answers is worse than one that refuses them.
#[tokio::test]
async fn a_dead_collector_is_not_felt_by_logs_and_metrics() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_TRACES_EXPORTER", String::from("none")),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", String::from("30")),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", String::from("10")),
        ("OTEL_METRIC_EXPORT_INTERVAL", String::from("1")),
    ];
    let telemetry = telemetry(&variables, Sampler::AlwaysOff);
    let record = allowed(&telemetry, &HeaderMap::new());
    let begin = Instant::now();
    (0..1000).for_each(|_| telemetry.finish(&record));
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    let text = telemetry.metrics_text();
    assert!(text.contains("portcullis_log_records_dropped_total{reason=\"queue_full\"} 970\n"), "{text}");
    let begin = Instant::now();
    assert!(!telemetry.shutdown(Duration::from_millis(100)).await);
    assert!(begin.elapsed() < Duration::from_secs(5));
}

/// The file of a configuration in front of the built-in stand-in, in its folder.
fn configuration() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let policies = std::path::absolute("policies").expect("a folder");
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
         upstream: {{ url: embedded }}\npolicies: [{policies:?}]\nworkers: 1\n"
    );
    let file = folder.path().join("gateway.yaml");
    std::fs::write(&file, text).expect("a file");
    (folder, file)
}

const PATCH: &str = "PATCH /v1/users/user_1 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer sk_live_canary7f3a\r\n\
                     content-type: application/json\r\ncontent-length: 29\r\n\r\n{\"skip_password_checks\":true}";

#[tokio::test]
async fn what_the_program_says_of_itself_arrives_with_its_requests() {
    let mut collector = Collector::start(Protocol::Http, None).await;
    let (_folder, file) = configuration();
    let program = Program::start(&file, &collector.variables()).await;
    let mut client = Client::connect(program.listen).await;
    client.send(PATCH).await;
    client.answer().await.expect("an answer");
    let active = Client::connect(program.admin).await.get("/metrics").await;
    let mut open = active.text().lines().filter(|line| line.starts_with("http_client_open_connections{"));
    assert!(open.any(|line| line.ends_with("state=\"active\"} 0")), "{}", active.text());
    program.signal("TERM");
    let ended = program.ended().await;
    assert!(ended.status.success(), "{}", ended.stderr);
    let [metrics, logs] = collector.rest_of_other_signals();
    assert!(metrics.contains("http.server.request.duration"), "{metrics}");
    for (place, text) in [("metrics", &metrics), ("logs", &logs)] {
        assert!(!text.contains("canary7f3a"), "{place}: {text}");
    }
    assert!(logs.contains("PATCH /v1/users/{user_id} 422 deny policy_denied"), "{logs}");
    assert!(logs.contains("\"stopped\"") && logs.contains("finished"), "{logs}");
}

#[tokio::test]
async fn the_console_shows_traces_as_a_tree_for_each_request_and_metrics() {
    let (_folder, file) = configuration();
    let console = ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"].map(|name| (name, String::from("console")));
    let program = Program::start(&file, &console).await;
    let mut client = Client::connect(program.listen).await;
    client.send(PATCH).await;
    client.answer().await.expect("an answer");
    program.signal("TERM");
    let ended = program.ended().await;
    assert!(ended.status.success() && !ended.stderr.contains("canary7f3a"), "{}", ended.stderr);
    for part in [
        "\nPATCH /v1/users/{user_id} [server] ",
        "\n    policy.decision: deny\n",
        "\n  ! policy.violation\n      security_rule.name: no-skip-password-checks\n",
        "\n  judge [internal] ",
        "\nportcullis_requests_total{operation=\"UpdateUser\",decision=\"deny\"} 1\n",
    ] {
        assert!(ended.stderr.contains(part), "{part:?} is not in\n{}", ended.stderr);
    }
}
