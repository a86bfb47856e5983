//! Every operation that the shipped policies name, over a real socket.

use super::{ADA, StandIn, error, request, run};
use crate::support::gateway::{bundle, shipped};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ADA_ID: &str = "user_portcullis_ada";

impl StandIn {
    /// The body of the response to a request that succeeds.
    async fn done(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.call(method, path, (!body.is_null()).then_some(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        answer.body
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.done(Method::POST, path, body).await
    }
}

/// The operations that shipped policies and limits name, with a request of each that finds nothing.
const NAMED: [(&str, &str, &str); 31] = [
    ("BanUser", "POST", "/v1/users/none/ban"),
    ("CreateAgentTask", "POST", "/v1/agents/tasks"),
    ("CreateBulkInvitations", "POST", "/v1/invitations/bulk"),
    ("CreateInvitation", "POST", "/v1/invitations"),
    ("CreateOrganizationDomain", "POST", "/v1/organizations/none/domains"),
    ("PlatformBanUser", "POST", "/v1/platform/applications/none/instances/none/users/none/ban"),
    ("PlatformDeleteUser", "DELETE", "/v1/platform/applications/none/instances/none/users/none"),
    ("PlatformCreateInstanceUser", "POST", "/v1/platform/applications/none/instances/none/users"),
    ("RemoveUserPassword", "POST", "/v1/users/none/remove_password"),
    ("ReplaceUserPhoneNumber", "PUT", "/v1/users/none/phone_number"),
    ("UpdateOrganizationDomain", "PATCH", "/v1/organizations/none/domains/none"),
    ("UpdateSignUp", "PATCH", "/v1/sign_ups/none"),
    ("createSession", "POST", "/v1/sessions"),
    ("CreateActorToken", "POST", "/v1/actor_tokens"),
    ("CreateEmailAddress", "POST", "/v1/email_addresses"),
    ("CreatePhoneNumber", "POST", "/v1/phone_numbers"),
    ("CreateSignInToken", "POST", "/v1/sign_in_tokens"),
    ("CreateUser", "POST", "/v1/users"),
    ("DeleteBackupCode", "DELETE", "/v1/users/none/backup_code"),
    ("DeleteTOTP", "DELETE", "/v1/users/none/totp"),
    ("DeleteUser", "DELETE", "/v1/users/none"),
    ("DisableMFA", "DELETE", "/v1/users/none/mfa"),
    ("LockUser", "POST", "/v1/users/none/lock"),
    ("ReplaceUserEmailAddress", "PUT", "/v1/users/none/email_address"),
    ("ReplaceUserMetadata", "PUT", "/v1/users/none/metadata"),
    ("UpdateEmailAddress", "PATCH", "/v1/email_addresses/none"),
    ("UpdatePhoneNumber", "PATCH", "/v1/phone_numbers/none"),
    ("UpdateUser", "PATCH", "/v1/users/none"),
    ("UpdateUserMetadata", "PATCH", "/v1/users/none/metadata"),
    ("UsersBan", "POST", "/v1/users/ban"),
    ("VerifyPassword", "POST", "/v1/users/none/verify_password"),
];

#[test]
fn every_operation_of_a_shipped_policy_has_a_route() {
    run(async {
        let stand_in = StandIn::start().await;
        let bundle = bundle(&shipped());
        let policies = bundle.policies.all().iter().map(|policy| &policy.scope.operations);
        let limits = bundle.policies.limits().iter().map(|limit| &limit.scope.operations);
        for operation in policies.chain(limits).flatten() {
            assert!(NAMED.iter().any(|(id, ..)| *id == &**operation), "{operation} has no route in the table");
        }
        for (operation, method, path) in NAMED {
            let method = method.parse().expect("a method");
            let answer = stand_in.send(request(method, path, "2026-05-12", Bytes::from_static(b"{}"))).await;
            let why = answer.body["errors"][0]["long_message"].as_str().unwrap_or_default();
            assert!(!why.contains("has no such"), "{operation}: {why}");
        }
    });
}

#[test]
fn users_are_banned_and_locked_one_by_one_and_together() {
    run(async {
        let stand_in = StandIn::start().await;
        for (verb, field, value) in
            [("ban", "banned", true), ("unban", "banned", false), ("lock", "locked", true), ("unlock", "locked", false)]
        {
            let user = stand_in.post(&format!("{ADA}/{verb}"), Value::Null).await;
            assert_eq!((&user["id"], &user[field]), (&json!(ADA_ID), &json!(value)), "{verb}");
        }
        let both = json!({ "user_ids": [ADA_ID, "user_portcullis_grace"] });
        for (path, value) in [("/v1/users/ban", true), ("/v1/users/unban", false)] {
            let users = stand_in.post(path, both.clone()).await;
            let banned: Vec<_> = users.as_array().expect("users").iter().map(|user| &user["banned"]).collect();
            assert_eq!(banned, [&json!(value), &json!(value)]);
        }
        let unknown = json!({ "user_ids": [ADA_ID, "user_nobody"] });
        let refused = stand_in.call(Method::POST, "/v1/users/ban", Some(unknown)).await;
        assert_eq!((refused.status, &error(&refused)["code"]), (StatusCode::NOT_FOUND, &json!("resource_not_found")));
        assert_eq!(stand_in.done(Method::GET, ADA, Value::Null).await["banned"], false);
        let refused = stand_in.call(Method::POST, "/v1/users/ban", Some(json!({}))).await;
        assert_eq!(error(&refused)["meta"]["param_name"], "user_ids");
    });
}

#[test]
fn a_password_is_verified_if_the_user_has_one() {
    run(async {
        let stand_in = StandIn::start().await;
        let verified = stand_in.post(&format!("{ADA}/verify_password"), json!({ "password": "canary" })).await;
        assert_eq!(verified, json!({ "verified": true }));
        let user = stand_in.post("/v1/users", json!({ "username": "new" })).await;
        let path = format!("/v1/users/{}/verify_password", user["id"].as_str().expect("an id"));
        let refused = stand_in.call(Method::POST, &path, Some(json!({ "password": "canary" }))).await;
        assert_eq!((refused.status, &error(&refused)["code"]), (StatusCode::BAD_REQUEST, &json!("no_password_set")));
        let refused = stand_in.call(Method::POST, &path, Some(json!({}))).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    });
}

#[test]
fn second_factors_are_removed_one_by_one_and_together() {
    run(async {
        let stand_in = StandIn::start().await;
        let enrolled = json!({ "totp_secret": "canary", "backup_codes": ["canary"] });
        let code = stand_in.call(Method::POST, &format!("{ADA}/verify_totp"), Some(json!({ "code": "1" }))).await;
        assert_eq!((code.status, &error(&code)["code"]), (StatusCode::BAD_REQUEST, &json!("totp_disabled")));
        stand_in.done(Method::PATCH, ADA, enrolled.clone()).await;
        let code = stand_in.post(&format!("{ADA}/verify_totp"), json!({ "code": "1" })).await;
        assert_eq!(code, json!({ "verified": true, "code_type": "totp" }));
        for (path, left) in [("totp", true), ("backup_code", false)] {
            let answer = stand_in.done(Method::DELETE, &format!("{ADA}/{path}"), Value::Null).await;
            assert_eq!(answer, json!({ "user_id": ADA_ID }));
            let user = stand_in.done(Method::GET, ADA, Value::Null).await;
            assert_eq!(user["two_factor_enabled"], left, "{path}");
        }
        stand_in.done(Method::PATCH, ADA, enrolled).await;
        stand_in.done(Method::DELETE, &format!("{ADA}/mfa"), Value::Null).await;
        let user = stand_in.done(Method::GET, ADA, Value::Null).await;
        let factors = ["totp_enabled", "backup_code_enabled", "two_factor_enabled"].map(|name| &user[name]);
        assert_eq!(factors, [&json!(false); 3]);
        assert!(user["mfa_disabled_at"].is_i64());
    });
}

#[test]
fn email_addresses_are_created_verified_and_replaced() {
    run(async {
        let stand_in = StandIn::start().await;
        let body = json!({ "user_id": ADA_ID, "email_address": "new@example.com" });
        let created = stand_in.post("/v1/email_addresses", body).await;
        assert_eq!((&created["object"], &created["verification"]), (&json!("email_address"), &Value::Null));
        let path = format!("/v1/email_addresses/{}", created["id"].as_str().expect("an id"));
        let verified = json!({ "verified": true, "primary": true, "notify_primary_email_address_changed": false });
        let updated = stand_in.done(Method::PATCH, &path, verified).await;
        assert_eq!(updated["verification"]["status"], "verified");
        let user = stand_in.done(Method::GET, ADA, Value::Null).await;
        assert_eq!(user["primary_email_address_id"], created["id"]);
        assert_eq!(stand_in.done(Method::GET, &path, Value::Null).await, updated);

        let body = json!({ "email_address": "only@example.com", "identification_status": "unverified" });
        let only = stand_in.done(Method::PUT, &format!("{ADA}/email_address"), body).await;
        let user = stand_in.done(Method::GET, ADA, Value::Null).await;
        assert_eq!(user["email_addresses"], json!([only]));
        assert_eq!((&user["primary_email_address_id"], &only["verification"]), (&only["id"], &Value::Null));
        assert_eq!(stand_in.call(Method::GET, &path, None).await.status, StatusCode::NOT_FOUND);

        let path = format!("/v1/email_addresses/{}", only["id"].as_str().expect("an id"));
        let gone = stand_in.done(Method::DELETE, &path, Value::Null).await;
        assert_eq!(gone, json!({ "object": "email_address", "id": only["id"], "deleted": true }));
        assert_eq!(stand_in.done(Method::GET, ADA, Value::Null).await["primary_email_address_id"], Value::Null);
    });
}

#[test]
fn phone_numbers_are_created_verified_and_deleted() {
    run(async {
        let stand_in = StandIn::start().await;
        let body = json!({ "user_id": ADA_ID, "phone_number": "+15555550199", "verified": true, "primary": true });
        let created = stand_in.post("/v1/phone_numbers", body).await;
        assert_eq!(
            (&created["object"], &created["verification"]["status"]),
            (&json!("phone_number"), &json!("verified"))
        );
        let path = format!("/v1/phone_numbers/{}", created["id"].as_str().expect("an id"));
        let updated =
            stand_in.done(Method::PATCH, &path, json!({ "verified": false, "reserved_for_second_factor": true })).await;
        assert_eq!((&updated["verification"], &updated["reserved_for_second_factor"]), (&Value::Null, &json!(true)));
        let user = stand_in.done(Method::GET, ADA, Value::Null).await;
        assert_eq!((&user["primary_phone_number_id"], &user["two_factor_enabled"]), (&created["id"], &json!(true)));
        stand_in.done(Method::DELETE, &path, Value::Null).await;
        assert_eq!(stand_in.done(Method::GET, ADA, Value::Null).await["two_factor_enabled"], false);
        let body = json!({ "user_id": "user_nobody", "phone_number": "+15555550199" });
        let refused = stand_in.call(Method::POST, "/v1/phone_numbers", Some(body)).await;
        assert_eq!((refused.status, &error(&refused)["code"]), (StatusCode::NOT_FOUND, &json!("resource_not_found")));
    });
}

#[test]
fn tokens_are_created_and_revoked_and_open_nothing() {
    run(async {
        let stand_in = StandIn::start().await;
        let actor = json!({ "user_id": ADA_ID, "actor": { "sub": "user_support" }, "expires_in_seconds": 600 });
        for (path, object, body) in [
            ("/v1/actor_tokens", "actor_token", actor),
            ("/v1/sign_in_tokens", "sign_in_token", json!({ "user_id": ADA_ID })),
        ] {
            let token = stand_in.post(path, body).await;
            assert_eq!((&token["object"], &token["status"]), (&json!(object), &json!("pending")));
            assert!(token["url"].as_str().expect("a URL").starts_with("https://sign-in.invalid/"));
            let revoke = format!("{path}/{}/revoke", token["id"].as_str().expect("an id"));
            assert_eq!(stand_in.post(&revoke, Value::Null).await["status"], "revoked");
            let refused = stand_in.call(Method::POST, path, Some(json!({}))).await;
            assert_eq!(error(&refused)["meta"]["param_name"], "user_id");
        }
        let anyone = json!({ "user_id": ADA_ID, "actor": {} });
        let refused = stand_in.call(Method::POST, "/v1/actor_tokens", Some(anyone)).await;
        assert_eq!(error(&refused)["meta"]["param_name"], "actor");
    });
}

#[test]
fn an_upload_is_read_to_its_end_before_its_response() {
    run(async {
        let stand_in = StandIn::start().await;
        let image = Bytes::from(vec![b'x'; 4 * 1024 * 1024]);
        for (path, key, status) in [
            (format!("{ADA}/profile_image"), "Bearer sk_test_portcullis", 200),
            ("/v1/elsewhere".to_owned(), "Bearer sk_test_portcullis", 404),
            ("/v1/users".to_owned(), "none", 401),
        ] {
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: {key}\r\ncontent-type: multipart/form-data; \
                 boundary=b\r\ncontent-length: {}\r\n\r\n",
                image.len()
            );
            let mut stream = TcpStream::connect(stand_in.address).await.expect("a connection");
            stream.write_all(head.as_bytes()).await.expect("a head");
            let mut first = [0; 64];
            let early = pingora_timeout::timeout(Duration::from_millis(50), stream.read(&mut first)).await;
            assert!(early.is_err(), "{path} had its response before its body was sent");
            stream.write_all(&image).await.expect("a body that is read");
            let length = stream.read(&mut first).await.expect("a response");
            let line = String::from_utf8_lossy(&first[..length]).into_owned();
            assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {line}");
        }
        let image = stand_in.done(Method::GET, ADA, Value::Null).await["has_image"].clone();
        let user = stand_in.done(Method::DELETE, &format!("{ADA}/profile_image"), Value::Null).await;
        assert_eq!((image, &user["has_image"]), (json!(true), &json!(false)));
    });
}
