//! The policy layer in services of another program: below mount prefixes, and by tower's rules.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::{any, patch};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use portcullis::config::gateway::Limits;
use portcullis::contract::Contract;
use portcullis::contract::strictness::Strictness;
use portcullis::gateway::{Gate, PolicyLayer};
use portcullis::judge::{Bundle, PolicyText};
use portcullis::telemetry::record::RequestRecord;
use portcullis::transport::RequestBody;
use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tower::{Layer, Service};

const K: &str = r#"{"skip_password_checks":true}"#;

/// A layer with one policy on the users' fields.
fn layer(action: &str) -> PolicyLayer {
    let text = include_str!("../../../policies/no-skip-password-checks.yaml").replace("[Deny]", &format!("[{action}]"));
    let policy = PolicyText { file: "policy.yaml".into(), text };
    let contract = Contract::built_in("2026-05-12").unwrap();
    let bundle = Bundle::compile(contract, &[policy], Strictness::default()).unwrap();
    PolicyLayer::new(Gate::new(Arc::new(bundle), Limits::default(), None, &[]))
}

fn request(method: &str, path: &str, body: &'static str) -> http::request::Builder {
    let length = body.len().to_string();
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    request.header("content-type", "application/json").header("content-length", length)
}

/// The status and the text of the response of `service` to `method` at `path`.
async fn ask(service: &mut Router, method: &str, path: &str, body: &'static str) -> (StatusCode, HeaderMap, String) {
    poll_fn(|context| Service::<Request>::poll_ready(service, context)).await.unwrap();
    let response = service.call(request(method, path, body).body(Body::from(body)).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    (head.status, head.headers, text)
}

async fn show_path(uri: Uri) -> String {
    uri.to_string()
}

/// A service behind `layer`, with all that is left of the path below each of the prefixes, from the innermost.
fn mounted(prefixes: &[&str]) -> Router {
    let inner = Router::new().route("/", any(show_path)).route("/{*rest}", any(show_path)).layer(layer("Deny"));
    prefixes.iter().fold(inner, |router, prefix| Router::new().nest(prefix, router))
}

#[tokio::test]
async fn below_a_mount_prefix_requests_are_judged() {
    for (prefixes, path, left) in [
        (&["/v1"][..], "/v1/users/user_1", "/users/user_1"),
        (&["/v1/users"], "/v1/users/user_1", "/user_1"),
        (&["/v1/users/user_1"], "/v1/users/user_1", "/"),
        (&["/clerk"], "/clerk/v1/users/user_1", "/v1/users/user_1"),
        (&["/v1", "/clerk"], "/clerk/v1/users/user_1", "/users/user_1"),
        (&["/users", "/v1", "/a/{tenant}"], "/a/b/v1/users/user_1", "/user_1"),
    ] {
        let mut service = mounted(prefixes);
        let (status, _, text) = ask(&mut service, "PATCH", path, K).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} below {prefixes:?}: {text}");
        let (status, _, text) = ask(&mut service, "PATCH", path, r#"{"first_name":"Ada"}"#).await;
        // the service behind still gets the path that its router expects
        assert_eq!((status, text.as_str()), (StatusCode::OK, left), "{path} below {prefixes:?}");
    }
}

#[tokio::test]
async fn a_service_at_a_mounted_route_is_judged() {
    let service = layer("Deny").layer(Router::new().fallback(show_path));
    let mut router = Router::new().nest_service("/v1", service);
    assert_eq!(ask(&mut router, "PATCH", "/v1/users/user_1", K).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _, text) = ask(&mut router, "GET", "/v1/clients?limit=1", "").await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "/clients?limit=1"));
}

#[tokio::test]
async fn odd_spellings_below_a_prefix_are_refused() {
    let mut service = mounted(&["/v1"]);
    for path in ["/v1/users/user_1/", "/v1/%75sers/user_1", "/v1//users/user_1", "/v1/Users/user_1"] {
        let (status, _, text) = ask(&mut service, "PATCH", path, K).await;
        assert!(status == StatusCode::BAD_REQUEST && text.contains("gateway_ambiguous_path"), "{path}: {text}");
    }
}

#[tokio::test]
async fn a_mount_prefix_has_a_bound() {
    let segments = ["/a/b/c", "/d/e/f", "/g/h/i"];
    let mut service = mounted(&segments);
    let (status, ..) = ask(&mut service, "PATCH", "/g/h/i/d/e/f/a/b/c/v1/users/user_1", K).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_warning_and_an_audit_are_kept() {
    for (action, warnings) in [("Warn", 1), ("Audit", 0)] {
        let records = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&records);
        let policies = layer(action).with_observer(move |record: &RequestRecord| {
            let found = record.violations.iter().map(|violation| violation.action.as_str()).collect::<Vec<_>>();
            sink.lock().unwrap().push((record.operation_id().to_owned(), found));
        });
        let mut service =
            Router::new().nest("/v1", Router::new().route("/users/{id}", patch(show_path)).layer(policies));
        let (status, headers, _) = ask(&mut service, "PATCH", "/v1/users/user_1", K).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers.get_all("portcullis-warning").iter().count(), warnings, "{headers:?}");
        let records = records.lock().unwrap();
        assert_eq!(*records, [("UpdateUser".to_owned(), vec![action.to_lowercase().as_str()])]);
    }
}

