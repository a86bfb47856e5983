//! Shadow validation: what is only audited passes as it would without us, and what does not fit is told to operators.

use crate::support::gateway::{Gateway, Setup, head, json, patch, text};
use crate::support::recorder::Recorder;
use portcullis::contract::fallthrough::Fallthrough;
use portcullis::contract::strictness::{Mode, OperationEntry, Strictness, UnknownFields, Validate};
use portcullis::judge::PolicyText;
use serde_json::json as value;

const SECRET: &str = "canary-0451";

async fn started(strictness: Strictness) -> (Recorder, Gateway) {
    let recorder = Recorder::answering(200, "{}").await;
    let gateway = Setup { strictness, ..Setup::before(recorder.address()) }.start();
    (recorder, gateway)
}

fn all() -> Strictness {
    Strictness { validate: Validate::All, ..Strictness::default() }
}

fn only(matches: &str, mode: Mode) -> Strictness {
    let operations = vec![OperationEntry { matches: matches.to_owned(), mode, unknown_fields: None }];
    Strictness { operations, ..Strictness::default() }
}

fn post(body: &[u8], headers: &str) -> Vec<u8> {
    let headers = format!("content-length: {}\r\n{headers}", body.len());
    [head("POST /v1/organizations", &headers).as_bytes(), body].concat()
}

