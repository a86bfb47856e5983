//! The shadow bundle: judged beside the bundle in force, it changes no response, and what it would change is counted.

use crate::support::gateway::{Gateway, Setup, contract, json, patch, shipped, text};
use crate::support::recorder::Recorder;
use portcullis::contract::Routed;
use portcullis::contract::strictness::{Mode, OperationEntry, Strictness};
use portcullis::judge::{Bundle, PolicyText, ShadowChange};
use serde_json::json as value;

const SECRET: &str = "canary-0451";
const LEGAL: &str = r#"{"skip_legal_checks":true}"#;
const CHECKS: &str = r#"{"skip_password_checks":true}"#;

/// The shipped policies, with `from` in the file `name` replaced by `to`.
fn changed(name: &str, from: &str, to: &str) -> Vec<PolicyText> {
    let mut all = shipped();
    let one = all.iter_mut().find(|text| text.file.ends_with(format!("{name}.yaml"))).unwrap();
    assert!(one.text.contains(from), "{}", one.text);
    one.text = one.text.replace(from, to);
    all
}

fn without(name: &str) -> Vec<PolicyText> {
    let mut all = shipped();
    all.retain(|text| !text.file.ends_with(format!("{name}.yaml")));
    all
}

fn rule(name: &str, operation: &str, expression: &str) -> PolicyText {
    let rule = format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: {name} }}\nspec:\n  \
         match: {{ operations: [{operation}] }}\n  validations:\n    - expression: \"{expression}\"\n      message: no\n  \
         actions: [Deny]\n"
    );
    text(format!("{name}.yaml"), &rule)
}

async fn started(shadow: Vec<PolicyText>) -> (Recorder, Gateway) {
    let recorder = Recorder::answering(200, "{}").await;
    let gateway = Setup { shadow, ..Setup::before(recorder.address()) }.start();
    (recorder, gateway)
}

fn metrics(gateway: &Gateway) -> String {
    gateway.shared.telemetry.metrics_text()
}

/// How many requests the shadow bundle decided as `decision`.
fn decided(gateway: &Gateway, decision: &str) -> bool {
    metrics(gateway).contains(&format!("portcullis_shadow_decisions_total{{decision=\"{decision}\"}} 1\n"))
}

#[tokio::test]
async fn what_it_would_refuse_passes_as_before_and_is_counted() {
    let (recorder, mut gateway) = started(changed("no-skip-legal-checks", "[Audit]", "[Deny]")).await;
    let answer = gateway.ask(patch(LEGAL)).await;
    assert_eq!((answer.status(), answer.text()), (200, "{}"), "{}", answer.head);
    assert!(answer.header("warning").is_none() && answer.header("portcullis-warning").is_none(), "{}", answer.head);
    assert_eq!(recorder.request().await.body, LEGAL.as_bytes());
    let line = gateway.line().await;
    assert_eq!((&line["decision"], &line["shadow_decision"]), (&value!("allow"), &value!("would_refuse")), "{line}");
    let difference = value!([{ "rule": "no-skip-legal-checks", "action": "audit", "shadow_action": "deny" }]);
    assert_eq!(line["shadow_differences"], difference);
    let revision = gateway.shared.gate.bundle.load().shadow().unwrap().revision.to_string();
    assert_eq!(line["shadow_revision"], revision);
    assert_ne!(line["revision"], revision);
    let metrics = metrics(&gateway);
    for series in [
        "portcullis_shadow_decisions_total{decision=\"would_refuse\"} 1\n",
        "portcullis_shadow_decisions_total{decision=\"same\"} 0\n",
        "portcullis_shadow_differences_total{operation=\"UpdateUser\",policy=\"no-skip-legal-checks\",action=\"audit\",\
         shadow_action=\"deny\"} 1\n",
        "portcullis_shadow_duration_seconds_count 1\n",
        "portcullis_shadow_failures_total 0\n",
    ] {
        assert!(metrics.contains(series), "{series}\n{metrics}");
    }
}

#[tokio::test]
async fn what_it_would_allow_is_refused_as_before() {
    let (_recorder, mut gateway) = started(without("no-skip-password-checks")).await;
    let refused = gateway.ask(patch(CHECKS)).await;
    assert_eq!(refused.status(), 422);
    assert!(!format!("{}{}", refused.head, refused.text()).contains("shadow"), "{}", refused.head);
    let line = gateway.line().await;
    assert_eq!((&line["decision"], &line["shadow_decision"]), (&value!("deny"), &value!("would_allow")), "{line}");
    assert_eq!(line["shadow_differences"], value!([{ "rule": "no-skip-password-checks", "action": "deny" }]));
    assert!(decided(&gateway, "would_allow"));
}