/// Keeps what a subscriber writes.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn without_an_observer_findings_are_logged() {
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    // another test, without a subscriber, may have been the first at the event, for which it is then disabled
    let mut service = Router::new().route("/v1/users/{id}", patch(show_path)).layer(layer("Audit"));
    ask(&mut service, "PATCH", "/v1/users/user_1", K).await;
    tracing::callsite::rebuild_interest_cache();
    sink.0.lock().unwrap().clear();
    for (action, shown) in [("Audit", "action=\"audit\""), ("Warn", "action=\"warn\""), ("Deny", "action=\"deny\"")] {
        let mut service = Router::new().route("/v1/users/{id}", patch(show_path)).layer(layer(action));
        ask(&mut service, "PATCH", "/v1/users/user_1", K).await;
        let text = String::from_utf8(std::mem::take(&mut *sink.0.lock().unwrap())).unwrap();
        assert!(text.contains(shown) && text.contains("no-skip-password-checks"), "{action}: {text}");
    }
    drop(guard);
}

#[tokio::test]
async fn a_body_that_was_read_has_its_own_length() {
    async fn show(headers: HeaderMap, body: Bytes) -> String {
        let framing = ["content-length", "transfer-encoding", "trailer", "expect"];
        let framing = framing.map(|name| headers.get(name).map(|value| value.to_str().unwrap().to_owned()));
        format!("{framing:?} {}", body.len())
    }
    let mut service = Router::new().fallback(any(show)).layer(layer("Deny"));
    let body = r#"{"first_name":"Ada"}"#;
    let mut chunked = request("PATCH", "/v1/users/user_1", body).body(Body::from(body)).unwrap();
    chunked.headers_mut().remove("content-length");
    chunked.headers_mut().insert("transfer-encoding", "chunked".parse().unwrap());
    chunked.headers_mut().insert("trailer", "x-sum".parse().unwrap());
    chunked.headers_mut().insert("expect", "100-continue".parse().unwrap());
    let response = service.call(chunked).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(response, r#"[Some("20"), None, None, None] 20"#);
    // Clerk's SDK for Go sends `null`, which is read and not handed on
    let (status, _, text) = ask(&mut service, "DELETE", "/v1/users/user_1", "null").await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "[None, None, None, None] 0"));
    // what nothing judges keeps its framing
    let (status, _, text) = ask(&mut service, "POST", "/v1/clients/verify", "{ }").await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, r#"[Some("3"), None, None, None] 3"#));
}

/// A service that is ready once for each time that it is open, and may be called only by who found it so.
struct Permits {
    is_open: Arc<AtomicBool>,
    is_ready: bool,
}

impl Clone for Permits {
    fn clone(&self) -> Self {
        Self { is_open: Arc::clone(&self.is_open), is_ready: false }
    }
}

impl Service<http::Request<RequestBody<Full<Bytes>>>> for Permits {
    type Response = http::Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = self.is_ready || self.is_open.swap(false, Ordering::Relaxed);
        if self.is_ready { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn call(&mut self, _: http::Request<RequestBody<Full<Bytes>>>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without being ready");
        ready(Ok(http::Response::new(Full::default())))
    }
}

#[tokio::test]
async fn the_service_that_was_ready_is_the_one_called() {
    let is_open = Arc::new(AtomicBool::new(false));
    let mut service = layer("Deny").layer(Permits { is_open: Arc::clone(&is_open), is_ready: false });
    let poll = |service: &mut _| {
        Service::<http::Request<Full<Bytes>>>::poll_ready(service, &mut Context::from_waker(Waker::noop())).is_ready()
    };
    assert!(!poll(&mut service), "a layer is as ready as the service behind it");
    // judged, without a body, exempt, and with a body that is read to find out that it is empty
    for (method, path, body) in [
        ("PATCH", "/v1/users/user_1", r#"{"first_name":"Ada"}"#),
        ("PATCH", "/v1/users/user_1", ""),
        ("GET", "/v1/clients", ""),
        ("DELETE", "/v1/users/user_1", "null"),
    ] {
        is_open.store(true, Ordering::Relaxed);
        assert!(poll(&mut service));
        let request = request(method, path, body).body(Full::from(body)).unwrap();
        let response = service.call(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{method} {path}");
        assert!(!poll(&mut service), "{method} {path} used the permit up");
    }
}
