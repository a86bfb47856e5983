//! What happens to requests that are for no operation of the contract.

use crate::support::gateway::{Gateway, Setup, head, json};
use crate::support::recorder::Recorder;
use portcullis::contract::fallthrough::{Fallthrough, ReadFallthrough, WriteFallthrough};
use std::time::Duration;

async fn started(change: impl FnOnce(&mut Setup)) -> (Recorder, Gateway) {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    change(&mut setup);
    (recorder, setup.start())
}

#[tokio::test]
async fn a_write_that_no_operation_has_is_refused_and_a_read_is_not() {
    let (recorder, mut gateway) = started(|_| {}).await;
    for line in ["POST /v1/no/such/thing", "PUT /v1/invitations", "PURGE /v1/x", "DELETE /v1/jwks"] {
        let answer = gateway.ask(json(line, "", "{}")).await;
        let logged = gateway.line().await;
        assert_eq!((answer.status(), &logged["reason"]), (403, &"operation_not_allowed".into()), "{line}");
        let text = String::from_utf8_lossy(&answer.body);
        assert!(text.contains("contract.fallthrough"), "{text}");
    }
    assert_eq!(recorder.connections(), 0, "nothing may reach the upstream");
    for line in ["GET /v1/no/such/thing", "OPTIONS /v1/no"] {
        assert_eq!(gateway.ask(head(line, "")).await.status(), 200, "{line}");
    }
}

/// The URL of an SDK that adds `/v1` ends with it, or that of one that adds none does not.
#[tokio::test]
async fn a_path_with_v1_twice_or_without_it_names_the_setting_of_the_sdk() {
    let (recorder, gateway) = started(|_| {}).await;
    for (line, status, part) in [
        ("GET /v1/v1/users", 403, "without `/v1` (`apiUrl` in JavaScript)"),
        ("GET /v1/v1/users/user_1", 403, "without `/v1` (`apiUrl` in JavaScript)"),
        ("POST /v1/v1/organizations", 403, "without `/v1` (`apiUrl` in JavaScript)"),
        ("PATCH /v1/v1/users/user_1", 400, "without `/v1` (`apiUrl` in JavaScript)"),
        ("PATCH /users/user_1", 400, "with `/v1` (`server_url` in Python)"),
        ("POST /organizations", 403, "with `/v1` (`server_url` in Python)"),
    ] {
        let body = if line.starts_with("GET") { head(line, "").into_bytes() } else { json(line, "", "{}") };
        let answer = gateway.ask(body).await;
        assert!(answer.status() == status && answer.text().contains(part), "{line}: {}", answer.text());
    }
    assert_eq!(recorder.connections(), 0);
    for line in ["GET /v1/v1/no/such/thing", "GET /users", "GET /v1/v1"] {
        assert_eq!(gateway.ask(head(line, "")).await.status(), 200, "{line}");
    }
}

#[tokio::test]
async fn an_unknown_write_that_is_audited_passes_and_shows() {
    let fallthrough = Fallthrough { reads: ReadFallthrough::Deny, writes: WriteFallthrough::Audit };
    let (recorder, mut gateway) = started(|setup| setup.strictness.fallthrough = fallthrough).await;
    assert_eq!(gateway.ask(json("POST /v1/no/such/thing", "", "{}")).await.status(), 200);
    assert_eq!(recorder.request().await.body, b"{}");
    assert_eq!(gateway.line().await["audited"][0], "operation_not_allowed");
    assert_eq!(gateway.ask(head("GET /v1/no/such/thing", "")).await.status(), 403);
    let counted = || {
        let metrics = gateway.shared.telemetry.metrics_text();
        metrics.contains("portcullis_unknown_operations_total{method=\"POST\"} 1\n")
            && metrics.contains("portcullis_unknown_operations_total{method=\"GET\"} 1\n")
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
