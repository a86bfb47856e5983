//! What SDKs call otherwise than the specs have it: judged as the operation that is meant, and forwarded as sent.

use crate::support::gateway::{Gateway, Setup, bundle, head, json, text};
use crate::support::recorder::Recorder;
use portcullis::contract::fallthrough::Fallthrough;

/// A gateway that refuses what it does not know, and refuses these operations by a policy in `action`.
async fn guarding(operations: &str, action: &str) -> (Recorder, Gateway) {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    setup.strictness.fallthrough = Fallthrough::DENY;
    let policy = format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: guarded }}\nspec:\n  match: {{ operations: \
         [{operations}] }}\n  validations: [{{ expression: \"false\", message: no }}]\n  actions: [{action}]\n"
    );
    setup.policies = vec![text("guarded.yaml", &policy)];
    (recorder, setup.start())
}

/// Each call without `/v1`, with the operation that it is.
const WITHOUT_VERSION: [(&str, &str, &str); 13] = [
    ("GET /api_keys", "getApiKeys", ""),
    ("POST /api_keys", "createApiKey", r#"{"name":"key","subject":"user_111111111111111111111111111"}"#),
    ("POST /api_keys/verify", "verifyApiKey", r#"{"secret":"a"}"#),
    ("GET /api_keys/ak_1", "getApiKey", ""),
    ("PATCH /api_keys/ak_1", "updateApiKey", r#"{"subject":"user_111111111111111111111111111"}"#),
    ("DELETE /api_keys/ak_1", "deleteApiKey", ""),
    ("GET /api_keys/ak_1/secret", "getApiKeySecret", ""),
    ("POST /api_keys/ak_1/revoke", "revokeApiKey", "{}"),
    ("GET /m2m_tokens?subject=mch_1", "getM2MTokens", ""),
    ("POST /m2m_tokens", "createM2MToken", "{}"),
    ("POST /m2m_tokens/verify", "verifyM2MToken", r#"{"token":"a"}"#),
    ("POST /m2m_tokens/mt_1/revoke", "revokeM2MToken", "{}"),
    ("POST /oauth_applications/access_tokens/verify", "verifyOAuthAccessToken", r#"{"access_token":"a"}"#),
];

fn request(line: &str, body: &str) -> Vec<u8> {
    if body.is_empty() { head(line, "").into_bytes() } else { json(line, "", body) }
}

#[tokio::test]
async fn a_call_without_version_is_its_operation_under_any_action() {
    let ids = WITHOUT_VERSION.map(|(_, id, _)| id).join(", ");
    for (action, status) in [("Deny", 400), ("Audit", 200)] {
        let (recorder, mut gateway) = guarding(&ids, action).await;
        for (line, id, body) in WITHOUT_VERSION {
            let answer = gateway.ask(request(line, body)).await;
            let logged = gateway.line().await;
            assert_eq!((answer.status(), &logged["operation"]), (status, &id.into()), "{line} {logged}");
            let route = logged["route"].as_str().unwrap_or_default();
            assert!(route.starts_with("/v1/"), "{route}");
            if action == "Audit" {
                assert_eq!(recorder.request().await.line(), format!("{line} HTTP/1.1"), "forwarded as sent");
                assert_eq!(logged["policies"][0]["action"], "audit", "{line} {logged}");
            } else {
                assert_eq!(logged["reason"], "policy_denied", "{line} {logged}");
            }
        }
        assert_eq!(action == "Deny", recorder.connections() == 0, "nothing that is refused may reach the upstream");
    }
}

#[tokio::test]
async fn another_spelling_of_such_a_call_is_ambiguous() {
    let (recorder, gateway) = guarding("createApiKey, updateApiKey", "Deny").await;
    for line in
        ["POST /API_keys", "POST //api_keys", "POST /v1/v1/api_keys", "PATCH /api_keys/ak_1/", "POST /x/api_keys"]
    {
        assert_eq!(gateway.ask(json(line, "", "{}")).await.status(), 400, "{line}");
    }
    assert_eq!(recorder.connections(), 0);
}

#[tokio::test]
async fn a_policy_reads_one_path_however_the_call_is_spelled() {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    let policy = "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: { name: own }\nspec:\n  match: { operations: [updateApiKey] }\n  validations: [{ expression: request.path != '/v1/api_keys/ak_1', message: no }]\n  actions: [Deny]\n";
    setup.policies = vec![text("own.yaml", policy)];
    let gateway = setup.start();
    for (line, status) in
        [("PATCH /v1/api_keys/ak_1", 400), ("PATCH /api_keys/ak_1", 400), ("PATCH /api_keys/ak_2", 200)]
    {
        assert_eq!(
            gateway.ask(json(line, "", r#"{"subject":"user_111111111111111111111111111"}"#)).await.status(),
            status,
            "{line}"
        );
    }
}

#[tokio::test]
async fn a_limit_counts_a_call_however_it_is_spelled() {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    let limit = "apiVersion: portcullis/v1\nkind: RequestLimit\nmetadata: { name: few }\nspec:\n  match: { operations: [updateApiKey] }\n  key: client.ip\n  events: 2\n  period: 1m\n  message: no\n  actions: [Deny]\n";
    setup.policies = vec![text("few.yaml", limit)];
    let mut gateway = setup.start();
    for (line, status) in [
        ("PATCH /v1/api_keys/ak_1", 200),
        ("PATCH /api_keys/ak_1", 200),
        ("PATCH /api_keys/ak_2", 429),
        ("PATCH /v1/api_keys/ak_2", 429),
    ] {
        assert_eq!(gateway.ask(json(line, "", r#"{"description":"a"}"#)).await.status(), status, "{line}");
        assert_eq!(gateway.line().await["operation"], "updateApiKey");
    }
}

#[tokio::test]
async fn calls_that_no_spec_has_are_operations() {
    let mail = r#"{"to":{"user_id":"user_1"},"from":{"address":"a@b.example"},"subject":"a","text":"b"}"#;
    let batch = format!(r#"{{"messages":[{mail}]}}"#);
    let refresh = r#"{"expired_token":"a","refresh_token":"b","request_origin":"https://a.example"}"#;
    let calls = [
        ("POST /v1/email", "CreateEmail", mail),
        ("POST /v1/email/batch", "CreateEmailBatch", &batch),
        ("GET /v1/email/email_1", "GetEmail", ""),
        ("DELETE /v1/invitations/inv_1", "DeleteInvitation", ""),
        ("POST /v1/beta_features/change_domain", "ChangeDomain", r#"{"home_url":"https://a.example"}"#),
        ("GET /v1/clients/handshake_payload?nonce=a", "GetHandshakePayload", ""),
        ("GET /v1/role_sets/role_set:default", "GetRoleSet", ""),
        ("POST /v1/sessions/sess_1/refresh?suffixed_cookies=true", "RefreshSession", refresh),
    ];
    for (action, status) in [("Deny", 0), ("Audit", 200)] {
        let ids = calls.map(|(_, id, _)| id).join(", ");
        let (_recorder, mut gateway) = guarding(&ids, action).await;
        for (line, id, body) in calls {
            let answer = gateway.ask(request(line, body)).await;
            let logged = gateway.line().await;
            assert_eq!(logged["operation"], id, "{line} {logged}");
            assert!(status == 200 || logged["reason"] == "policy_denied", "{line} {logged}");
            assert!(answer.status() == status || status == 0 && answer.status() >= 400, "{line} {logged}");
        }
    }
}

#[tokio::test]
async fn a_parameter_that_is_not_known_is_still_ambiguous_beside_a_body() {
    let (recorder, gateway) = guarding("RefreshSession", "Deny").await;
    for query in ["expired_token=a", "suffixed_cookies=true&expired_token=a", "suffixed_cookies=true;expired_token=a"] {
        let line = format!("POST /v1/sessions/sess_1/refresh?{query}");
        let answer = gateway.ask(json(&line, "", "{}")).await;
        assert!(String::from_utf8_lossy(&answer.body).contains("gateway_ambiguous_request"), "{query}");
    }
    assert_eq!(recorder.connections(), 0);
}

#[tokio::test]
async fn a_guarded_route_below_a_prefix_is_ambiguous() {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    // so that only admission can refuse
    setup.strictness.fallthrough = Fallthrough::FORWARD;
    let mut gateway = setup.start();
    for line in [
        "POST /api/v1/users",
        "POST /v1/v1/users",
        "POST /proxy/v1/users",
        "POST /v2/users",
        "POST /v1beta/users",
        "POST /a/b/c/d/e/f/g/h/i/j/users",
        "PATCH /x/Users/user_1",
        "PUT /v1/x/users/user_1/metadata",
    ] {
        assert_eq!(gateway.ask(json(line, "", "{}")).await.status(), 400, "{line}");
        assert_eq!(gateway.line().await["reason"], "ambiguous_path", "{line}");
    }
    assert_eq!(recorder.connections(), 0);
    for line in ["POST /v1/users/user_1/no_such_action", "POST /v1/x/usersx", "GET /proxy/v1/users"] {
        assert_eq!(gateway.ask(json(line, "", "")).await.status(), 200, "{line}");
    }
}

#[tokio::test]
async fn a_user_made_by_the_platform_api_is_judged_as_one() {
    let recorder = Recorder::answering(200, "{}").await;
    let mut gateway = Setup::before(recorder.address()).start();
    let line = "POST /v1/platform/applications/app_1/instances/production/users";
    for version in ["", "clerk-api-version: 2025-03-12\r\n", "clerk-api-version: platform-beta\r\n"] {
        let answer = gateway.ask(json(line, version, r#"{"skip_password_checks":true}"#)).await;
        let logged = gateway.line().await;
        assert_eq!(
            (answer.status(), &logged["policies"][0]["name"]),
            (422, &"no-skip-password-checks".into()),
            "{logged}"
        );
        assert_eq!(logged["api_version"], "platform-beta");
    }
    assert_eq!(recorder.connections(), 0);
    assert_eq!(gateway.ask(json(line, "", r#"{"first_name":"Ada"}"#)).await.status(), 200);
    for line in
        ["POST /platform/applications/a/instances/i/users", "POST /v1/platform//applications/a/instances/i/users"]
    {
        assert_eq!(gateway.ask(json(line, "", "{}")).await.status(), 400, "{line}");
    }
}

#[test]
fn every_shipped_policy_on_new_users_covers_the_platform_api() {
    let files = std::fs::read_dir("policies").unwrap().map(|entry| entry.unwrap().path());
    let is_policy = |path: &std::path::PathBuf| {
        let name = path.to_string_lossy();
        name.ends_with(".yaml") && !name.ends_with(".test.yaml")
    };
    let texts: Vec<_> =
        files.filter(is_policy).map(|file| text(&file, &std::fs::read_to_string(&file).unwrap())).collect();
    assert!(texts.len() > 20);
    let bundle = bundle(&texts);
    let of_new_users = bundle.policies.all().iter().filter(|policy| policy.scope.operations.contains("CreateUser"));
    let missing = of_new_users.filter(|policy| !policy.scope.operations.contains("PlatformCreateInstanceUser"));
    assert_eq!(missing.map(|policy| policy.name.to_string()).collect::<Vec<_>>(), Vec::<String>::new());
}
