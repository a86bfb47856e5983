//! What the `OTEL_*` variables ask for (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>). The OTLP crate
//! would read some of them itself, from the process; those for the certificates and for switching off it does not know.

use crate::telemetry::environment::{Environment, VariableError, pairs};
use http::Uri;
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use std::path::PathBuf;
use std::time::Duration;

const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
const CERTIFICATES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// How spans travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `http/protobuf`, the default.
    HttpProtobuf,
    /// `grpc`.
    Grpc,
}

/// Everything the exporter needs to know. Holds credentials: it has no `Debug`.
pub(super) struct Settings {
    /// Where batches go: for HTTP the whole URL, for gRPC the server.
    pub(super) endpoint: Uri,
    pub(super) protocol: Protocol,
    pub(super) headers: Vec<(String, String)>,
    /// Longest time for one batch, retries included.
    pub(super) timeout: Duration,
    /// PEM file with the authorities to trust in place of the platform's.
    pub(super) certificate: Option<PathBuf>,
    pub(super) resource: Resource,
    /// Most spans that wait.
    pub(super) queue: usize,
    /// Most spans in one batch.
    pub(super) batch: usize,
    /// Longest time a span waits for its batch to fill.
    pub(super) delay: Duration,
}

impl Settings {
    /// Reads the variables. None where no endpoint is set, or traces are switched off.
    pub(super) fn read(environment: Environment<'_>) -> Result<Option<Self>, VariableError> {
        let exporter = environment.get("OTEL_TRACES_EXPORTER");
        if environment.is_true("OTEL_SDK_DISABLED") || exporter.is_some_and(|name| !name.eq_ignore_ascii_case("otlp")) {
            return Ok(None);
        }
        let Some((variable, endpoint)) = environment.first(ENDPOINTS) else { return Ok(None) };
        let protocol = protocol(environment)?;
        // the specification's 2,048 is for programs of one span a request, we have up to three
        let queue = environment.number("OTEL_BSP_MAX_QUEUE_SIZE").map_or(8_192, bounded);
        let batch = environment.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE").map_or(512, bounded);
        Ok(Some(Self {
            endpoint: uri(variable, &endpoint, protocol)?,
            protocol,
            headers: list(environment, HEADERS)?,
            timeout: timeout(environment)?,
            certificate: environment.first(CERTIFICATES).map(|(_, path)| PathBuf::from(path)),
            resource: resource(environment)?,
            queue,
            batch: batch.min(queue),
            delay: Duration::from_millis(environment.number("OTEL_BSP_SCHEDULE_DELAY").unwrap_or(5_000)),
        }))
    }

    /// Whether the collector is reached by TLS.
    pub(super) fn tls(&self) -> bool {
        self.endpoint.scheme() == Some(&http::uri::Scheme::HTTPS)
    }
}

/// A number of spans: at least one, and no more than memory can be asked for.
fn bounded(spans: u64) -> usize {
    usize::try_from(spans.clamp(1, 1 << 20)).unwrap_or(1)
}

fn protocol(environment: Environment<'_>) -> Result<Protocol, VariableError> {
    let Some((variable, name)) = environment.first(PROTOCOLS) else { return Ok(Protocol::HttpProtobuf) };
    match name.to_ascii_lowercase().as_str() {
        "http/protobuf" => Ok(Protocol::HttpProtobuf),
        "grpc" => Ok(Protocol::Grpc),
        _ => Err(VariableError { variable, problem: "is neither `http/protobuf` nor `grpc`" }),
    }
}

/// The endpoint; over HTTP the one for all signals gets the path for traces.
fn uri(variable: &'static str, endpoint: &str, protocol: Protocol) -> Result<Uri, VariableError> {
    let whole = match protocol {
        Protocol::HttpProtobuf if Some(&variable) == ENDPOINTS.last() => {
            format!("{}/v1/traces", endpoint.trim_end_matches('/'))
        }
        // a bare `host:port` is usual for gRPC; the specification has it secure
        Protocol::Grpc if !endpoint.contains("://") => format!("https://{endpoint}"),
        Protocol::HttpProtobuf | Protocol::Grpc => endpoint.to_owned(),
    };
    let problem = "is not a URL that begins with `http://` or `https://`";
    let uri: Uri = whole.parse().map_err(|_| VariableError { variable, problem })?;
    let usable = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    usable.then_some(uri).ok_or(VariableError { variable, problem })
}

