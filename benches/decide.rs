//! From bytes to decision: strict parse, schema and the shipped policies, at three sizes of body.
//!
//! `cargo bench --bench decide`
#![expect(clippy::unwrap_used, clippy::unreachable, reason = "a bench that cannot start stops and says so")]

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::HeaderMap;
use portcullis::contract::credential::Environment;
use portcullis::contract::strictness::Strictness;
use portcullis::contract::{Contract, Routed};
use portcullis::document::Document;
use portcullis::judge::{Bundle, PolicyText, decide};
use portcullis::peer::Client;
use portcullis::policy::{Attributes, Instance, PolicyOutcome};
use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// The policies of a fresh clone.
fn bundle() -> Bundle {
    let files = std::fs::read_dir("policies").unwrap().map(|entry| entry.unwrap().path());
    let is_policy = |file: &std::path::PathBuf| {
        let name = file.to_string_lossy();
        name.ends_with(".yaml") && !name.ends_with(".test.yaml")
    };
    let mut files: Vec<_> = files.filter(is_policy).collect();
    files.sort();
    let texts = files.into_iter().map(|file| PolicyText { text: std::fs::read_to_string(&file).unwrap(), file });
    Bundle::compile(Contract::built_in("2026-05-12").unwrap(), &texts.collect::<Vec<_>>(), Strictness::default())
        .unwrap()
}

/// An update as an SDK sends it, filled up to about `bytes` with metadata.
fn body(bytes: usize) -> Bytes {
    let head = r#"{"first_name":"Ada","last_name":"Lovelace","username":"ada","password":"correct horse battery","sign_out_of_other_sessions":true,"notify_primary_email_address_changed":false,"delete_self_enabled":true,"public_metadata":{"plan":"pro""#;
    let mut text = head.to_owned();
    let mut n = 0;
    while text.len() + 2 < bytes {
        write!(text, r#","key{n}":"value {n}""#).unwrap();
        n += 1;
    }
    text.push_str("}}");
    text.into()
}

fn benches(criterion: &mut Criterion) {
    let bundle = bundle();
    let route = bundle.route("PATCH", "/v1/users/user_1", Some("2025-11-10"));
    let Routed::Operation(operation, parameters) = route else { unreachable!("an operation of the contract") };
    let headers = HeaderMap::new();
    let attributes = Attributes {
        method: "PATCH",
        path: "/v1/users/user_1",
        parameters: &parameters,
        query: "",
        headers: &headers,
        environment: Environment::Production,
        key_fingerprint: None,
        instance: &Instance::UNNAMED,
        client: &Client::default(),
        time: UNIX_EPOCH,
    };
    for size in [300, 4 * 1024, 64 * 1024] {
        let body = body(size);
        let judgement = decide(&bundle, &operation, &attributes, body.clone(), &mut ());
        assert!(judgement.verdict.is_ok(), "{:?}", judgement.violations);
        let mut group = criterion.benchmark_group("judge");
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_with_input(BenchmarkId::new("decide", body.len()), &body, |bencher, body| {
            bencher.iter(|| decide(&bundle, &operation, &attributes, black_box(body.clone()), &mut ()));
        });
        group.bench_with_input(BenchmarkId::new("parse", body.len()), &body, |bencher, body| {
            bencher.iter(|| Document::parse(bytes::Bytes::copy_from_slice(black_box(body))).unwrap());
        });
        let document = Some(Arc::new(Document::parse(bytes::Bytes::copy_from_slice(&body)).unwrap()));
        group.bench_with_input(BenchmarkId::new("policies", body.len()), &document, |bencher, document| {
            let policies = bundle.policies.of_operation(&operation.id);
            bencher.iter(|| {
                let outcomes = policies
                    .iter()
                    .map(|policy| policy.evaluate(&operation, document.as_ref(), black_box(&attributes)));
                outcomes.filter(|outcome| *outcome == PolicyOutcome::Holds).count()
            });
        });
        group.bench_with_input(BenchmarkId::new("serde_json", body.len()), &body, |bencher, body| {
            bencher.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(body)).unwrap());
        });
        group.finish();
    }
    criterion.bench_function("contract/load", |bencher| {
        bencher.iter(|| Contract::built_in("2026-05-12").unwrap());
    });
    criterion.bench_function("route/canonical", |bencher| {
        bencher.iter(|| bundle.route("PATCH", black_box("/v1/users/user_1"), None));
    });
    criterion.bench_function("route/uninspected", |bencher| {
        bencher.iter(|| bundle.route("GET", black_box("/v1/organizations/org_1/memberships"), None));
    });
}

criterion_group!(all, benches);
criterion_main!(all);
