//! The built-in stand-in for the BAPI, over a real socket.

mod operations;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use portcullis::sandbox;
use serde_json::{Value, json};
use std::future::Future;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const ADA: &str = "/v1/users/user_portcullis_ada";

/// A stand-in of its own for one test.
struct StandIn {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

/// What it answered.
struct Answer {
    status: StatusCode,
    content_type: String,
    body: Value,
}

impl StandIn {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(sandbox::serve(listener, async move { drop(stopped.await) }));
        Self { address, stop, served }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        let response = sender.send_request(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer {
            status: head.status,
            content_type: head.headers["content-type"].to_str().expect("text").to_owned(),
            body: serde_json::from_slice(&body).expect("JSON"),
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        self.send(request(method, path, "2026-05-12", body)).await
    }
}

fn request(method: Method, path: &str, version: &str, body: Bytes) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "stand-in")
        .header("authorization", "Bearer sk_test_portcullis")
        .header("content-type", "application/json")
        .header("clerk-api-version", version)
        .body(Full::new(body))
        .expect("a request")
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(test);
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().expect("an array").iter().map(|user| user["id"].as_str().expect("an id")).collect()
}

/// The first error, after a look at what every error of Clerk's has.
fn error(answer: &Answer) -> &Value {
    assert_eq!(answer.content_type, "application/json");
    assert_eq!(answer.body["clerk_trace_id"].as_str().map(str::len), Some(32));
    let error = &answer.body["errors"][0];
    for name in ["code", "message", "long_message"] {
        assert!(error[name].is_string(), "`{name}` is missing");
    }
    error
}

#[test]
fn lists_and_counts_the_users_it_starts_with() {
    run(async {
        let stand_in = StandIn::start().await;
        let all = stand_in.call(Method::GET, "/v1/users", None).await;
        assert_eq!((all.status, all.content_type.as_str()), (StatusCode::OK, "application/json"));
        assert_eq!(ids(&all.body).len(), 3);
        let paged = stand_in.call(Method::GET, "/v1/users?limit=1&offset=1", None).await;
        assert_eq!(ids(&paged.body), [ids(&all.body)[1]]);
        let one = stand_in.call(Method::GET, "/v1/users?email_address=ada%40example.com", None).await;
        assert_eq!(ids(&one.body), ["user_portcullis_ada"]);
        let count = stand_in.call(Method::GET, "/v1/users/count?query=grace", None).await;
        assert_eq!(count.body, json!({ "object": "total_count", "total_count": 1 }));
        let keys = stand_in.call(Method::GET, "/v1/jwks", None).await;
        assert_eq!(keys.body, json!({ "keys": [] }));
    });
}

