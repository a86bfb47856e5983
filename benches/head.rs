//! The cost of a head: paths, queries and header sets that are made to be dear, through all layers of the gateway.
//!
//! `cargo bench --bench head`. Each head has at most 32 KiB, the default of `limits.headerBytes`. The response is of a service that
//! does nothing, or the refusal.
#![expect(clippy::unwrap_used, reason = "a bench that cannot start stops and says so")]

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderName, HeaderValue, Request, Response, Version};
use http_body_util::Empty;
use portcullis::config::gateway::Limits;
use portcullis::contract::Contract;
use portcullis::contract::strictness::Strictness;
use portcullis::gateway::{Gate, PolicyLayer};
use portcullis::judge::{Bundle, PolicyText};
use portcullis::transport::RequestBody;
use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tower::{Layer, Service, service_fn};

/// A limit that guards operations without a body, and reads parameters and a header.
const READING: &str = "\
apiVersion: portcullis/v1
kind: RequestLimit
metadata: { name: pages, labels: { owner: bench } }
spec:
  match: { operations: [GetUserList, GetUser, DeleteUser, BanUser] }
  matchConditions:
    - name: read
      expression: request.query.limit != '500' && request.query.offset != '1' && request.headers['x-team'] != 'ops'
  key: instance.keyFingerprint
  events: 1000
  period: 1s
  message: too many
  actions: [Deny]
";

fn bundle() -> Bundle {
    let files = std::fs::read_dir("policies").unwrap().map(|entry| entry.unwrap().path());
    let is_policy = |file: &std::path::PathBuf| {
        let name = file.to_string_lossy();
        name.ends_with(".yaml") && !name.ends_with(".test.yaml")
    };
    let texts = files.filter(is_policy).map(|file| PolicyText { text: std::fs::read_to_string(&file).unwrap(), file });
    let reading = PolicyText { file: "pages.yaml".into(), text: READING.to_owned() };
    let texts: Vec<_> = texts.chain([reading]).collect();
    Bundle::compile(Contract::built_in("2026-05-12").unwrap(), &texts, Strictness::default()).unwrap()
}

type Head = Request<Empty<Bytes>>;

fn head(method: &str, target: &str, fields: &[(&str, &str)]) -> Head {
    let mut request = Request::builder().method(method).uri(target).header("host", "gateway");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Empty::new()).unwrap()
}

fn with_key(method: &str, target: &str) -> Head {
    head(method, target, &[("authorization", "Bearer sk_live_portcullis")])
}

/// `part` as often as it fits into `bytes`.
fn fill(part: &str, bytes: usize) -> String {
    part.repeat(bytes / part.len())
}

const FULL: usize = 31 * 1024;

fn paths() -> Vec<(&'static str, Head)> {
    let words = "organizationsbillinginstanceoauth_applicationssessionswaitlist_entriestemplatesrole_setsmachinesapi_keyswebhooks";
    let path = |text: String| with_key("PATCH", &text);
    vec![
        ("ordinary", with_key("PATCH", "/v1/users/user_1")),
        ("words-of-all-routes", path(format!("/.{words}{}%252525252525252e", "p".repeat(1876)))),
        ("words", path(format!("/.{}", fill(words, 1000)))),
        ("words-of-guarded-routes", path(format!("/.{}", fill("metadata/invitations/memberships/", 1000)))),
        ("words-decoded-thrice", path(format!("/%25252e{}", fill("metadata/invitations/%2525", 1000)))),
        ("decoded-thrice", path(format!("/{}", fill("%25252e", 1020)))),
        ("decoded-too-often", path(format!("/{}", fill("%2525252525", 1020)))),
        ("wildcards", path(format!("/{}", fill("%c3%a9etadat", 1020)))),
        ("wildcards-and-words", path(format!("/{}", fill("%ffser/m%ffetadat", 1020)))),
        ("overlong", path(format!("/{}", fill("%c0%ae", 1020)))),
        ("controls", path(format!("/{}", fill("%01%20", 1020)))),
        ("long-and-odd", path(format!("/{}", fill("%2e", FULL)))),
        ("long-and-plain", path(format!("/{}", fill("a", FULL)))),
        ("many-segments", path(format!("/v1{}", fill("/a", FULL)))),
        ("many-users", path(format!("/v1{}", fill("/users", FULL)))),
        ("many-upper-users", path(format!("/V1{}", fill("/USERS", FULL)))),
        ("unknown-method", with_key("PURGE", &format!("/.{}", fill(words, 1000)))),
    ]
}

