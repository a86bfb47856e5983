//! What a caller reads when the gateway refuses, reason by reason; of none of it does the upstream see anything.

use crate::support::client::{Answer, Client};
use crate::support::closed_port::ClosedPort;
use crate::support::gateway::{Gateway, Setup, head, json, patch, text};
use crate::support::recorder::{Recorder, Reply};
use insta::assert_snapshot;
use portcullis::contract::fallthrough::Fallthrough;
use portcullis::reason::Reason;
use std::fmt::Write as _;
use std::time::Duration;

/// The refusals of requests, each sent to a gateway of its own kind; nothing may reach the upstream.
async fn refused<B: AsRef<[u8]>>(requests: impl IntoIterator<Item = B>) -> String {
    refused_by(|_| {}, requests).await
}

async fn refused_by<B: AsRef<[u8]>>(change: impl FnOnce(&mut Setup), requests: impl IntoIterator<Item = B>) -> String {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    change(&mut setup);
    let mut gateway = setup.start();
    let mut told = String::new();
    for request in requests {
        told += &refusal(&mut gateway, &request).await;
    }
    assert_eq!(recorder.connections(), 0, "nothing may reach the upstream");
    told
}

async fn refusal(gateway: &mut Gateway, request: impl AsRef<[u8]>) -> String {
    let answer = gateway.ask(request).await;
    let told = show(&answer);
    let line = gateway.line().await;
    assert_eq!(line["status"], answer.status());
    assert!(told.contains(&format!("gateway_{}", line["reason"].as_str().unwrap())), "{line}\n{told}");
    told
}

/// The refusal in short, after checks of what SDKs need of all of them.
fn show(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(document["clerk_trace_id"].as_str().unwrap().len(), 32);
    let decision = answer.header("portcullis-decision").expect("a decision");
    let id = decision.split("id=\"").nth(1).unwrap().trim_end_matches('"').to_owned();
    assert_eq!(id.len(), 16);
    let mut told = format!("{} {decision}\n", answer.status());
    if let Some(seconds) = answer.header("retry-after") {
        let _ = writeln!(told, "  retry-after: {seconds}");
    }
    for error in document["errors"].as_array().expect("an array") {
        let (code, long) = (error["code"].as_str().unwrap(), error["long_message"].as_str().unwrap());
        assert!(long.contains(error["message"].as_str().unwrap()), "{error}");
        assert!(long.contains(&format!("Decision {id}.")), "{error}");
        let meta = error["meta"].as_object().expect("an object");
        let meta: Vec<String> = meta.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        let _ = writeln!(told, "  {code}{}\n    {long}", meta.concat());
    }
    told.replace(&id, "ID")
}

