//! What one finished request costs the worker that reports it: metrics, log line, spans that a dead collector leaves no
//! room for. And what a request pays at its begin: ids, a fingerprint.
#![expect(clippy::expect_used, reason = "a bench that can't start has nothing to go on with")]

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis::config::gateway::{AccessLogTarget, Logs, Sampler, Traces, UpstreamTarget};
use portcullis::contract::Operation;
use portcullis::redact::Fingerprinter;
use portcullis::telemetry::record::{JudgeTiming, Outcome, RequestRecord, UpstreamCall};
use portcullis::telemetry::{Output, Setup, Telemetry};
use std::hint::black_box;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

fn telemetry(runtime: &Runtime, access: AccessLogTarget, variables: &[(&str, &str)]) -> Telemetry {
    let setup = Setup {
        logs: &Logs { access, ..Logs::default() },
        traces: &Traces {
            sampler: Sampler::AlwaysOn,
            always_export: Vec::new(),
            slow_threshold: std::time::Duration::MAX,
            send_to_upstream: true,
        },
        upstream: &UpstreamTarget::Url { tls: true, host: String::from("api.example.com"), port: 443 },
        instance: &portcullis::policy::Instance::UNNAMED,
        output: Output::new(io::sink(), false),
        decisions: None,
        environment: &|name| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned()),
        runtime: runtime.handle().clone(),
    };
    Telemetry::start(setup).expect("telemetry")
}

fn record(telemetry: &Telemetry) -> RequestRecord {
    let mut record =
        RequestRecord::begin("PATCH", telemetry.begin(&http::HeaderMap::new()), Arc::from("0123456789abcdef"));
    record.operation = Some(Arc::new(Operation {
        id: Arc::from("UpdateUser"),
        method: Arc::from("PATCH"),
        path: Arc::from("/v1/users/{user_id}"),
        api_version: Arc::from("2026-05-12"),
        lists_422: true,
        also_at: Box::default(),
        query: Box::default(),
        is_added: false,
        body: None,
    }));
    record.client = Some(([127, 0, 0, 1], 50_000).into());
    record.key_fingerprint = Some(Fingerprinter::random().fingerprint(b"sk_test_portcullis"));
    record.outcome = Outcome::Allowed;
    record.status = 200;
    let step = Duration::from_micros(1);
    record.judging = Some(JudgeTiming { started: record.started, parse: step, schema: step, policy: step });
    let (started, elapsed) = (record.started, Duration::from_millis(1));
    let peer = record.client;
    record.upstream =
        Some(UpstreamCall { started, elapsed, status: Some(200), reused: true, peer, ..UpstreamCall::begin() });
    record
}

fn finish(criterion: &mut Criterion) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    // takes connections and never answers, so that the queue is full
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let collector = format!("http://{}", silent.local_addr().expect("an address"));
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str());
    let (no_logs, no_traces) = (("OTEL_LOGS_EXPORTER", "none"), ("OTEL_TRACES_EXPORTER", "none"));
    // a queue that no run fills, at the price of memory
    let long = ("OTEL_BLRP_MAX_QUEUE_SIZE", "1000000");
    let cases = [
        ("metrics", telemetry(&runtime, AccessLogTarget::Off, &[])),
        ("metrics and log line", telemetry(&runtime, AccessLogTarget::Stdout, &[])),
        ("metrics and spans dropped", telemetry(&runtime, AccessLogTarget::Off, &[endpoint, no_logs])),
        ("metrics and log records dropped", telemetry(&runtime, AccessLogTarget::Off, &[endpoint, no_traces])),
        ("metrics and log records queued", telemetry(&runtime, AccessLogTarget::Off, &[endpoint, no_traces, long])),
    ];
    for (name, telemetry) in cases {
        let record = record(&telemetry);
        criterion.bench_function(&format!("finish: {name}"), |bencher| {
            bencher.iter(|| telemetry.finish(black_box(&record)));
        });
    }
}

fn begin(criterion: &mut Criterion) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let telemetry = telemetry(&runtime, AccessLogTarget::Off, &[]);
    let headers = http::HeaderMap::new();
    criterion.bench_function("begin", |bencher| bencher.iter(|| telemetry.begin(black_box(&headers))));
    let fingerprinter = Fingerprinter::random();
    let key = b"sk_test_portcullis_of_the_usual_length_of_fifty_ch";
    criterion.bench_function("fingerprint", |bencher| bencher.iter(|| fingerprinter.fingerprint(black_box(key))));
}

criterion_group!(benches, begin, finish);
criterion_main!(benches);
