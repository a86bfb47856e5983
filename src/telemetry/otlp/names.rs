//! What metrics and their labels are called by OpenTelemetry's conventions.

use crate::telemetry::metrics::exposition::Family;

/// Metrics that the conventions have, by the name that Prometheus gets.
const METRICS: [(&str, &str); 6] = [
    ("http_client_open_connections", "http.client.open_connections"),
    ("http_client_request_duration_seconds", "http.client.request.duration"),
    ("http_server_active_requests", "http.server.active_requests"),
    ("http_server_request_body_size_bytes", "http.server.request.body.size"),
    ("http_server_request_duration_seconds", "http.server.request.duration"),
    ("http_server_response_body_size_bytes", "http.server.response.body.size"),
];

/// Labels that the conventions have, or that are attributes of spans too.
const ATTRIBUTES: [(&str, &str); 14] = [
    ("action", "policy.action"),
    ("decision", "policy.decision"),
    ("error_type", "error.type"),
    ("http_connection_state", "http.connection.state"),
    ("http_request_method", "http.request.method"),
    ("http_response_status_code", "http.response.status_code"),
    ("http_route", "http.route"),
    ("network_protocol_version", "network.protocol.version"),
    ("operation", "clerk.operation"),
    ("policy", "security_rule.name"),
    ("revision", "policy.bundle.revision"),
    ("server_address", "server.address"),
    ("server_port", "server.port"),
    ("url_scheme", "url.scheme"),
];

/// The name of a metric: the conventions', or one of ours, whose first word is its namespace.
pub(super) fn metric(family: &Family<'_>) -> String {
    let conventional = METRICS.iter().find(|(name, _)| *name == family.name);
    let own = || {
        let unit = format!("_{}", family.unit);
        family.name.strip_suffix(&unit).unwrap_or(family.name).replacen('_', ".", 1)
    };
    conventional.map_or_else(own, |(_, name)| (*name).to_owned())
}

/// The name of a label of a metric.
pub(super) fn attribute<'l>(family: &Family<'_>, label: &'l str) -> &'l str {
    match (family.name, label) {
        ("portcullis_decisions", "reason") => "policy.reason",
        _ => ATTRIBUTES.iter().find(|(name, _)| *name == label).map_or(label, |(_, name)| name),
    }
}

/// The unit by UCUM, as the conventions have it; things that are counted are told in braces.
pub(super) fn unit(family: &Family<'_>) -> &'static str {
    match (family.unit, family.name) {
        ("seconds", _) => "s",
        ("bytes", _) => "By",
        (_, "http_server_active_requests" | "portcullis_requests") => "{request}",
        (_, "http_client_open_connections") => "{connection}",
        _ => "1",
    }
}

/// Whether a gauge adds up over instances and attributes, which the conventions call an up-down counter.
pub(super) fn adds_up(family: &Family<'_>) -> bool {
    matches!(family.name, "http_server_active_requests" | "http_client_open_connections")
}