#[test]
fn a_user_is_created_changed_and_deleted() {
    run(async {
        let stand_in = StandIn::start().await;
        let body = json!({ "email_address": ["new@example.com", "held@example.com"], "password": "long enough 1",
            "email_address_identification_status": ["verified", "reserved"], "public_metadata": { "plan": "pro" } });
        let created = stand_in.call(Method::POST, "/v1/users", Some(body)).await.body;
        assert_eq!(created["password_enabled"], true);
        assert_eq!(created["primary_email_address_id"], created["email_addresses"][0]["id"]);
        assert_eq!(created["email_addresses"][1]["reserved"], true);
        let path = format!("/v1/users/{}", created["id"].as_str().expect("an id"));

        let changed = stand_in.call(Method::PATCH, &path, Some(json!({ "first_name": "Zoë", "locale": null }))).await;
        assert_eq!((changed.status, &changed.body["first_name"]), (StatusCode::OK, &json!("Zoë")));
        assert_eq!(stand_in.call(Method::GET, &path, None).await.body, changed.body);

        let deleted = stand_in.call(Method::DELETE, &path, None).await.body;
        assert_eq!(deleted, json!({ "object": "user", "id": created["id"], "deleted": true }));
        assert_eq!(stand_in.call(Method::GET, &path, None).await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn metadata_is_merged_by_patch_and_replaced_by_put() {
    run(async {
        let stand_in = StandIn::start().await;
        let path = format!("{ADA}/metadata");
        let first =
            json!({ "public_metadata": { "plan": { "name": "pro", "seats": 3 } }, "private_metadata": { "n": 1 } });
        stand_in.call(Method::PUT, &path, Some(first)).await;
        let changes = json!({ "public_metadata": { "plan": { "seats": 5, "name": null } } });
        let merged = stand_in.call(Method::PATCH, &path, Some(changes)).await.body;
        assert_eq!(merged["public_metadata"], json!({ "plan": { "seats": 5 } }));
        let replaced =
            stand_in.call(Method::PUT, &path, Some(json!({ "public_metadata": { "new": true } }))).await.body;
        assert_eq!(replaced["public_metadata"], json!({ "new": true }));
        assert_eq!(replaced["private_metadata"], json!({ "n": 1 }));
    });
}

#[test]
fn an_update_replaces_metadata_only_in_versions_that_had_it_there() {
    run(async {
        let stand_in = StandIn::start().await;
        let body = Bytes::from_static(br#"{"first_name":"A","public_metadata":{"old":1}}"#);
        let old = stand_in.send(request(Method::PATCH, ADA, "2025-11-10", body)).await.body;
        assert_eq!(old["public_metadata"], json!({ "old": 1 }));
        let body = Bytes::from_static(br#"{"first_name":"B","public_metadata":{"new":1}}"#);
        let new = stand_in.send(request(Method::PATCH, ADA, "2026-05-12", body)).await.body;
        assert_eq!((&new["first_name"], &new["public_metadata"]), (&json!("B"), &json!({ "old": 1 })));
    });
}

#[test]
fn secrets_do_not_come_back() {
    run(async {
        let stand_in = StandIn::start().await;
        let body = json!({ "password": "canary-1234", "totp_secret": "canary-totp", "backup_codes": ["canary-code"],
            "password_digest": "canary-digest", "password_hasher": "bcrypt" });
        let user = stand_in.call(Method::PATCH, ADA, Some(body)).await;
        assert_eq!(user.status, StatusCode::OK);
        assert_eq!((&user.body["totp_enabled"], &user.body["backup_code_enabled"]), (&json!(true), &json!(true)));
        assert!(!user.body.to_string().contains("canary"));
        let refused = stand_in.call(Method::PATCH, ADA, Some(json!({ "password": "canary" }))).await;
        assert_eq!(
            (refused.status, &error(&refused)["meta"]["param_name"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("password"))
        );
        assert!(!refused.body.to_string().contains("canary"));
    });
}

#[test]
fn every_failure_has_clerks_shape() {
    run(async {
        let stand_in = StandIn::start().await;
        for (method, path, body, status) in [
            (Method::GET, "/v1/users/user_nobody", "", 404),
            (Method::PATCH, "/v1/users/user_nobody", "{}", 404),
            (Method::DELETE, "/v1/users/user_nobody", "", 404),
            (Method::GET, "/v1/users/%ff", "", 404),
            (Method::GET, "/v1/organizations", "", 404),
            (Method::GET, "/", "", 404),
            (Method::PUT, ADA, "{}", 405),
            (Method::PATCH, ADA, "{", 400),
            (Method::PATCH, ADA, "[]", 400),
            (Method::PATCH, ADA, r#"{"first_name":1}"#, 422),
            (Method::GET, "/v1/users?limit=many", "", 422),
        ] {
            let answer = stand_in.send(request(method, path, "2026-05-12", Bytes::from_static(body.as_bytes()))).await;
            assert_eq!(answer.status, status, "{path}");
            error(&answer);
        }
    });
}

#[test]
fn a_secret_key_is_needed_everywhere() {
    run(async {
        let stand_in = StandIn::start().await;
        for authorization in [None, Some("Bearer "), Some("Bearer ak_portcullis"), Some("Basic sk_test_portcullis")] {
            for path in ["/v1/users", "/v1/jwks", "/elsewhere"] {
                let mut request = request(Method::GET, path, "2026-05-12", Bytes::new());
                request.headers_mut().remove("authorization");
                if let Some(value) = authorization {
                    request.headers_mut().insert("authorization", value.parse().expect("a header"));
                }
                let answer = stand_in.send(request).await;
                assert_eq!(
                    (answer.status, &error(&answer)["code"]),
                    (StatusCode::UNAUTHORIZED, &json!("authentication_invalid"))
                );
            }
        }
    });
}

#[test]
fn it_ends_when_it_is_told_to() {
    run(async {
        let stand_in = StandIn::start().await;
        assert_eq!(stand_in.call(Method::GET, ADA, None).await.status, StatusCode::OK);
        stand_in.stop.send(()).expect("still serving");
        stand_in.served.await.expect("no panic").expect("no error");
    });
}
