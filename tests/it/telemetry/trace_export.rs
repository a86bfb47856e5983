//! What a collector gets of a request, over both protocols, and what a request feels of a collector that is gone.

use crate::support::collector::{Collector, Protocol, attribute};
use crate::support::telemetry::{CANARY, LONG, PARENT, TRACE, allowed, called, denied, telemetry};
use http::HeaderMap;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use portcullis::config::gateway::Sampler;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

fn of_kind(spans: &[Span], kind: SpanKind) -> &Span {
    spans.iter().find(|span| span.kind == kind as i32).expect("a span of the kind")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

async fn span_tree_arrives(protocol: Protocol) {
    let mut collector = Collector::start(protocol, None).await;
    let telemetry = telemetry(&collector.variables(), Sampler::ParentBasedAlwaysOff);
    let record = allowed(&telemetry, &called());
    telemetry.finish(&record);

    let spans = collector.spans(3).await;
    let (server, judge, client) =
        (of_kind(&spans, SpanKind::Server), of_kind(&spans, SpanKind::Internal), of_kind(&spans, SpanKind::Client));
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE));
    assert_eq!(hex(&server.parent_span_id), PARENT);
    assert_eq!((&judge.parent_span_id, &client.parent_span_id), (&server.span_id, &server.span_id));
    assert_eq!(client.span_id, record.trace.client_span_id);
    assert_eq!((server.name.as_str(), judge.name.as_str()), ("PATCH /v1/users/{user_id}", "judge"));
    assert_eq!(server.end_time_unix_nano - server.start_time_unix_nano, 2_000_000);
    for (key, value) in [
        ("http.request.method", "PATCH"),
        ("http.route", "/v1/users/{user_id}"),
        ("http.response.status_code", "200"),
        ("policy.decision", "allow"),
        ("policy.bundle.revision", "0123abcd"),
        ("clerk.operation", "UpdateUser"),
        ("clerk.api_version", "2026-05-12"),
        ("clerk.environment", "production"),
        ("decision.id", &record.decision_id.to_string()),
    ] {
        assert_eq!(attribute(&server.attributes, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(attribute(&client.attributes, "server.address").as_deref(), Some("api.example.com"));
    assert_eq!(attribute(&client.attributes, "portcullis.connection.reused").as_deref(), Some("false"));
}

#[tokio::test]
async fn the_span_tree_arrives_over_http() {
    span_tree_arrives(Protocol::Http).await;
}

#[tokio::test]
async fn the_span_tree_arrives_over_grpc() {
    span_tree_arrives(Protocol::Grpc).await;
}

async fn sender_is_named(protocol: Protocol) {
    let mut collector = Collector::start(protocol, None).await;
    let mut variables = collector.variables();
    variables.push(("OTEL_EXPORTER_OTLP_HEADERS", String::from("x-tenant=ours%20alone")));
    variables.push(("OTEL_RESOURCE_ATTRIBUTES", String::from("team=identity")));
    let telemetry = telemetry(&variables, Sampler::AlwaysOn);
    telemetry.finish(&allowed(&telemetry, &HeaderMap::new()));

    let batch = collector.batch().await;
    assert_eq!(batch.headers["x-tenant"], "ours alone");
    assert_eq!(batch.resource("service.name").as_deref(), Some("portcullis"));
    assert_eq!(batch.resource("service.version").as_deref(), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(batch.resource("team").as_deref(), Some("identity"));
    assert_eq!(batch.resource("process.pid"), Some(std::process::id().to_string()));
    assert_eq!(batch.resource("service.instance.id").map(|id| id.len()), Some(36));
    if protocol == Protocol::Http {
        assert_eq!(batch.path, "/v1/traces");
        assert_eq!(batch.headers["host"], collector.address.to_string());
    }
}

#[tokio::test]
async fn the_sender_is_named_over_http() {
    sender_is_named(Protocol::Http).await;
}

#[tokio::test]
async fn the_sender_is_named_over_grpc() {
    sender_is_named(Protocol::Grpc).await;
}

#[tokio::test]
async fn a_refusal_is_exported_though_not_sampled_and_shows_nothing_of_the_request() {
    let mut collector = Collector::start(Protocol::Http, None).await;
    let telemetry = telemetry(&collector.variables(), Sampler::AlwaysOff);
    telemetry.finish(&allowed(&telemetry, &called()));
    let record = denied(&telemetry, &called());
    assert!(!record.trace.sampled);
    telemetry.finish(&record);
    assert!(telemetry.shutdown(LONG).await);

    let batch = collector.batch().await;
    assert_eq!(collector.rest(), "");
    assert!(!format!("{batch:?}").contains(CANARY));
    let spans = batch.spans();
    assert_eq!(spans.len(), 2, "the allowed request was not sampled");
    let server = of_kind(&spans, SpanKind::Server);
    assert!(server.status.as_ref().is_none_or(|status| status.code() == StatusCode::Unset));
    assert_eq!(attribute(&server.attributes, "policy.reason").as_deref(), Some("policy_denied"));
    let [policy, schema] = &server.events[..] else { panic!("two events: {:?}", server.events) };
    assert_eq!((policy.name.as_str(), schema.name.as_str()), ("policy.violation", "policy.violation"));
    let rule = attribute(&policy.attributes, "security_rule.name");
    assert_eq!(rule.as_deref(), Some("no-skip-password-checks"));
    assert_eq!(attribute(&policy.attributes, "policy.field").as_deref(), Some("skip_password_checks"));
    assert_eq!(attribute(&policy.attributes, "policy.action").as_deref(), Some("deny"));
    assert_eq!(attribute(&schema.attributes, "policy.field").as_deref(), Some("/*"));
}

/// A server's TLS, and the file with the authority that vouches for it.
fn tls(protocol: Protocol) -> (TlsAcceptor, tempfile::NamedTempFile) {
    let authority_key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let issuer = Issuer::from_params(&authority, &authority_key);
    let server = CertificateParams::new(["localhost".to_owned()]).expect("a name").signed_by(&key, &issuer);
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let chain = vec![server.expect("a certificate").der().clone()];
    let mut config = config.with_single_cert(chain, key).expect("a server's certificate");
    config.alpn_protocols = vec![if protocol == Protocol::Grpc { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), certificate.pem()).expect("a written file");
    (TlsAcceptor::from(Arc::new(config)), file)
}

async fn tls_is_verified(protocol: Protocol) {
    let (acceptor, authority) = tls(protocol);
    let mut collector = Collector::start(protocol, Some(acceptor)).await;
    let path = |file: &tempfile::NamedTempFile| file.path().display().to_string();
    let mut variables = collector.variables();
    variables.push(("OTEL_EXPORTER_OTLP_CERTIFICATE", path(&authority)));
    let trusted = telemetry(&variables, Sampler::AlwaysOn);
    trusted.finish(&allowed(&trusted, &HeaderMap::new()));
    assert_eq!(collector.spans(3).await.len(), 3);

    let (_, stranger) = tls(protocol);
    variables.pop();
    variables.push(("OTEL_EXPORTER_OTLP_CERTIFICATE", path(&stranger)));
    variables.push(("OTEL_EXPORTER_OTLP_TIMEOUT", String::from("1000")));
    let distrusted = telemetry(&variables, Sampler::AlwaysOn);
    distrusted.finish(&allowed(&distrusted, &HeaderMap::new()));
    distrusted.shutdown(LONG).await;
    assert_eq!(collector.rest(), "");
    let lost = "portcullis_spans_dropped_total{reason=\"export_failed\"} 3";
    assert!(distrusted.metrics_text().contains(lost), "{}", distrusted.metrics_text());
}

#[tokio::test]
async fn a_collector_by_tls_is_verified_over_http() {
    tls_is_verified(Protocol::Http).await;
}

#[tokio::test]
async fn a_collector_by_tls_is_verified_over_grpc() {
    tls_is_verified(Protocol::Grpc).await;
}

/// A server's TLS that asks for a client's certificate, and the variables by which a client has all that it needs.
fn mutual_tls() -> (TlsAcceptor, tempfile::TempDir, [(&'static str, String); 3]) {
    let authority_key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let issuer = Issuer::from_params(&authority, &authority_key);
    let both = CertificateParams::new(["localhost".to_owned()]).expect("a name").signed_by(&key, &issuer);
    let both = both.expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).expect("an authority");
    let provider = Arc::new(default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_client_cert_verifier(clients.expect("a verifier"));
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = config.with_single_cert(vec![both.der().clone()], private).expect("a server's certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a written file");
        path.display().to_string()
    };
    let variables = [
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", file("ca.pem", root.pem())),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", file("client.pem", both.pem())),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", file("client.key", key.serialize_pem())),
    ];
    (TlsAcceptor::from(Arc::new(config)), folder, variables)
}

#[tokio::test]
async fn a_collector_that_asks_who_we_are_is_told() {
    let (acceptor, _folder, files) = mutual_tls();
    let mut collector = Collector::start(Protocol::Http, Some(acceptor)).await;
    let mut variables = collector.variables();
    variables.push(("OTEL_EXPORTER_OTLP_TIMEOUT", String::from("1000")));
    let [authority, certificate, key] = files;
    variables.push(authority);
    let stranger = telemetry(&variables, Sampler::AlwaysOn);
    stranger.finish(&allowed(&stranger, &HeaderMap::new()));
    stranger.shutdown(LONG).await;
    assert_eq!(collector.rest(), "");

    variables.extend([certificate, key]);
    let known = telemetry(&variables, Sampler::AlwaysOn);
    known.finish(&allowed(&known, &HeaderMap::new()));
    assert_eq!(collector.spans(3).await.len(), 3);
}

async fn what_was_not_taken_is_sent_again(protocol: Protocol) {
    let mut collector = Collector::start(protocol, None).await;
    collector.is_busy_for(1);
    let telemetry = telemetry(&collector.variables(), Sampler::AlwaysOn);
    telemetry.finish(&allowed(&telemetry, &called()));
    assert_eq!(collector.spans(3).await.len(), 3);
    let metrics = telemetry.metrics_text();
    assert!(metrics.contains("portcullis_spans_dropped_total{reason=\"export_failed\"} 0\n"), "{metrics}");
}

#[tokio::test]
async fn a_collector_that_is_busy_for_a_moment_gets_its_spans_over_http() {
    what_was_not_taken_is_sent_again(Protocol::Http).await;
}

#[tokio::test]
async fn a_collector_that_is_busy_for_a_moment_gets_its_spans_over_grpc() {
    what_was_not_taken_is_sent_again(Protocol::Grpc).await;
}

/// A collector that takes connections and never answers is worse than one that refuses them.
#[tokio::test]
async fn a_dead_collector_is_not_felt_and_what_is_lost_is_counted() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_BSP_MAX_QUEUE_SIZE", String::from("30")),
        ("OTEL_BSP_SCHEDULE_DELAY", String::from("60000")),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", String::from("30")),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", String::from("60000")),
    ];
    let telemetry = telemetry(&variables, Sampler::AlwaysOn);
    let record = allowed(&telemetry, &HeaderMap::new());
    let begin = Instant::now();
    (0..1000).for_each(|_| telemetry.finish(&record));
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    let text = telemetry.metrics_text();
    let dropped =
        text.lines().find_map(|line| line.strip_prefix("portcullis_spans_dropped_total{reason=\"queue_full\"} "));
    let dropped: u64 = dropped.expect("a counter").parse().expect("a number");
    assert!(dropped > 2000 && dropped.is_multiple_of(3), "whole requests are dropped: {dropped}");
    let begin = Instant::now();
    assert!(!telemetry.shutdown(Duration::from_millis(100)).await);
    assert!(begin.elapsed() < Duration::from_secs(5));
}
