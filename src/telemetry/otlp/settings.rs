//! What the `OTEL_*` variables ask for (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>). The OTLP crate
//! would read some of them itself, from the process; those for the certificates and for switching off it does not know.

use super::resource::resource;
use crate::telemetry::environment::{Environment, VariableError, pairs};
use http::Uri;
use opentelemetry_sdk::Resource;
use std::path::PathBuf;
use std::time::Duration;

const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
const CERTIFICATES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
const CLIENT_CERTIFICATES: [&str; 2] =
    ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"];
const CLIENT_KEYS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY"];

/// How spans travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `http/protobuf`, the default.
    HttpProtobuf,
    /// `grpc`.
    Grpc,
}

/// PEM files with our certificate and its key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
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
    /// Who we are to the collector, where it asks.
    pub(super) client: Option<ClientFiles>,
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
        if environment.is_true("OTEL_SDK_DISABLED") || !is_exporter(environment) {
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
            client: client(environment)?,
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

/// Whether `OTEL_TRACES_EXPORTER` asks for this exporter, or for nothing in particular.
fn is_exporter(environment: Environment<'_>) -> bool {
    let Some(name) = environment.get("OTEL_TRACES_EXPORTER") else { return true };
    let is_ours = name.trim().eq_ignore_ascii_case("otlp");
    if !is_ours && !name.trim().eq_ignore_ascii_case("none") {
        tracing::warn!("`OTEL_TRACES_EXPORTER` is neither `otlp` nor `none`; no traces are exported");
    }
    is_ours
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

/// Certificate and key go together.
fn client(environment: Environment<'_>) -> Result<Option<ClientFiles>, VariableError> {
    match (environment.first(CLIENT_CERTIFICATES), environment.first(CLIENT_KEYS)) {
        (Some((_, certificate)), Some((_, key))) => {
            Ok(Some(ClientFiles { certificate: certificate.into(), key: key.into() }))
        }
        (None, None) => Ok(None),
        (Some((variable, _)), None) => Err(VariableError { variable, problem: "needs the variable with its key" }),
        (None, Some((variable, _))) => {
            Err(VariableError { variable, problem: "needs the variable with its certificate" })
        }
    }
}

pub(super) fn list(
    environment: Environment<'_>,
    variables: [&'static str; 2],
) -> Result<Vec<(String, String)>, VariableError> {
    let Some((variable, list)) = environment.first(variables) else { return Ok(Vec::new()) };
    pairs(&list).ok_or(VariableError { variable, problem: "is not a list of `name=value`, separated by commas" })
}

fn timeout(environment: Environment<'_>) -> Result<Duration, VariableError> {
    let Some((variable, millis)) = environment.first(TIMEOUTS) else { return Ok(Duration::from_secs(10)) };
    let millis = millis.trim().parse().ok().filter(|millis| *millis > 0);
    let problem = "is not a number of milliseconds";
    millis.map(Duration::from_millis).ok_or(VariableError { variable, problem })
}

#[cfg(test)]
mod tests {
    use super::{ClientFiles, Protocol, Settings};
    use crate::telemetry::environment::{Environment, VariableError};
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
    fn a_certificate_of_ours_is_of_no_use_without_its_key() {
        let certificate = ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/a.pem");
        let key = ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/a.key");
        assert_eq!(settings(&[ENDPOINT]).client, None);
        let files = ClientFiles { certificate: "/a.pem".into(), key: "/a.key".into() };
        assert_eq!(settings(&[ENDPOINT, certificate, key]).client, Some(files));
        for alone in [certificate, key] {
            let error = read(&[ENDPOINT, alone]).err().unwrap();
            assert!(error.variable == alone.0 && !error.to_string().contains(alone.1), "{error}");
        }
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