#[tokio::test]
async fn a_waiver_in_it_is_a_difference() {
    let mut shadow = shipped();
    let waiver = "apiVersion: portcullis/v1\nkind: Waiver\nmetadata: { name: import }\nspec:\n  policy: no-skip-password-checks\n  \
                  matchConditions: [{ name: imported, expression: body.last_name == 'moved' }]\n  owner: a\n  ticket: B-1\n  \
                  reason: c\n  expires: 9999-12-31\n";
    shadow.push(text("waiver.yaml", waiver));
    let (_recorder, mut gateway) = started(shadow).await;
    assert_eq!(gateway.ask(patch(r#"{"skip_password_checks":true,"last_name":"moved"}"#)).await.status(), 422);
    let line = gateway.line().await;
    assert_eq!(line["shadow_decision"], "would_allow", "{line}");
    let difference = value!([{ "rule": "no-skip-password-checks", "action": "deny", "shadow_action": "audit" }]);
    assert_eq!(line["shadow_differences"], difference);
}

#[tokio::test]
async fn what_both_decide_alike_is_in_no_line() {
    let (_recorder, mut gateway) = started(changed("no-skip-legal-checks", "[Audit]", "[Deny]")).await;
    for (body, status) in [(r#"{"first_name":"Ada"}"#, 200), (CHECKS, 422), ("{", 400), (r#"{"shoe_size":1}"#, 422)] {
        assert_eq!(gateway.ask(patch(body)).await.status(), status, "{body}");
        let line = gateway.line().await;
        assert!(line.as_object().unwrap().keys().all(|name| !name.starts_with("shadow")), "{line}");
    }
    assert!(metrics(&gateway).contains("portcullis_shadow_decisions_total{decision=\"same\"} 4\n"));
}

#[tokio::test]
async fn without_one_nothing_is_counted() {
    let (_recorder, mut gateway) = started(Vec::new()).await;
    assert_eq!(gateway.ask(patch(LEGAL)).await.status(), 200);
    let line = gateway.line().await;
    assert!(line.get("shadow_decision").is_none() && line.get("shadow_revision").is_none(), "{line}");
    let metrics = metrics(&gateway);
    assert!(metrics.contains("portcullis_shadow_decisions_total{decision=\"same\"} 0\n"), "{metrics}");
    assert!(metrics.contains("portcullis_shadow_duration_seconds_count 0\n"), "{metrics}");
}

/// An operation that no policy in force matches is read for the shadow bundle, and passes whatever it is.
#[tokio::test]
async fn an_operation_that_only_it_matches_is_refused_by_nothing() {
    let mut shadow = shipped();
    shadow.push(rule("no-names", "CreateOrganization", "body.name == null"));
    let (recorder, mut gateway) = started(shadow).await;
    let post = |headers: &str, body: &str| json("POST /v1/organizations?a=1&a=2", headers, body);
    let fits = r#"{"name":"a","created_by":"user_1"}"#;
    let bodies = [(fits, "no-names"), (r#"{"name":5}"#, "type"), (r#"{"name":"a","x":1}"#, "additionalProperties")];
    for (body, named) in bodies {
        assert_eq!(gateway.ask(post("", body)).await.status(), 200, "{body}");
        assert_eq!(recorder.request().await.body, body.as_bytes());
        let line = gateway.line().await;
        assert_eq!(line["shadow_decision"], "would_refuse", "{line}");
        assert!(line["shadow_differences"].to_string().contains(named), "{line}");
    }
    // what cannot be judged is not judged, and passes byte for byte
    for (headers, body) in [("", "{"), ("content-encoding: gzip\r\n", fits)] {
        assert_eq!(gateway.ask(post(headers, body)).await.status(), 200, "{body}");
        assert_eq!(recorder.request().await.body, body.as_bytes());
    }
}

/// An expression that has no value refuses by a rule in force; in the shadow bundle it is a difference.
#[tokio::test]
async fn an_error_in_it_is_a_difference_and_no_refusal() {
    let mut shadow = shipped();
    shadow.push(rule(
        "fails",
        "UpdateUser",
        "body.create_organizations_limit == null || [1][int(body.create_organizations_limit)] == 1",
    ));
    let (_recorder, mut gateway) = started(shadow).await;
    assert_eq!(gateway.ask(patch(r#"{"create_organizations_limit":7}"#)).await.status(), 200);
    let line = gateway.line().await;
    assert_eq!(line["shadow_differences"], value!([{ "rule": "fails", "shadow_action": "deny" }]), "{line}");
    assert!(decided(&gateway, "would_refuse"));
}

#[tokio::test]
async fn no_value_and_no_name_of_a_request_is_in_what_it_reports() {
    let mut shadow = without("no-skip-password-checks");
    shadow.push(rule("no-names", "CreateOrganization", "body.name == null"));
    shadow.push(rule("no-passwords", "UpdateUser", "body.password == null"));
    let (_recorder, mut gateway) = started(shadow).await;
    let update = format!(r#"{{"skip_password_checks":true,"password":"{SECRET}"}}"#);
    let create = format!(r#"{{"name":"{SECRET}","{SECRET}":"{SECRET}"}}"#);
    let mut lines = String::new();
    for request in [patch(update), json("POST /v1/organizations", "", create)] {
        gateway.ask(request).await;
        let line = gateway.line().await;
        assert!(line.get("shadow_differences").is_some(), "{line}");
        lines += &line.to_string();
    }
    assert!(!format!("{lines}{}", metrics(&gateway)).contains(SECRET), "{lines}");
}

fn with_shadow(shadow: &[PolicyText]) -> Result<Bundle, Vec<String>> {
    let compile = |texts: &[PolicyText]| Bundle::compile(contract(), texts, Strictness::default()).unwrap();
    let mut in_force = shipped();
    in_force.push(limit("30"));
    let bundle = compile(&in_force).with_shadow(compile(shadow));
    bundle.map_err(|errors| errors.0.iter().map(ToString::to_string).collect())
}

fn limit(events: &str) -> PolicyText {
    let limit = format!(
        "apiVersion: portcullis/v1\nkind: RequestLimit\nmetadata: {{ name: updates }}\nspec:\n  \
         match: {{ operations: [UpdateUser] }}\n  events: {events}\n  period: 1m\n  message: no\n  actions: [Deny]\n"
    );
    text("updates.yaml", &limit)
}

#[test]
fn a_limit_of_it_is_the_one_in_force_or_an_error() {
    let same = with_shadow(&[shipped(), vec![limit("30")]].concat()).unwrap();
    assert!(same.shadow_changes().is_empty());
    let errors = with_shadow(&[shipped(), vec![limit("31")]].concat()).unwrap_err();
    assert!(errors.len() == 1 && errors[0].contains("`updates` is not the limit in force"), "{errors:?}");
}

/// An entry for every operation enforces also one without a body, once a policy has something to judge there.
#[test]
fn a_candidate_has_an_operation_audited_that_an_entry_would_enforce() {
    let entry = OperationEntry { matches: "*".to_owned(), mode: Mode::Enforce, unknown_fields: None };
    let strictness = Strictness { operations: vec![entry], ..Strictness::default() };
    let compile = |texts: &[PolicyText]| Bundle::compile(contract(), texts, strictness.clone()).unwrap();
    let Routed::Operation(delete, _) = compile(&[]).route("DELETE", "/v1/users/user_1", None) else {
        panic!("a route")
    };
    let candidate = || compile(&[rule("candidate", "DeleteUser", "false")]);
    assert!(compile(&[]).inspection(&delete).is_none());
    let inspection = compile(&[]).with_shadow(candidate()).unwrap().inspection(&delete).expect("inspected");
    assert!(inspection.is_shadow(), "{inspection:?}");
    // in force it is enforced
    assert!(!candidate().inspection(&delete).expect("inspected").is_shadow());
}

#[test]
fn its_changes_are_known_by_name() {
    let mut shadow = changed("no-skip-legal-checks", "[Audit]", "[Deny]");
    shadow.retain(|text| !text.file.ends_with("metadata-size.yaml"));
    shadow.push(rule("no-names", "CreateOrganization", "body.name == null"));
    let changes: Vec<_> = with_shadow(&shadow).unwrap().shadow_changes().into_iter().collect();
    assert_eq!(
        changes,
        [
            ("metadata-size".into(), ShadowChange::Removed),
            ("no-names".into(), ShadowChange::Added),
            ("no-skip-legal-checks".into(), ShadowChange::Changed),
        ]
    );
}