fn queries() -> Vec<(&'static str, Head)> {
    let of = |path: &str, query: String| with_key("GET", &format!("{path}?{query}"));
    let read = |query: String| of("/v1/users", query);
    let other = |query: String| of("/v1/organizations", query);
    vec![
        ("parameters", other(fill("a&", FULL))),
        ("parameters-with-values", other(fill("a=b&", FULL))),
        ("escaped-names", other(fill("%61&", FULL))),
        ("almost-the-version", other(fill("__clerk_api_versioo&", FULL))),
        ("escaped-versions", other(fill("__clerk_api_version=%32&", FULL))),
        ("blanks", other(fill("+&", FULL))),
        ("read-parameters", read(fill("a&", FULL))),
        ("read-most-parameters", read(fill("a=b&", 4_000))),
        ("read-most-escaped", read(fill("%2561%2562=%63&", 15_000))),
        ("read-most-alike", read(fill("limi=1&", 7_000))),
        ("read-parts", read(fill("a;", FULL))),
        ("read-one-value", read(format!("limit={}", fill("%61", FULL)))),
        ("read-one-name", read(fill("%61", FULL))),
    ]
}

fn header_sets() -> Vec<(&'static str, Head)> {
    let get = |fields: &[(&str, &str)]| head("GET", "/v1/users/user_1", fields);
    let key = ("authorization", "Bearer sk_live_portcullis");
    let test_key = ("authorization", "Bearer sk_test_portcullis");
    let many = |name: fn(usize) -> String, count: usize| {
        let mut request = get(&[key]);
        for position in 0..count {
            let name = HeaderName::try_from(name(position)).unwrap();
            request.headers_mut().append(name, HeaderValue::from_static("value"));
        }
        request
    };
    let mut http2 = many(|position| format!("x_{position}"), 900);
    *http2.version_mut() = Version::HTTP_2;
    let long = |prefix: &str, part: &str| format!("{prefix}{}", fill(part, FULL));
    vec![
        ("underscores", many(|position| format!("x_a_{position}"), 96)),
        ("underscores-in-http2", http2),
        ("one-name", many(|_| "x-team".to_owned(), 96)),
        ("lines-of-one-name", many(|_| "accept".to_owned(), 900)),
        ("options", get(&[key, ("connection", &long("", "a,"))])),
        ("host", head("GET", "/v1/users/user_1", &[("host", &long("", "a."))])),
        ("key-long", get(&[("authorization", &long("Bearer ", "a"))])),
        ("key-blanks", get(&[("authorization", &(long("Bearer ", " ") + "a"))])),
        ("key-commas", get(&[("authorization", &long("", ","))])),
        ("key-prefixes", get(&[("authorization", &long("bearer ", "sk_live_ "))])),
        ("key-almost-prefixes", get(&[("authorization", &long("bearer ", "sk_livesk_tes"))])),
        ("cookies", get(&[test_key, ("cookie", &long("", "a=sk_live; "))])),
        ("cookies-in-base64", get(&[test_key, ("cookie", &long("", "c2tfbGl2Z"))])),
        ("traceparent", get(&[key, ("traceparent", &long("00-", "4"))])),
        ("user-agent", get(&[key, ("user-agent", &long("curl/", "8."))])),
        ("version", get(&[key, ("clerk-api-version", &long("", "2"))])),
        ("team", get(&[key, ("x-team", &long("", "o"))])),
        ("content-length", get(&[key, ("content-length", &long("", "0"))])),
        ("expect", get(&[key, ("expect", &long("", "1"))])),
    ]
}

fn benches(criterion: &mut Criterion) {
    let gate = Gate::new(Arc::new(bundle()), Limits::default(), None, &[]);
    let service = service_fn(|request: Request<RequestBody<Empty<Bytes>>>| async move {
        black_box(&request);
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let mut service = PolicyLayer::new(gate).layer(service);
    for (group, heads) in [("path", paths()), ("query", queries()), ("headers", header_sets())] {
        for (name, head) in heads {
            criterion.bench_function(&format!("head/{group}/{name}"), |bencher| {
                bencher.iter_batched(
                    || head.clone(),
                    |head| {
                        let response = pin!(service.call(head)).poll(&mut Context::from_waker(Waker::noop()));
                        assert!(matches!(response, Poll::Ready(Ok(_))), "nothing in a head is waited for");
                        response
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

criterion_group!(all, benches);
criterion_main!(all);
