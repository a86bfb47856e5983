//! What the contract makes of requests, through a whole gateway.

use crate::support::gateway::{Gateway, Setup, head, json, text};
use crate::support::recorder::Recorder;
use std::time::Duration;

const PATCH: &str = "PATCH /v1/users/user_1";

async fn started(change: impl FnOnce(&mut Setup)) -> (Recorder, Gateway) {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    change(&mut setup);
    (recorder, setup.start())
}

async fn status(gateway: &Gateway, line: &str, headers: &str, body: &str) -> u16 {
    gateway.ask(json(line, headers, body)).await.status()
}

#[tokio::test]
async fn a_request_is_judged_by_the_version_it_asks_for_and_unknown_ones_are_counted() {
    let (_recorder, mut gateway) = started(|_| {}).await;
    for (asked, field, expected, judged_by) in [
        ("2021-02-05", "public_metadata", 200, "2021-02-05"),
        ("2025-03-12", "locale", 422, "2025-03-12"),
        ("2025-11-10", "public_metadata", 200, "2025-11-10"),
        ("2026-05-12", "public_metadata", 422, "2026-05-12"),
        ("2099-01-01", "public_metadata", 422, "2026-05-12"),
        ("2098-01-01", "locale", 200, "2026-05-12"),
        ("2024-12-24", "public_metadata", 200, "2024-10-01"),
        ("latest", "locale", 200, "2026-05-12"),
    ] {
        let version = format!("clerk-api-version: {asked}\r\n");
        assert_eq!(status(&gateway, PATCH, &version, &format!("{{\"{field}\":null}}")).await, expected, "{asked}");
        assert_eq!(gateway.line().await["api_version"], judged_by, "{asked}");
    }
    let by_query = format!("{PATCH}?__clerk_api_version=2025-11-10");
    assert_eq!(status(&gateway, &by_query, "", r#"{"public_metadata":{}}"#).await, 200);
    let counted = || {
        let metrics = gateway.shared.telemetry.metrics_text();
        metrics.contains("portcullis_unknown_api_versions_total{asked=\"newer\"} 2\n")
            && metrics.contains("portcullis_unknown_api_versions_total{asked=\"other\"} 2\n")
    };
    // a worker counts after it logs
    let all_counted = async {
        while !counted() {
            tokio::task::yield_now().await;
        }
    };
    let waited = pingora_timeout::timeout(Duration::from_secs(10), all_counted).await;
    waited.unwrap_or_else(|_| panic!("{}", gateway.shared.telemetry.metrics_text()));
}

#[tokio::test]
async fn an_operation_is_inspected_where_a_policy_names_it() {
    let line = "POST /v1/organizations";
    let (recorder, gateway) = started(|_| {}).await;
    assert_eq!(status(&gateway, line, "", r#"{"name":5,"nome":1,"nome":2}"#).await, 200, "nobody asked to look");
    assert_eq!(recorder.request().await.body, br#"{"name":5,"nome":1,"nome":2}"#);
    let policy = "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: { name: named }\nspec:\n  match: { operations: [CreateOrganization] }\n  validations: [{ expression: body.slug != 'x', message: no }]\n  actions: [Deny]\n";
    let (_recorder, gateway) = started(|setup| setup.policies = vec![text("named.yaml", policy)]).await;
    assert_eq!(status(&gateway, line, "", r#"{"name":"a","nome":1}"#).await, 422);
    assert_eq!(status(&gateway, line, "", r#"{"name":"a","created_by":"user_1","slug":"x"}"#).await, 422);
    assert_eq!(status(&gateway, line, "", r#"{"name":"a","created_by":"user_1"}"#).await, 200);
    assert_eq!(status(&gateway, "PATCH /v1/users/user_1", "", r#"{"nome":1}"#).await, 422, "always inspected");
}

#[tokio::test]
async fn logs_know_every_route_by_its_template() {
    let (_recorder, mut gateway) = started(|_| {}).await;
    for (line, route, operation) in [
        ("GET /v1/users/user_1", "/v1/users/{user_id}", "GetUser"),
        (
            "GET /v1/organizations/org_1/memberships?limit=1",
            "/v1/organizations/{organization_id}/memberships",
            "ListOrganizationMemberships",
        ),
        ("GET /v1/commerce/plans", "/v1/commerce/plans", "GetCommercePlanList"),
        ("GET /v1/users/user_1/no/such/thing", "_OTHER", ""),
        ("GET /favicon.ico", "_OTHER", ""),
    ] {
        assert_eq!(gateway.ask(head(line, "")).await.status(), 200, "{line}");
        let logged = gateway.line().await;
        assert_eq!(logged["route"], route, "{line}");
        assert_eq!(logged["operation"].as_str().unwrap_or_default(), operation, "{line}");
    }
}
