//! The `OTEL_EXPORTER_OTLP_*` variables, each for one signal or for all
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).
//!
//! An unknown choice or an invalid number is ignored with a warning, as the specification requires. A value that would
//! send to the wrong place, or without the intended credentials, is an error.

use super::batch_config;
use super::signal::Signal;
use crate::telemetry::otel_vars::{OtelVars, VariableError, pairs};
use crate::transport::EgressProxy;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::path::PathBuf;
use std::time::Duration;

/// The transport of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtlpProtocol {
    /// `http/protobuf`, the default.
    HttpProtobuf,
    /// `grpc`.
    Grpc,
}

/// PEM files of the client certificate and its key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Where and how one signal is exported, from the variables of OpenTelemetry.
// Holds credentials, so it has no `Debug`.
pub(super) struct ExporterSettings {
    /// The destination: for HTTP the URL of the signal, for gRPC the server.
    pub(super) endpoint: Uri,
    /// Whether the endpoint is for this signal alone.
    pub(super) is_own: bool,
    pub(super) protocol: OtlpProtocol,
    pub(super) headers: HeaderMap,
    /// Longest time for one batch.
    pub(super) timeout: Duration,
    /// Whether batches are compressed with gzip.
    pub(super) gzip: bool,
    /// PEM file of the certificate authorities to trust instead of the platform's.
    pub(super) certificate: Option<PathBuf>,
    /// The client certificate, if the collector requires one.
    pub(super) client: Option<ClientFiles>,
    /// The proxy through which a collector with TLS is reached. `None` if directly.
    pub(super) proxy: Option<EgressProxy>,
}

impl ExporterSettings {
    /// Reads the variables for `signal`. `None` if no endpoint is set and the exporter was not `named` either.
    pub(super) fn read(environment: OtelVars<'_>, signal: Signal, named: bool) -> Result<Option<Self>, VariableError> {
        let protocol = protocol(environment, signal);
        let Some((endpoint, is_own)) = endpoint(environment, signal, protocol, named)? else { return Ok(None) };
        let proxy = proxy(environment, &endpoint)?;
        Ok(Some(Self {
            endpoint,
            proxy,
            is_own,
            protocol,
            headers: headers(environment, signal)?,
            timeout: timeout(environment, signal),
            gzip: gzip(environment, signal),
            certificate: environment.first(signal.variables("CERTIFICATE")).map(|(_, path)| PathBuf::from(path)),
            client: client(environment, signal)?,
        }))
    }

    /// Whether the collector is reached by TLS.
    pub(super) fn tls(&self) -> bool {
        self.endpoint.scheme() == Some(&http::uri::Scheme::HTTPS)
    }
}

fn protocol(environment: OtelVars<'_>, signal: Signal) -> OtlpProtocol {
    let Some((variable, name)) = environment.first(signal.variables("PROTOCOL")) else {
        return OtlpProtocol::HttpProtobuf;
    };
    match name.trim().to_ascii_lowercase().as_str() {
        "http/protobuf" => OtlpProtocol::HttpProtobuf,
        "grpc" => OtlpProtocol::Grpc,
        _ => {
            environment.ignore(&variable, "is neither `http/protobuf` nor `grpc`");
            OtlpProtocol::HttpProtobuf
        }
    }
}

fn gzip(environment: OtelVars<'_>, signal: Signal) -> bool {
    let Some((variable, name)) = environment.first(signal.variables("COMPRESSION")) else { return false };
    match name.trim().to_ascii_lowercase().as_str() {
        "gzip" => true,
        "none" => false,
        _ => {
            environment.ignore(&variable, "is neither `gzip` nor `none`");
            false
        }
    }
}

