//! The metrics that the OpenTelemetry HTTP conventions define, with the attributes they require. An empty label is
//! equivalent to a missing one.

use crate::config::gateway::UpstreamTarget;
use crate::telemetry::metrics::exemplar::{ExemplarHistograms, TraceExemplar};
use crate::telemetry::metrics::open_connections::OpenConnections;
use crate::telemetry::metrics::request_series::RequestSeries;
use crate::telemetry::metrics::status::{error_label, status_label};
use crate::telemetry::record::error_type::ErrorType;
use crate::telemetry::record::{RequestRecord, UpstreamCall};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// Bucket bounds in seconds: those of the conventions, and two below them for an upstream next door.
const REQUEST_BOUNDS: [f64; 16] =
    [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Bucket bounds in bytes, up to well above the default of `limits.bodyBytes`.
const SIZE_BOUNDS: [f64; 9] = [0.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServerLabels {
    http_request_method: &'static str,
    http_route: Arc<str>,
    http_response_status_code: Option<u16>,
    url_scheme: &'static str,
    error_type: Option<ErrorType>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClientLabels {
    http_request_method: &'static str,
    http_response_status_code: Option<u16>,
    network_protocol_version: Option<&'static str>,
    error_type: Option<ErrorType>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActiveLabels {
    http_request_method: &'static str,
    url_scheme: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Metrics of requests and of calls to the upstream.
pub(in crate::telemetry) struct HttpMetrics {
    served: ExemplarHistograms<ServerLabels>,
    request_sizes: Histograms<ServerLabels>,
    response_sizes: Histograms<ServerLabels>,
    active: Family<ActiveLabels, Gauge>,
    called: Histograms<ClientLabels>,
    /// The route label of a request without a route.
    no_route: Arc<str>,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            served: Family::new_with_constructor(|| HistogramWithExemplars::new(REQUEST_BOUNDS.into_iter())),
            request_sizes: Family::new_with_constructor(|| Histogram::new(SIZE_BOUNDS)),
            response_sizes: Family::new_with_constructor(|| Histogram::new(SIZE_BOUNDS)),
            active: Family::default(),
            called: Family::new_with_constructor(|| Histogram::new(REQUEST_BOUNDS)),
            no_route: Arc::from(""),
        }
    }
}

impl HttpMetrics {
    pub(in crate::telemetry) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "http_server_request_duration",
            "Time from a request's head to the last byte of its response",
            Unit::Seconds,
            self.served.clone(),
        );
        registry.register_with_unit(
            "http_server_request_body_size",
            "Bytes of a request's body",
            Unit::Bytes,
            self.request_sizes.clone(),
        );
        registry.register_with_unit(
            "http_server_response_body_size",
            "Bytes of a response's body",
            Unit::Bytes,
            self.response_sizes.clone(),
        );
        registry.register("http_server_active_requests", "Requests that have no response yet", self.active.clone());
    }

    /// Registers the metrics of the upstream. The built-in stand-in has no address.
    // Its name and port are labels of the registry: there is one upstream, so that no call needs to carry or hash them.
    pub(in crate::telemetry) fn register_client(
        &self,
        registry: &mut Registry,
        upstream: &UpstreamTarget,
        open: &OpenConnections,
    ) {
        let labels = match upstream {
            UpstreamTarget::Embedded => Vec::new(),
            UpstreamTarget::Url { host, port, .. } => {
                vec![("server_address".into(), host.clone().into()), ("server_port".into(), port.to_string().into())]
            }
            UpstreamTarget::Unix { path } => vec![("server_address".into(), path.display().to_string().into())],
        };
        let registry = registry.sub_registry_with_labels(labels.into_iter());
        registry.register_with_unit(
            "http_client_request_duration",
            "Time from the start of a call to the upstream to the head of its response",
            Unit::Seconds,
            self.called.clone(),
        );
        open.register(registry);
    }

    /// `http.server.active_requests` for these attributes; the caller counts up and down.
    pub(in crate::telemetry) fn active(&self, http_request_method: &'static str, url_scheme: &'static str) -> Gauge {
        self.active.get_or_create_owned(&ActiveLabels { http_request_method, url_scheme })
    }

    /// Counts a finished request. `exported` is whether its trace is, which makes it an exemplar.
    pub(super) fn add(&self, series: &RequestSeries, record: &RequestRecord, exported: bool) {
        let labels = || self.server_labels(record);
        let traced = exported.then(|| TraceExemplar::by(record.trace.trace_id));
        // OpenMetrics has no time before 1970
        let end = Some(record.started + record.elapsed).filter(|end| *end >= UNIX_EPOCH);
        let duration = series.duration.get_or_init(|| self.served.get_or_create_owned(&labels()));
        duration.observe(record.elapsed.as_secs_f64(), traced, end);
        // a body that was not read has an unknown size, which is not a size of 0
        if let Some(bytes) = record.request_bytes {
            let size = series.request_size.get_or_init(|| self.request_sizes.get_or_create_owned(&labels()));
            size.observe(as_float(bytes));
        }
        if record.status > 0 {
            let size = series.response_size.get_or_init(|| self.response_sizes.get_or_create_owned(&labels()));
            size.observe(as_float(record.response_bytes));
        }
        if let Some(call) = &record.upstream {
            let create = || self.called.get_or_create_owned(&client_labels(record, call));
            series.call_duration.get_or_init(create).observe(call.elapsed.as_secs_f64());
        }
    }

    /// The attributes that OpenTelemetry requires of an HTTP server's metrics.
    fn server_labels(&self, record: &RequestRecord) -> ServerLabels {
        ServerLabels {
            http_request_method: record.method,
            http_route: Arc::clone(record.operation.as_ref().map_or(&self.no_route, |operation| &operation.path)),
            http_response_status_code: Some(record.status).filter(|status| *status > 0).map(status_label),
            url_scheme: record.endpoint.scheme,
            error_type: error_label(ErrorType::of_request(record)),
        }
    }
}

/// The attributes that OpenTelemetry requires of an HTTP client's metrics.
fn client_labels(record: &RequestRecord, call: &UpstreamCall) -> ClientLabels {
    ClientLabels {
        http_request_method: record.method,
        http_response_status_code: call.status.map(status_label),
        network_protocol_version: call.protocol_version,
        error_type: error_label(ErrorType::of_call(record, call)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "the last bytes of petabytes do not matter")]
const fn as_float(bytes: u64) -> f64 {
    bytes as f64
}