fn list(environment: Environment<'_>, variables: [&'static str; 2]) -> Result<Vec<(String, String)>, VariableError> {
    let Some((variable, list)) = environment.first(variables) else { return Ok(Vec::new()) };
    pairs(&list).ok_or(VariableError { variable, problem: "is not a list of `name=value`, separated by commas" })
}

fn timeout(environment: Environment<'_>) -> Result<Duration, VariableError> {
    let Some((variable, millis)) = environment.first(TIMEOUTS) else { return Ok(Duration::from_secs(10)) };
    let millis = millis.trim().parse().ok().filter(|millis| *millis > 0);
    let problem = "is not a number of milliseconds";
    millis.map(Duration::from_millis).ok_or(VariableError { variable, problem })
}

/// Who we are: `service.name` from `OTEL_SERVICE_NAME`, else from the resource attributes, else `portcullis`.
fn resource(environment: Environment<'_>) -> Result<Resource, VariableError> {
    let given = list(environment, [RESOURCE, RESOURCE])?;
    let builder = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attribute(KeyValue::new("service.name", "portcullis"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(given.into_iter().map(|(name, value)| KeyValue::new(name, value)));
    let name = environment.get("OTEL_SERVICE_NAME").map(|name| KeyValue::new("service.name", name));
    Ok(builder.with_attributes(name).build())
}

#[cfg(test)]
mod tests {
    use super::{Protocol, Settings};
    use crate::telemetry::environment::{Environment, VariableError};
    use opentelemetry::Key;
    use std::time::Duration;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Settings>, VariableError> {
        let lookup = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        Settings::read(Environment::new(&lookup))
    }

    fn settings(variables: &[(&str, &str)]) -> Settings {
        read(variables).unwrap().unwrap()
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");

    #[test]
    fn off_without_an_endpoint_or_when_switched_off() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[ENDPOINT, ("OTEL_SDK_DISABLED", "True")]).unwrap().is_none());
        assert!(read(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]).unwrap().is_none());
        assert!(read(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "otlp")]).unwrap().is_some());
    }

    #[test]
    fn only_the_endpoint_for_all_signals_gets_the_path_of_traces() {
        assert_eq!(settings(&[ENDPOINT]).endpoint, "http://127.0.0.1:4318/v1/traces");
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://collector.example.com/here");
        let own = settings(&[ENDPOINT, own]);
        assert_eq!(own.endpoint, "https://collector.example.com/here");
        assert!(own.tls());
        let grpc = settings(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
        assert_eq!((grpc.protocol, grpc.endpoint.path()), (Protocol::Grpc, "/"));
    }

    #[test]
    fn a_service_is_named_by_its_variable_then_its_attributes_then_us() {
        let name = |variables: &[_]| {
            settings(&[&[ENDPOINT], variables].concat()).resource.get(&Key::new("service.name")).unwrap().to_string()
        };
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=from%20attributes,team=identity");
        assert_eq!(name(&[]), "portcullis");
        assert_eq!(name(&[attributes]), "from attributes");
        assert_eq!(name(&[attributes, ("OTEL_SERVICE_NAME", "named")]), "named");
    }

    #[test]
    fn the_variables_for_traces_go_before_those_for_all_signals() {
        let read = settings(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=b"),
        ]);
        assert_eq!(read.timeout, Duration::from_millis(2500));
        assert_eq!(read.headers, [("a".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn an_error_names_the_variable_and_not_its_value() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://user:hunter2@host"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "hunter2"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "hunter2"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "hunter2"),
            ("OTEL_RESOURCE_ATTRIBUTES", "hunter2"),
        ] {
            let error = read(&[(name, value), ENDPOINT]).err().unwrap().to_string();
            assert!(error.starts_with(&format!("`{name}` is not ")) || error.contains("neither"), "{error}");
            assert!(!error.contains("hunter2"));
        }
    }
}