/// The endpoint that is set, and whether it is for `signal` alone; or the specification's default for an exporter that was
/// `named`.
fn endpoint(
    environment: OtelVars<'_>,
    signal: Signal,
    protocol: OtlpProtocol,
    named: bool,
) -> Result<Option<(Uri, bool)>, VariableError> {
    let [own, all] = signal.variables("ENDPOINT");
    let (variable, endpoint, shared) = match (environment.get(&own), environment.get(&all), protocol) {
        (Some(endpoint), ..) => (own, endpoint, false),
        (None, Some(endpoint), _) => (all, endpoint, true),
        (None, None, _) if !named => return Ok(None),
        (None, None, OtlpProtocol::HttpProtobuf) => (all, String::from("http://localhost:4318"), true),
        (None, None, OtlpProtocol::Grpc) => (all, String::from("http://localhost:4317"), true),
    };
    let whole = match protocol {
        // the endpoint for all signals gets the path of this one
        OtlpProtocol::HttpProtobuf if shared => below(&endpoint, signal.path()),
        // a bare `host:port` is common for gRPC; the specification makes it secure by default
        OtlpProtocol::Grpc if !endpoint.contains("://") => format!("{}://{endpoint}", scheme(environment, signal)),
        OtlpProtocol::HttpProtobuf | OtlpProtocol::Grpc => endpoint,
    };
    Ok(Some((uri(variable, &whole)?, !shared)))
}

/// The URL with `path` behind its own path, and before its query, in which some vendors want a key.
fn below(url: &str, path: &str) -> String {
    let (url, _fragment) = url.split_once('#').unwrap_or((url, ""));
    match url.split_once('?') {
        Some((url, query)) => format!("{}{path}?{query}", url.trim_end_matches('/')),
        None => format!("{}{path}", url.trim_end_matches('/')),
    }
}