fn chunked(size: usize) -> Vec<u8> {
    let mut bytes =
        head("PATCH /v1/users/user_1", "content-type: application/json\r\ntransfer-encoding: chunked\r\n").into_bytes();
    for _ in 0..size / 1024 {
        bytes.extend(b"400\r\n");
        bytes.extend([b' '; 1024]);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

const PATCH: &str = "PATCH /v1/users/user_1";

#[tokio::test]
async fn malformed_json() {
    let deep = format!("{{\"public_metadata\":{}{}}}", "[".repeat(80), "]".repeat(80));
    let bodies: [&[u8]; 6] = [
        b"{\"password\":hunter2}",
        b"{}{}",
        b"{\"first_name\":\"\xff\"}",
        b"{\"a\":\"\\ud800\"}",
        b" ",
        deep.as_bytes(),
    ];
    assert_snapshot!(refused(bodies.map(patch)).await, @r#"
    400 deny; reason=malformed_json; id="ID"
      gateway_malformed_json
        The gateway refused the request for UpdateUser in production: the body is not one JSON value (line 1, column 13). Hint: send one JSON value (RFC 8259). Decision ID. See docs/refusals.md#malformed_json.
    400 deny; reason=malformed_json; id="ID"
      gateway_malformed_json
        The gateway refused the request for UpdateUser in production: the body is not one JSON value (line 1, column 3). Hint: send one JSON value (RFC 8259). Decision ID. See docs/refusals.md#malformed_json.
    400 deny; reason=malformed_json; id="ID"
      gateway_malformed_json
        The gateway refused the request for UpdateUser in production: the body is not UTF-8 without a byte order mark. Hint: send the body as UTF-8. Decision ID. See docs/refusals.md#malformed_json.
    400 deny; reason=malformed_json; id="ID"
      gateway_malformed_json
        The gateway refused the request for UpdateUser in production: the body has one half of a surrogate pair, a text cut inside a character such as an emoji (line 1, column 13). Hint: cut texts between characters, in JavaScript with `toWellFormed()`. Decision ID. See docs/refusals.md#malformed_json.
    400 deny; reason=malformed_json; id="ID"
      gateway_malformed_json
        The gateway refused the request for UpdateUser in production: the body is not one JSON value (line 1, column 1). Hint: send one JSON value (RFC 8259). Decision ID. See docs/refusals.md#malformed_json.
    400 deny; reason=malformed_json; id="ID"
      gateway_malformed_json
        The gateway refused the request for UpdateUser in production: the body nests deeper than 64 levels (line 1, column 83). Hint: flatten the body. Decision ID. See docs/refusals.md#malformed_json.
    "#);
}

#[tokio::test]
async fn ambiguous_json() {
    let bodies = [
        r#"{"skip_password_checks":false,"skip\u005fpassword_checks":true}"#,
        r#"{"SKIP_PASSWORD_CHECKS":true}"#,
        "{\"\u{17f}kip_password_checks\":true}",
    ];
    assert_snapshot!(refused(bodies.map(patch)).await, @r#"
    400 deny; reason=ambiguous_json; id="ID"
      gateway_ambiguous_json
        The gateway refused the request for UpdateUser in production: the body has a name twice in one object (line 1, column 57). Hint: give each field once; decoders differ in which counts. Decision ID. See docs/refusals.md#ambiguous_json.
    400 deny; reason=ambiguous_json; id="ID"
      gateway_ambiguous_json param_name="SKIP_PASSWORD_CHECKS"
        The contract's `additionalProperties` refused `SKIP_PASSWORD_CHECKS` for UpdateUser in production: `SKIP_PASSWORD_CHECKS` differs from a known field only by letter case. It was judged by API version `2026-05-12` (the default, for the request asks for none); no known version has the field. Hint: did you mean `skip_password_checks`? Decision ID. See docs/refusals.md#ambiguous_json.
    400 deny; reason=ambiguous_json; id="ID"
      gateway_ambiguous_json param_name="\\u{17f}kip_password_checks"
        The contract's `additionalProperties` refused `\u{17f}kip_password_checks` for UpdateUser in production: `\u{17f}kip_password_checks` differs from a known field only by letter case. It was judged by API version `2026-05-12` (the default, for the request asks for none); no known version has the field. Hint: did you mean `skip_password_checks`? Decision ID. See docs/refusals.md#ambiguous_json.
    "#);
}

#[tokio::test]
async fn schema_violation() {
    let several = r#"{"skip_password_checks":"yes","pasword":"x","create_organizations_limit":1.5,"backup_codes":[1]}"#;
    assert_snapshot!(refused([several, "[]", "null"].map(patch)).await, @r#"
    422 deny; reason=schema_violation; id="ID"
      gateway_schema_violation param_name="skip_password_checks"
        The contract's `type` refused `skip_password_checks` for UpdateUser in production: `skip_password_checks` must be a boolean or null. It was judged by API version `2026-05-12` (the default, for the request asks for none); every known version has the field. Hint: send only fields that the contract declares, with values of the declared types. Decision ID. See docs/refusals.md#schema_violation.
      gateway_schema_violation param_name="create_organizations_limit"
        The contract's `type` refused `create_organizations_limit` for UpdateUser in production: `create_organizations_limit` must be an integer or null. It was judged by API version `2026-05-12` (the default, for the request asks for none); every known version has the field. Hint: send only fields that the contract declares, with values of the declared types. Decision ID. See docs/refusals.md#schema_violation.
      gateway_schema_violation param_name="backup_codes"
        The contract's `type` refused `/backup_codes/0` for UpdateUser in production: `/backup_codes/0` must be a string. It was judged by API version `2026-05-12` (the default, for the request asks for none); every known version has the field. Hint: send only fields that the contract declares, with values of the declared types. Decision ID. See docs/refusals.md#schema_violation.
      gateway_schema_violation param_name="pasword"
        The contract's `additionalProperties` refused `pasword` for UpdateUser in production: `pasword` is not a field of this operation. It was judged by API version `2026-05-12` (the default, for the request asks for none); no known version has the field. Hint: did you mean `password`? Decision ID. See docs/refusals.md#schema_violation.
    422 deny; reason=schema_violation; id="ID"
      gateway_schema_violation
        The contract's `type` refused the request for UpdateUser in production: the body must be an object. It was judged by API version `2026-05-12` (the default, for the request asks for none). Hint: send only fields that the contract declares, with values of the declared types. Decision ID. See docs/refusals.md#schema_violation.
    422 deny; reason=schema_violation; id="ID"
      gateway_schema_violation
        The contract's `type` refused the request for UpdateUser in production: the body must be an object. It was judged by API version `2026-05-12` (the default, for the request asks for none). Hint: send only fields that the contract declares, with values of the declared types. Decision ID. See docs/refusals.md#schema_violation.
    "#);
}

#[tokio::test]
async fn policy_denied() {
    let both = r#"{"password":"a","skip_password_checks":true,"password_digest":"x","password_hasher":"md5"}"#;
    assert_snapshot!(refused([patch(both), json("POST /v1/users", "", r#"{"skip_password_checks":true}"#)]).await, @r#"
    422 deny; reason=policy_denied; policy="no-skip-password-checks"; id="ID"
      gateway_policy_denied param_name="skip_password_checks" policy="no-skip-password-checks"
        Policy `no-skip-password-checks` refused `skip_password_checks` for UpdateUser in production: skip_password_checks is not allowed in production. Hint: use a compliant password, or a waiver from identity-security. Owner: identity-security. Decision ID.
      gateway_policy_denied param_name="password_hasher" policy="password-digest-needs-allowed-hasher"
        Policy `password-digest-needs-allowed-hasher` refused `password_hasher` for UpdateUser in production: password_digest needs a password_hasher that is strong by itself. Hint: use one of argon2i, argon2id, bcrypt, scrypt_firebase and scrypt_werkzeug. Owner: identity-security. Decision ID.
    422 deny; reason=policy_denied; policy="no-skip-password-checks"; id="ID"
      gateway_policy_denied param_name="skip_password_checks" policy="no-skip-password-checks"
        Policy `no-skip-password-checks` refused `skip_password_checks` for CreateUser in production: skip_password_checks is not allowed in production. Hint: use a compliant password, or a waiver from identity-security. Owner: identity-security. Decision ID.
    "#);
}

#[tokio::test]
async fn policy_error() {
    let policy = "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: { name: errs, labels: { owner: us } }\nspec:\n  match: { operations: [UpdateUser] }\n  validations: [{ expression: int(body.first_name) > 0, message: never told }]\n  actions: [Deny]\n";
    let told = refused_by(|setup| setup.policies = vec![text("errs.yaml", policy)], [patch(r#"{"first_name":"x"}"#)]);
    assert_snapshot!(told.await, @r#"
    422 deny; reason=policy_error; policy="errs"; id="ID"
      gateway_policy_error policy="errs"
        Policy `errs` refused the request for UpdateUser in production: policy `errs` could not be evaluated: validation 1: `int(body.first_name)`: text does not convert to that type. Hint: ask the owner of the policy to fix it; your request is not at fault. Owner: us. Decision ID.
    "#);
}

#[tokio::test]
async fn ambiguous_path() {
    let paths = ["/v1/users/user_1/", "/v1/%75sers/user_1", "/v1/users/x/..%2fuser_1", "//v1/users/user_1"];
    let told = refused(paths.map(|path| json(&format!("PATCH {path}"), "", "{}"))).await;
    let asterisk = refused([head("PATCH *", "")]).await;
    assert_eq!(told.matches("gateway_ambiguous_path").count(), 4, "{told}");
    let long = refused([json(&format!("PATCH /v1/{}.", "x".repeat(1024)), "", "{}")]).await;
    assert!(long.contains("gateway_ambiguous_path"), "{long}");
    assert_snapshot!(refused([json("PATCH /v1/users/user_1;x", "", "{}")]).await + &asterisk, @r#"
    400 deny; reason=ambiguous_path; id="ID"
      gateway_ambiguous_path
        The gateway did not forward the request: the path is not the canonical spelling of the operation that it could be taken for. Hint: write the path plainly: no `%` escapes, dot segments, empty segments or trailing slash. Decision ID. See docs/refusals.md#ambiguous_path.
    400 deny; reason=ambiguous_path; id="ID"
      gateway_ambiguous_path
        The gateway did not forward the request: the request target is not a path. Hint: write the path plainly: no `%` escapes, dot segments, empty segments or trailing slash. Decision ID. See docs/refusals.md#ambiguous_path.
    "#);
}

#[tokio::test]
async fn ambiguous_request() {
    let twice = |header: &str| json(PATCH, &format!("{header}\r\n"), "{}");
    let requests = [
        twice("authorization: Bearer sk_test_portcullis"),
        twice("host: other"),
        twice("content-type: text/plain"),
        twice("clerk-api-version: 2025-11-10\r\nclerk-api-version: 2026-05-12"),
        twice("connection: close, authorization"),
        twice("expect: banana"),
        twice("x-http-method-override: DELETE"),
        b"PATCH /v1/users/user_1 HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}".to_vec(),
        json("GET /v1/users/user_1", "", "{}"),
        json("PATCH /v1/users/user_1?skip_password_checks=true", "", "{}"),
        json("PATCH /v1/users/user_1?__clerk_api_version=2025-11-10", "clerk-api-version: 2026-05-12\r\n", "{}"),
        json("PATCH http://elsewhere/v1/users/user_1", "", "{}"),
        twice(&format!("connection: {}", "a,".repeat(40))),
    ];
    let told = refused(requests).await;
    // one fix for all causes names none of them
    assert!(!told.contains(Reason::AmbiguousRequest.fix()), "{told}");
    assert_snapshot!(told, @r#"
    400 deny; reason=ambiguous_request; id="ID"
      gateway_ambiguous_request
        The gateway did not forward the request: the `authorization` header occurs more than once. Hint: send it once; a proxy on the way may add its own. Decision ID. See docs/refusals.md#ambiguous_request.
    400 deny; reason=ambiguous_request; id="ID"
      gateway_ambiguous_request
        The gateway did not forward the request: the `host` header occurs more than once. Hint: send it once; a proxy on the way may add its own. Decision ID. See docs/refusals.md#ambiguous_request.
    400 deny; reason=ambiguous_request; id="ID"
      gateway_ambiguous_request
        The gateway did not forward the request: the `content-type` header occurs more than once. Hint: send it once; a proxy on the way may add its own. Decision ID. See docs/refusals.md#ambiguous_request.
    400 deny; reason=ambiguous_request; id="ID"
      gateway_ambiguous_request
        The gateway did not forward the request: the `clerk-api-version` header occurs more than once. Hint: send it once; a proxy on the way may add its own. Decision ID. See docs/refusals.md#ambiguous_request.
    400 deny; reason=ambiguous_request; id="ID"
      gateway_ambiguous_request
        The gateway did not forward the request: `Connection` names a header that the request itself needs. Hint: send `Connection` with `close` or `keep-alive` only. Decision ID. See docs/refusals.md#ambiguous_request.
    400 deny; reason=ambiguous_request; id="ID"
      gateway_ambiguous_request
        The gateway did not forward the request: `Expect` asks for something other than `100-continue`. Hint: leave out `Expect`. Decision ID. See docs/refusals.md#ambiguous_request.
    400 deny; reason=ambiguous_request; id="ID"
      gateway_ambiguous_request
        The gateway did not forward the request: a header asks for another method. Hint: leave out `X-HTTP-Method-Override` and its variants, and send that method itself. Decision ID. See docs/refusals.md#ambiguous_request.
    400 deny; reason=ambiguous_request; id="ID"
      gateway_ambiguous_request
        The gateway did not forward the request: the `Host` header is missing or not a host. Hint: send `Host` with a name and a port. Decision ID. See docs/refusals.md#ambiguous_request.
    400 deny; reason=ambiguous_request; id="ID"
      gateway_ambiguous_request
        The gateway did not forward the request: a GET request has no body. Hint: leave out the body and its `Content-Length`. Decision ID. See docs/refusals.md#ambiguous_request.
    400 deny; reason=ambiguous_request; id="ID"
      gateway_ambiguous_request
        The gateway did not forward the request: UpdateUser takes no query parameters. Hint: leave out the query, and send its fields in the body. Decision ID. See docs/refusals.md#ambiguous_request.
    400 deny; reason=ambiguous_request; id="ID"
      gateway_ambiguous_request
        The gateway did not forward the request: the request names more than one api version. Hint: send one `Clerk-API-Version`, and no `__clerk_api_version` in the query. Decision ID. See docs/refusals.md#ambiguous_request.
    400 deny; reason=ambiguous_request; id="ID"
      gateway_ambiguous_request
        The gateway did not forward the request: the request target names another server. Hint: send only the path as the request target, as to any server that is no forward proxy. Decision ID. See docs/refusals.md#ambiguous_request.
    400 deny; reason=ambiguous_request; id="ID"
      gateway_ambiguous_request
        The gateway did not forward the request: `Connection` has more than 32 options. Hint: send `Connection` with `close` or `keep-alive` only. Decision ID. See docs/refusals.md#ambiguous_request.
    "#);
}

#[tokio::test]
async fn method_not_allowed() {
    let lines = ["patch /v1/users/user_1", "TRACE /v1/users/user_1", "PUT /v1/users/user_1", "POST /v1/users/user_1"];
    assert_snapshot!(refused(lines.map(|line| head(line, ""))).await, @r#"
    405 deny; reason=method_not_allowed; id="ID"
      gateway_method_not_allowed
        The gateway did not forward the request: the gateway does not forward this method. Hint: write the method in upper case: methods are case-sensitive (RFC 9110 section 9.1). Decision ID. See docs/refusals.md#method_not_allowed.
    405 deny; reason=method_not_allowed; id="ID"
      gateway_method_not_allowed
        The gateway did not forward the request: the gateway does not forward this method. Hint: use a method that the contract lists for this path. Decision ID. See docs/refusals.md#method_not_allowed.
    405 deny; reason=method_not_allowed; id="ID"
      gateway_method_not_allowed
        The gateway did not forward the request: the contract has no operation with this method at this path. Hint: use a method that the contract lists for this path. Decision ID. See docs/refusals.md#method_not_allowed.
    405 deny; reason=method_not_allowed; id="ID"
      gateway_method_not_allowed
        The gateway did not forward the request: the contract has no operation with this method at this path. Hint: use a method that the contract lists for this path. Decision ID. See docs/refusals.md#method_not_allowed.
    "#);
}

#[tokio::test]
async fn operation_not_allowed() {
    let told =
        refused_by(|setup| setup.strictness.fallthrough = Fallthrough::DENY, [head("GET /v1/no/such/thing", "")]);
    assert_snapshot!(told.await, @r#"
    403 deny; reason=operation_not_allowed; id="ID"
      gateway_operation_not_allowed
        The gateway did not forward the request: no operation of the contract has this method and path. Hint: call an operation of the contract, or ask the gateway's operator to allow this one: `portcullis contract add`, or `contract.fallthrough`. Decision ID. See docs/refusals.md#operation_not_allowed.
    "#);
}

#[tokio::test]
async fn body_timeout() {
    let short = |setup: &mut Setup| setup.limits.body_timeout = Duration::from_millis(100);
    let late = head(PATCH, "content-type: application/json\r\ncontent-length: 9\r\n") + "{";
    assert_snapshot!(refused_by(short, [late]).await, @r#"
    408 deny; reason=body_timeout; id="ID"
      gateway_body_timeout
        The gateway did not forward the request: the body did not arrive within `limits.bodyTimeout`. Hint: send the whole request without pauses. Decision ID. See docs/refusals.md#body_timeout.
    "#);
}

#[tokio::test]
async fn body_too_large() {
    let declared = patch(vec![b' '; 8 * 1024 * 1024]);
    assert_snapshot!(refused([declared, chunked(8 * 1024 * 1024), patch(vec![b' '; 256 * 1024 + 1])]).await, @r#"
    413 deny; reason=body_too_large; id="ID"
      gateway_body_too_large
        The gateway did not forward the request: the body is longer than `limits.bodyBytes`. Hint: send less in one request. Decision ID. See docs/refusals.md#body_too_large.
    413 deny; reason=body_too_large; id="ID"
      gateway_body_too_large
        The gateway did not forward the request: the body is longer than `limits.bodyBytes`. Hint: send less in one request. Decision ID. See docs/refusals.md#body_too_large.
    413 deny; reason=body_too_large; id="ID"
      gateway_body_too_large
        The gateway did not forward the request: the body is longer than `limits.bodyBytes`. Hint: send less in one request. Decision ID. See docs/refusals.md#body_too_large.
    "#);
}

#[tokio::test]
async fn a_large_upload_is_not_asked_for() {
    let headers = "expect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: 8388608\r\n";
    assert!(refused([head(PATCH, headers)]).await.starts_with("413 "));
}

#[tokio::test]
async fn unsupported_media_type() {
    let kinds = ["text/plain", "application/json; charset=utf-16", "application/x-www-form-urlencoded"];
    let of_kind = |kind: &str| head(PATCH, &format!("content-type: {kind}\r\ncontent-length: 2\r\n")) + "{}";
    let none = head(PATCH, "content-length: 2\r\n") + "{}";
    let told = refused(kinds.map(of_kind)).await;
    assert_eq!(told.matches("gateway_unsupported_media_type").count(), 3, "{told}");
    assert_snapshot!(refused([none]).await, @r#"
    415 deny; reason=unsupported_media_type; id="ID"
      gateway_unsupported_media_type
        The gateway did not forward the request: the body's media type is not `application/json` in UTF-8. Hint: send the body as `Content-Type: application/json`, with `charset=utf-8` or none. Decision ID. See docs/refusals.md#unsupported_media_type.
    "#);
}

#[tokio::test]
async fn unsupported_encoding() {
    assert_snapshot!(refused([json(PATCH, "content-encoding: gzip\r\n", "{}")]).await, @r#"
    415 deny; reason=unsupported_encoding; id="ID"
      gateway_unsupported_encoding
        The gateway did not forward the request: the body has a content coding. Hint: send the body without `Content-Encoding`. Decision ID. See docs/refusals.md#unsupported_encoding.
    "#);
}

#[tokio::test]
async fn overloaded_without_memory() {
    // enough for a connection, but not for a request
    let small = |setup: &mut Setup| (setup.limits.memory_bytes, setup.limits.per_client_share) = (100_000, 1.0);
    assert_snapshot!(refused_by(small, [patch(r#"{"first_name":"a"}"#)]).await, @r#"
    429 deny; reason=overloaded; id="ID"
      retry-after: 1
      gateway_overloaded
        The gateway did not forward the request: the gateway is at one of its own limits; try again after `Retry-After`. Hint: repeat the request after `Retry-After`. Decision ID. See docs/refusals.md#overloaded.
    "#);
}

#[tokio::test]
async fn overloaded_with_requests() {
    let recorder = Recorder::start(|_| Reply::Nothing).await;
    let mut setup = Setup::before(recorder.address());
    setup.limits.in_flight = 1;
    let mut gateway = setup.start();
    let mut first = Client::connect(gateway.address).await;
    first.send(head("GET /v1/users", "")).await;
    recorder.request().await;
    let told = refusal(&mut gateway, patch("{}")).await;
    let upload = refusal(&mut gateway, patch(vec![b' '; 8 * 1024 * 1024])).await;
    assert_eq!(recorder.seen(), 1);
    assert_eq!(told, upload);
    assert_snapshot!(told, @r#"
    429 deny; reason=overloaded; id="ID"
      retry-after: 1
      gateway_overloaded
        The gateway did not forward the request: the gateway is at one of its own limits; try again after `Retry-After`. Hint: repeat the request after `Retry-After`. Decision ID. See docs/refusals.md#overloaded.
    "#);
    first.reset();
    assert_eq!(gateway.line().await["decision"], "abort");
}

#[tokio::test]
async fn upstream_unreachable() {
    let closed = ClosedPort::bind();
    assert_snapshot!(refused_by(|setup| setup.upstream = closed.address(), [patch("{}")]).await, @r#"
    502 fail; reason=upstream_unreachable; id="ID"
      gateway_upstream_unreachable
        The gateway got no response to the request: the upstream refuses connections. Hint: check whether the request took effect before you repeat it. Decision ID. See docs/refusals.md#upstream_unreachable.
    "#);
}

#[tokio::test]
async fn upstream_timeout() {
    let recorder = Recorder::start(|_| Reply::Nothing).await;
    let mut setup = Setup::before(recorder.address());
    setup.response_timeout = Duration::from_millis(100);
    assert_snapshot!(refusal(&mut setup.start(), patch("{}")).await, @r#"
    504 fail; reason=upstream_timeout; id="ID"
      gateway_upstream_timeout
        The gateway got no response to the request: the upstream did not respond within `upstream.responseTimeout`. Hint: check whether the request took effect before you repeat it. Decision ID. See docs/refusals.md#upstream_timeout.
    "#);
    assert_eq!(recorder.seen(), 1, "never repeated");
}
