//! OpenTelemetry's names and units for our metrics and their labels.

use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::{MetricFamily, MetricType};

/// Prometheus names of the metrics that the semantic conventions define, and of those whose OTLP name is not a
/// mechanical translation.
const METRICS: [(&str, &str); 12] = [
    ("http_client_open_connections", "http.client.open_connections"),
    ("http_client_request_duration_seconds", "http.client.request.duration"),
    ("http_server_active_requests", "http.server.active_requests"),
    ("http_server_request_body_size_bytes", "http.server.request.body.size"),
    ("http_server_request_duration_seconds", "http.server.request.duration"),
    ("http_server_response_body_size_bytes", "http.server.response.body.size"),
    ("portcullis_build_info", "portcullis.build"),
    ("process_cpu_seconds_total", "process.cpu.time"),
    ("process_open_fds", "process.unix.file_descriptor.count"),
    ("process_resident_memory_bytes", "process.memory.usage"),
    ("process_threads", "process.thread.count"),
    ("process_virtual_memory_bytes", "process.memory.virtual"),
];

/// Labels that the semantic conventions define, or that spans have as attributes, too.
const ATTRIBUTES: [(&str, &str); 16] = [
    ("action", "policy.action"),
    ("decision", "policy.decision"),
    ("error_type", "error.type"),
    ("field", "policy.field"),
    ("http_connection_state", "http.connection.state"),
    ("http_request_method", "http.request.method"),
    ("http_response_status_code", "http.response.status_code"),
    ("http_route", "http.route"),
    ("method", "http.request.method"),
    ("network_protocol_version", "network.protocol.version"),
    ("operation", "clerk.operation"),
    ("policy", "security_rule.name"),
    ("revision", "policy.bundle.revision"),
    ("server_address", "server.address"),
    ("server_port", "server.port"),
    ("url_scheme", "url.scheme"),
];

/// The OTLP name of a metric: the conventions' name, or ours with `portcullis` as namespace and without the suffixes of
/// the Prometheus name.
pub(super) fn metric(family: &MetricFamily) -> String {
    if let Some((_, name)) = METRICS.iter().find(|(name, _)| *name == family.name) {
        return (*name).to_owned();
    }
    let name = match family.r#type() {
        MetricType::Counter => family.name.strip_suffix("_total"),
        _ => None,
    };
    let name = name.unwrap_or(&family.name);
    // OTLP has the unit in a field of its own
    let name = name.strip_suffix(&family.unit).and_then(|name| name.strip_suffix('_')).unwrap_or(name);
    name.replacen('_', ".", 1)
}

/// The OTLP attribute key of a label of `family`.
pub(super) fn attribute<'l>(family: &MetricFamily, label: &'l str) -> &'l str {
    match (family.name.as_str(), label) {
        ("portcullis_decisions_total", "reason") => "policy.reason",
        _ => ATTRIBUTES.iter().find(|(name, _)| *name == label).map_or(label, |(_, name)| name),
    }
}

/// The UCUM unit of a metric. The conventions write what is counted in braces.
pub(super) fn unit(family: &MetricFamily) -> &'static str {
    match (family.unit.as_str(), family.name.as_str()) {
        ("seconds", _) => "s",
        ("bytes", _) => "By",
        (_, "http_server_active_requests" | "portcullis_requests_total") => "{request}",
        (_, "http_client_open_connections") => "{connection}",
        (_, "process_open_fds" | "process_max_fds") => "{file_descriptor}",
        (_, "process_threads") => "{thread}",
        _ => "1",
    }
}

/// Whether a gauge is additive over instances and attributes. The conventions make such a gauge an up-down counter.
pub(super) fn is_additive(family: &MetricFamily) -> bool {
    matches!(
        family.name.as_str(),
        "http_server_active_requests"
            | "http_client_open_connections"
            | "process_open_fds"
            | "process_resident_memory_bytes"
            | "process_threads"
            | "process_virtual_memory_bytes"
    )
}

/// Whether a metric is observed when it is exported, instead of counted as events happen (an asynchronous instrument).
pub(super) fn is_observed(family: &MetricFamily) -> bool {
    matches!(
        family.name.as_str(),
        "portcullis_own_log_lines_dropped_total" | "portcullis_own_log_lines_dropped" | "process_cpu_seconds_total"
    )
}

/// Whether the values of a metric have fractions. The snapshot has every value as a float, and a series must not change
/// its type when a fraction happens to be zero.
pub(super) fn is_fractional(family: &MetricFamily) -> bool {
    matches!(
        family.name.as_str(),
        "portcullis_waiver_days_left" | "process_cpu_seconds_total" | "process_start_time_seconds"
    )
}
