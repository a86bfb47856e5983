//! What the exporter does as a collector asks: wait, send less, or send elsewhere.

use crate::support::telemetry::{LONG, allowed, called, telemetry};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Sum};
use portcullis::config::gateway::Sampler;
use prost::Message as _;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A request that arrived: when, its path and query, and its body.
type Arrival = (Instant, String, Bytes);

/// A collector over HTTP that refuses the first requests with a status and a delay.
struct Throttled {
    variables: Vec<(&'static str, String)>,
    arrivals: UnboundedReceiver<Arrival>,
}

impl Throttled {
    async fn start(refusals: usize, status: u16, retry_after: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let (sender, arrivals) = unbounded_channel();
        let left = Arc::new(AtomicUsize::new(refusals));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, left) = (sender.clone(), Arc::clone(&left));
                let service =
                    service_fn(move |request| respond(request, sender.clone(), Arc::clone(&left), status, retry_after));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        let variables = vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_BSP_SCHEDULE_DELAY", String::from("10")),
            ("OTEL_LOGS_EXPORTER", String::from("none")),
            ("OTEL_METRICS_EXPORTER", String::from("none")),
        ];
        Self { variables, arrivals }
    }

    fn set(&mut self, variable: &'static str, value: &str) {
        self.variables.retain(|(name, _)| *name != variable);
        self.variables.push((variable, value.to_owned()));
    }

    async fn arrival(&mut self) -> Arrival {
        let arrival = pingora_timeout::timeout(LONG, self.arrivals.recv()).await;
        arrival.expect("a request in time").expect("a collector that runs")
    }
}

async fn respond(
    request: Request<Incoming>,
    arrivals: UnboundedSender<Arrival>,
    left: Arc<AtomicUsize>,
    status: u16,
    retry_after: &'static str,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().to_string();
    let body = request.into_body().collect().await.expect("a whole body").to_bytes();
    let _ = arrivals.send((Instant::now(), path, body));
    let is_refused = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    let mut response = Response::new(Full::default());
    if is_refused {
        *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
        response.headers_mut().insert("retry-after", http::HeaderValue::from_static(retry_after));
    }
    Ok(response)
}

#[tokio::test]
async fn a_batch_is_sent_again_after_the_time_that_is_named() {
    for status in [429, 503] {
        let mut collector = Throttled::start(1, status, "2").await;
        let telemetry = telemetry(&collector.variables, Sampler::AlwaysOn);
        telemetry.finish(&allowed(&telemetry, &called()));
        let (refused, _, first) = collector.arrival().await;
        let (accepted, _, second) = collector.arrival().await;
        assert!(accepted - refused >= Duration::from_secs(2), "{:?}", accepted - refused);
        assert!(!first.is_empty() && first == second);
        assert!(telemetry.shutdown(LONG).await);
        assert!(telemetry.metrics_text().contains("portcullis_spans_dropped_total{reason=\"export_failed\"} 0\n"));
    }
}

#[tokio::test]
async fn nothing_is_sent_before_a_time_beyond_the_timeout() {
    let mut collector = Throttled::start(1, 429, "60").await;
    let telemetry = telemetry(&collector.variables, Sampler::AlwaysOn);
    telemetry.finish(&allowed(&telemetry, &called()));
    collector.arrival().await;
    let dropped = "portcullis_spans_dropped_total{reason=\"export_failed\"} 3\n";
    let counted = async {
        while !telemetry.metrics_text().contains(dropped) {
            tokio::task::yield_now().await;
        }
    };
    pingora_timeout::timeout(LONG, counted).await.expect("the batch is dropped");
    telemetry.finish(&allowed(&telemetry, &called()));
    // many times the delay of a batch, and longer than the first pause between retries
    let early = pingora_timeout::timeout(Duration::from_millis(700), collector.arrivals.recv()).await;
    assert!(early.is_err(), "the collector asked for a minute");
    assert!(telemetry.shutdown(LONG).await);
    collector.arrival().await;
    assert!(telemetry.metrics_text().contains(dropped), "what waited is sent at the end");
}

#[tokio::test]
async fn metrics_are_sent_again_too() {
    let mut collector = Throttled::start(1, 503, "1").await;
    collector.set("OTEL_METRICS_EXPORTER", "otlp");
    collector.set("OTEL_METRIC_EXPORT_INTERVAL", "20");
    let telemetry = telemetry(&collector.variables, Sampler::AlwaysOff);
    let (refused, path, first) = collector.arrival().await;
    let (accepted, _, second) = collector.arrival().await;
    assert_eq!(path, "/v1/metrics");
    assert!(accepted - refused >= Duration::from_secs(1) && first == second, "{:?}", accepted - refused);
    assert!(telemetry.shutdown(LONG).await);
}

/// The reloads that were rejected, of one batch.
fn rejected(body: Bytes) -> Option<(AggregationTemporality, i64)> {
    let request = ExportMetricsServiceRequest::decode(body).expect("metrics");
    let metrics = request.resource_metrics.iter().flat_map(|it| &it.scope_metrics).flat_map(|it| &it.metrics);
    let reloads = metrics.into_iter().find(|metric| metric.name == "portcullis.reloads")?;
    let Some(Data::Sum(Sum { data_points, aggregation_temporality, .. })) = &reloads.data else { panic!("a sum") };
    let [point] = &data_points[..] else { panic!("only what was counted: {data_points:?}") };
    let Some(Value::AsInt(value)) = point.value else { panic!("an integer") };
    Some((AggregationTemporality::try_from(*aggregation_temporality).expect("a temporality"), value))
}

#[tokio::test]
async fn deltas_add_up_to_what_was_counted() {
    let mut collector = Throttled::start(0, 200, "").await;
    collector.set("OTEL_METRICS_EXPORTER", "otlp");
    collector.set("OTEL_METRIC_EXPORT_INTERVAL", "20");
    collector.set("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
    let telemetry = telemetry(&collector.variables, Sampler::AlwaysOff);
    for counted in [1, 2] {
        for _ in 0..counted {
            telemetry.bundle_not_loaded(portcullis::telemetry::ReloadOutcome::Rejected);
        }
        let mut sum = 0;
        while sum < counted {
            if let Some((temporality, value)) = rejected(collector.arrival().await.2) {
                assert_eq!(temporality, AggregationTemporality::Delta);
                sum += value;
            }
        }
        assert_eq!(sum, counted);
    }
}

#[tokio::test]
async fn the_path_of_the_signal_goes_before_the_query() {
    let mut collector = Throttled::start(0, 200, "").await;
    let endpoint = format!("{}/base/?api-key=word", collector.variables[0].1);
    collector.set("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint);
    let telemetry = telemetry(&collector.variables, Sampler::AlwaysOn);
    telemetry.finish(&allowed(&telemetry, &called()));
    assert_eq!(collector.arrival().await.1, "/base/v1/traces?api-key=word");
}