fn scheme(environment: OtelVars<'_>, signal: Signal) -> &'static str {
    let variable = signal.variables("INSECURE").into_iter().find(|variable| environment.get(variable).is_some());
    if variable.is_some_and(|variable| environment.is_true(&variable)) { "http" } else { "https" }
}

fn uri(variable: String, endpoint: &str) -> Result<Uri, VariableError> {
    let uri: Option<Uri> = endpoint.parse().ok();
    let usable = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    let problem = "is not a URL that begins with `http://` or `https://`";
    uri.filter(usable).ok_or(VariableError { variable, problem })
}

/// The proxy to `endpoint`. One without TLS is reached directly, as an upstream is.
fn proxy(environment: OtelVars<'_>, endpoint: &Uri) -> Result<Option<EgressProxy>, VariableError> {
    let Some(host) = endpoint.host().filter(|_| endpoint.scheme() == Some(&http::uri::Scheme::HTTPS)) else {
        return Ok(None);
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match EgressProxy::from_environment(&|name| environment.get(name), host) {
        Ok(found) => Ok(found.map(|(proxy, _)| proxy)),
        Err((variable, (problem, _))) => Err(VariableError { variable: variable.to_owned(), problem }),
    }
}

/// The client certificate and its key, which are required together.
fn client(environment: OtelVars<'_>, signal: Signal) -> Result<Option<ClientFiles>, VariableError> {
    let first = |what| environment.first(signal.variables(what));
    match (first("CLIENT_CERTIFICATE"), first("CLIENT_KEY")) {
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

/// The headers of requests.
// An invalid header is an error: without its credentials, the collector refuses every batch, and the cause is far from
// the symptom.
fn headers(environment: OtelVars<'_>, signal: Signal) -> Result<HeaderMap, VariableError> {
    let Some((variable, list)) = environment.first(signal.variables("HEADERS")) else { return Ok(HeaderMap::new()) };
    let error = |problem| VariableError { variable: variable.clone(), problem };
    let pairs = pairs(&list).ok_or_else(|| error("is not a list of `name=value`, separated by commas"))?;
    let header = |(name, value): (String, String)| {
        let mut value = HeaderValue::try_from(value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name).ok()?, value))
    };
    let headers: Option<HeaderMap> = pairs.into_iter().map(header).collect();
    headers.ok_or_else(|| error("has an invalid header name or value"))
}

fn timeout(environment: OtelVars<'_>, signal: Signal) -> Duration {
    let millis = signal.variables("TIMEOUT").iter().find_map(|variable| environment.number(variable));
    batch_config::timeout(millis.unwrap_or(10_000))
}

#[cfg(test)]
mod tests {
    use super::{ClientFiles, ExporterSettings, OtlpProtocol, Signal};
    use crate::telemetry::otel_vars::{OtelVars, VariableError};
    use std::time::Duration;

    fn read(variables: &[(&str, &str)]) -> Result<Option<ExporterSettings>, VariableError> {
        let lookup = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        ExporterSettings::read(OtelVars::new(&lookup), Signal::Traces, false)
    }

    fn settings(variables: &[(&str, &str)]) -> ExporterSettings {
        read(variables).unwrap().unwrap()
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");

    #[test]
    fn off_without_an_endpoint_unless_the_exporter_is_named() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://127.0.0.1:4318/")]).unwrap().is_none());
        let grpc = [("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc")];
        for (variables, endpoint) in [(&[][..], "http://localhost:4318/v1/metrics"), (&grpc, "http://localhost:4317")] {
            let lookup = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
            let named = ExporterSettings::read(OtelVars::new(&lookup), Signal::Metrics, true).unwrap().unwrap();
            assert_eq!(named.endpoint, endpoint);
        }
    }

    #[test]
    fn what_names_no_choice_or_number_is_ignored() {
        let ours = settings(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
        ]);
        assert_eq!(
            (ours.protocol, ours.gzip, ours.timeout),
            (OtlpProtocol::HttpProtobuf, false, Duration::from_secs(10))
        );
        let gzip =
            [ENDPOINT, ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"), ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none")];
        assert!(settings(&gzip[..2]).gzip && !settings(&gzip).gzip);
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
        for (endpoint, whole) in [
            ("http://c:4318/base/?api-key=x/y", "http://c:4318/base/v1/traces?api-key=x/y"),
            ("http://c:4318?a=b", "http://c:4318/v1/traces?a=b"),
            ("http://c:4318/base#part", "http://c:4318/base/v1/traces"),
        ] {
            assert_eq!(settings(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]).endpoint, whole);
        }
        assert!(!settings(&[ENDPOINT]).is_own);
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://collector.example.com/here");
        let own = settings(&[ENDPOINT, own]);
        assert!(own.is_own);
        assert_eq!(own.endpoint, "https://collector.example.com/here");
        assert!(own.tls());
        let grpc = settings(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
        assert_eq!((grpc.protocol, grpc.endpoint.path()), (OtlpProtocol::Grpc, "/"));
        let bare = [("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
        assert_eq!(settings(&bare).endpoint, "https://collector:4317");
        let insecure = ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "true");
        assert_eq!(settings(&[bare[0], bare[1], insecure]).endpoint, "http://collector:4317");
    }

    #[test]
    fn a_collector_with_tls_is_reached_by_the_proxy_of_the_environment() {
        let proxy = ("HTTPS_PROXY", "http://user:hunter2@proxy:3128");
        let of = |endpoint| settings(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), proxy]).proxy;
        assert_eq!(of("https://collector.example.com").unwrap().to_string(), "http://proxy:3128");
        assert!(of("http://collector.example.com").is_none() && of("https://[::1]:4318").is_none());
        let wrong = ("HTTPS_PROXY", "socks5://hunter2");
        let error = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example.com"), wrong]).err().unwrap();
        assert_eq!(error.to_string(), "`HTTPS_PROXY` must be the URL of an http proxy");
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
        assert_eq!(read.headers["a"], "b");
    }

    #[test]
    fn an_error_names_the_variable_and_not_its_value() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://user:hunter2@host"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "hunter2"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2,x=a%0Ab"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a b=hunter2"),
        ] {
            let error = read(&[(name, value), ENDPOINT]).err().unwrap().to_string();
            assert!(error.starts_with(&format!("`{name}` ")), "{error}");
            assert!(!error.contains("hunter2"));
        }
    }
}