#[tokio::test]
async fn what_does_not_fit_passes_and_is_told_in_log_and_metrics() {
    let (recorder, mut gateway) = started(all()).await;
    let body = format!(r#"{{ "name":5, "{SECRET}":"{SECRET}" }}"#);
    let answer = gateway.ask(json("POST /v1/organizations", "", &body)).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(answer.header("warning").is_none() && answer.header("portcullis-warning").is_none(), "{}", answer.head);
    assert_eq!(recorder.request().await.body, body.as_bytes());
    let line = gateway.line().await;
    assert_eq!((&line["decision"], &line["audited"]), (&value!("allow"), &value!(["schema_violation"])), "{line}");
    assert_eq!(line["keywords"], value!(["additionalProperties", "type"]));
    assert_eq!(line["fields"], value!(["/*", "name"]));
    let metrics = gateway.shared.telemetry.metrics_text();
    let told = r#"portcullis_decisions_total{operation="CreateOrganization",policy="type",action="audit",reason="schema_violation"} 1"#;
    assert!(metrics.contains(told), "{metrics}");
    assert!(!format!("{line}{metrics}").contains(SECRET));
}

#[tokio::test]
async fn what_fits_is_not_told() {
    let (_recorder, mut gateway) = started(all()).await;
    let answer = gateway.ask(json("POST /v1/organizations", "", r#"{"name":"a","created_by":"user_1"}"#)).await;
    assert_eq!(answer.status(), 200);
    let line = gateway.line().await;
    assert_eq!((&line["decision"], line.get("audited")), (&value!("allow"), None), "{line}");
}

#[tokio::test]
async fn a_body_that_cannot_be_judged_passes_byte_for_byte_and_is_told_why() {
    let long = vec![b' '; 300 * 1024];
    let json = "content-type: application/json\r\n";
    for (body, headers, reason) in [
        (&b"{\"name\":"[..], json, "malformed_json"),
        (b"{\"name\":\"\xff\"}", json, "malformed_json"),
        (br#"{"name":"a","name":"b"}"#, json, "ambiguous_json"),
        (br#"{"name":"a","Name":"b"}"#, json, "ambiguous_json"),
        (b"name=a", "content-type: application/x-www-form-urlencoded\r\n", "unsupported_media_type"),
        (b"{}", "content-type: application/json\r\ncontent-encoding: gzip\r\n", "unsupported_encoding"),
        (&long, json, "body_too_large"),
    ] {
        let (recorder, mut gateway) = started(all()).await;
        let answer = gateway.ask(post(body, headers)).await;
        assert_eq!(answer.status(), 200, "{reason}: {}", answer.text());
        assert_eq!(recorder.request().await.body, body, "{reason}");
        assert_eq!(gateway.line().await["audited"], value!([reason]));
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_streams_through() {
    let (recorder, mut gateway) = started(all()).await;
    let headers = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
    let chunks = "5\r\n{\"nam\r\n4\r\ne\":5\r\n1\r\n}\r\n0\r\n\r\n";
    assert_eq!(gateway.ask(head("POST /v1/organizations", headers) + chunks).await.status(), 200);
    let request = recorder.request().await;
    assert_eq!((request.body.as_slice(), request.header("transfer-encoding")), (&b"{\"name\":5}"[..], vec!["chunked"]));
    assert_eq!(gateway.line().await["audited"], value!(["body_too_large"]));
}

#[tokio::test]
async fn a_body_for_which_there_is_no_memory_streams_through() {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup { strictness: all(), ..Setup::before(recorder.address()) };
    // enough for a connection and a request, but not for what a body of that length may be parsed to
    (setup.limits.memory_bytes, setup.limits.per_client_share) = (500_000, 1.0);
    let mut gateway = setup.start();
    let body = format!("{{\"name\":\"{}\"}}", "n".repeat(8000));
    assert_eq!(gateway.ask(json("POST /v1/organizations", "", &body)).await.status(), 200);
    assert_eq!(recorder.request().await.body, body.as_bytes());
    assert_eq!(gateway.line().await["audited"], value!(["overloaded"]));
}

#[tokio::test]
async fn other_spellings_and_queries_pass_only_where_nothing_would_be_refused() {
    for line in ["POST /v1/organizations/", "POST /v1/%6frganizations", "POST /v1/organizations?x=1"] {
        let (recorder, gateway) = started(Strictness { fallthrough: Fallthrough::FORWARD, ..all() }).await;
        assert_eq!(gateway.ask(json(line, "", r#"{"name":5}"#)).await.status(), 200, "{line}");
        assert_eq!(recorder.request().await.line(), format!("{line} HTTP/1.1"));
        let (recorder, gateway) = started(only("CreateOrganization", Mode::Enforce)).await;
        assert_eq!(gateway.ask(json(line, "", r#"{"name":5}"#)).await.status(), 400, "{line}");
        assert_eq!(recorder.connections(), 0);
    }
}

#[tokio::test]
async fn an_operation_listed_by_name_is_enforced() {
    let (recorder, gateway) = started(only("CreateOrganization", Mode::Enforce)).await;
    let answer = gateway.ask(json("POST /v1/organizations", "", r#"{"name":5}"#)).await;
    assert_eq!((answer.status(), recorder.connections()), (422, 0), "{}", answer.text());
}

/// A policy for organizations, which are no business of any other.
fn of_organizations(action: &str) -> PolicyText {
    let policy = format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: named }}\nspec:\n  \
         match: {{ operations: [CreateOrganization] }}\n  actions: [{action}]\n  validations:\n    \
         - {{ expression: body.name != \"forbidden\", field: name, message: not this one }}\n"
    );
    text("named.yaml", &policy)
}

#[tokio::test]
async fn a_policy_in_shadow_mode_refuses_nothing_and_one_that_denies_takes_the_contract_with_it() {
    let spelt = |line: &str, body: &str| json(line, "", body);
    for (request, status) in [
        (spelt("POST /v1/organizations", r#"{"name":5}"#), 422),
        (spelt("POST /v1/organizations", r#"{"name":"forbidden"}"#), 422),
        (spelt("POST /v1/organizations", r#"{"name":"a","name":"b"}"#), 400),
        (spelt("POST /v1/organizations", "{"), 400),
        (spelt("POST /v1/organizations/", r#"{"name":"forbidden"}"#), 400),
        (spelt("POST /v1/organizations?name=forbidden", "{}"), 400),
    ] {
        for (action, status) in [("Audit", 200), ("Warn", 200), ("Deny", status)] {
            let recorder = Recorder::answering(200, "{}").await;
            let mut setup = Setup { policies: vec![of_organizations(action)], ..Setup::before(recorder.address()) };
            // a spelling that no operation has is refused as a write, whatever policies do
            setup.strictness.fallthrough = Fallthrough::FORWARD;
            let gateway = setup.start();
            let answer = gateway.ask(request.clone()).await;
            assert_eq!(answer.status(), status, "{action}: {}", answer.text());
            assert_eq!(recorder.connections(), usize::from(status == 200), "{action}");
        }
    }
}

#[tokio::test]
async fn a_policy_in_shadow_mode_says_what_it_would_have_refused() {
    let recorder = Recorder::answering(200, "{}").await;
    let mut gateway = Setup { policies: vec![of_organizations("Audit")], ..Setup::before(recorder.address()) }.start();
    let body = r#"{"name":"forbidden","created_by":"user_1"}"#;
    assert_eq!(gateway.ask(json("POST /v1/organizations", "", body)).await.status(), 200);
    let line = gateway.line().await;
    let told = value!([{ "name": "named", "action": "audit" }]);
    assert_eq!((&line["decision"], &line["policies"]), (&value!("allow"), &told), "{line}");
}

#[tokio::test]
async fn where_a_policy_matches_what_cannot_be_judged_is_refused_in_audit_mode_too() {
    let long = format!("{{\"first_name\":\"{}\"}}", "x".repeat(300 * 1024));
    let form = "skip_password_checks=true";
    let headers = format!("content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n", form.len());
    let (recorder, mut gateway) = started(only("UpdateUser", Mode::Audit)).await;
    for (request, status) in [
        (patch("{"), 400),
        (patch(r#"{"skip_password_checks":true,"skip_password_checks":false}"#), 400),
        (patch(r#"{"Skip_Password_Checks":true}"#), 400),
        (patch(r#"{"skipPasswordChecks":true}"#), 400),
        (patch(r#"[{"skip_password_checks":true}]"#), 422),
        (patch(r#"{"skip_password_checks":true}"#), 422),
        (patch(long), 413),
        ((head("PATCH /v1/users/user_1", &headers) + form).into_bytes(), 415),
        (json("PATCH /v1/users/user_1/", "", "{}"), 400),
        (json("PATCH /v1/users/user_1?skip_password_checks=true", "", "{}"), 400),
    ] {
        let answer = gateway.ask(request).await;
        assert_eq!((answer.status(), recorder.connections()), (status, 0), "{}", answer.text());
        gateway.line().await;
    }
    assert_eq!(gateway.ask(patch(r#"{"username":5}"#)).await.status(), 200);
    assert_eq!(gateway.line().await["audited"], value!(["schema_violation"]));
}

#[tokio::test]
async fn a_look_alike_does_not_hide_behind_other_findings() {
    let junk: String = (0..50).map(|number| format!("\"junk_{number}\":1,")).collect();
    let codes = ["1"; 50].join(",");
    let entry = OperationEntry {
        matches: "UpdateUser".to_owned(),
        mode: Mode::Enforce,
        unknown_fields: Some(UnknownFields::Allow),
    };
    let allowing = Strictness { operations: vec![entry], ..Strictness::default() };
    for strictness in [allowing, only("UpdateUser", Mode::Audit)] {
        let (recorder, gateway) = started(strictness).await;
        for others in [junk.clone(), format!("\"backup_codes\":[{codes}],")] {
            let answer = gateway.ask(patch(format!(r#"{{{others}"skipPasswordChecks":true}}"#))).await;
            assert!([400, 422].contains(&answer.status()), "{}", answer.text());
            assert!(answer.text().contains("skipPasswordChecks"), "{}", answer.text());
        }
        assert_eq!(recorder.connections(), 0);
    }
}
