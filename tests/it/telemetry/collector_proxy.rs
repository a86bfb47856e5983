//! A collector that is reached through the proxy of the environment.

use crate::support::authority::Authority;
use crate::support::collector::{Collector, Protocol};
use crate::support::connect_proxy::ConnectProxy;
use crate::support::telemetry::{LONG, allowed, telemetry};
use http::HeaderMap;
use portcullis::config::gateway::Sampler;

/// The variables for a collector that only the proxy knows.
fn variables(collector: &Collector, authority: &Authority, proxy: &ConnectProxy) -> Vec<(&'static str, String)> {
    let mut variables = collector.variables();
    variables.retain(|(name, _)| *name != "OTEL_EXPORTER_OTLP_ENDPOINT");
    variables.extend([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.invalid".to_owned()),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", authority.file().display().to_string()),
        ("HTTPS_PROXY", format!("http://user:word@{}", proxy.address())),
    ]);
    variables
}

async fn spans_arrive(protocol: Protocol) {
    let authority = Authority::new("ours");
    let mut collector = Collector::start(protocol, Some(authority.server("collector.invalid"))).await;
    // where a request leads is the stand-in's matter: the client has no other way to that name
    let proxy = ConnectProxy::to(collector.address()).await;
    let telemetry = telemetry(&variables(&collector, &authority, &proxy), Sampler::AlwaysOn);
    telemetry.finish(&allowed(&telemetry, &HeaderMap::new()));
    assert_eq!(collector.spans(3).await.len(), 3);
    let request = &proxy.requests()[0];
    assert!(request.starts_with("CONNECT collector.invalid:443 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("Proxy-Authorization: Basic dXNlcjp3b3Jk\r\n"), "{request}");
}

#[tokio::test]
async fn spans_go_through_a_proxy_over_http() {
    spans_arrive(Protocol::Http).await;
}

#[tokio::test]
async fn spans_go_through_a_proxy_over_grpc() {
    spans_arrive(Protocol::Grpc).await;
}

#[tokio::test]
async fn a_proxy_that_refuses_loses_spans_and_they_are_counted() {
    let authority = Authority::new("ours");
    let mut collector = Collector::start(Protocol::Http, Some(authority.server("collector.invalid"))).await;
    let proxy = ConnectProxy::responding("HTTP/1.1 403 Forbidden\r\n\r\n").await;
    let telemetry = telemetry(&variables(&collector, &authority, &proxy), Sampler::AlwaysOn);
    telemetry.finish(&allowed(&telemetry, &HeaderMap::new()));
    telemetry.shutdown(LONG).await;
    let lost = "portcullis_spans_dropped_total{reason=\"export_failed\"} 3";
    assert!(telemetry.metrics_text().contains(lost), "{}", telemetry.metrics_text());
    assert_eq!(collector.rest(), "");
}
