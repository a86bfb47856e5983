//! Waivers of limits: who passes above a limit, until when, and what that leaves to the others.

use crate::support::gateway::{Gateway, Setup, head, text};
use crate::support::recorder::Recorder;
use portcullis::contract::Contract;
use portcullis::contract::strictness::Strictness;
use portcullis::judge::{Bundle, PolicyText};
use portcullis::policy::Loss;
use portcullis::policy_test::{TestText, load};
use serde_json::Value;

/// At most two deletions an hour, of all callers together.
const LIMIT: &str = "apiVersion: portcullis/v1\nkind: RequestLimit\nmetadata: { name: few }\nspec:\n  \
    match: { operations: [Delete*] }\n  events: 2\n  period: 1h\n  message: more than 2 an hour\n  hint: slow down\n  actions: [Deny]\n";

fn waiver(condition: &str, expires: &str) -> PolicyText {
    let file = format!(
        "apiVersion: portcullis/v1\nkind: Waiver\nmetadata: {{ name: cleanup }}\nspec:\n  policy: few\n  \
         matchConditions: [{{ name: whom, expression: '{condition}' }}]\n  owner: identity\n  ticket: OPS-7\n  \
         reason: old accounts go\n  expires: {expires}\n"
    );
    text("cleanup.yaml", &file)
}

const OF_JOB: &str = "request.headers[\"x-caller\"] == \"job\"";

/// The statuses of requests by these callers, and the line of the last in the access log.
async fn statuses(waiver: PolicyText, callers: &[&str]) -> (Vec<u16>, Value, String) {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    setup.policies = vec![text("few.yaml", LIMIT), waiver];
    let mut gateway: Gateway = setup.start();
    let (mut statuses, mut line, mut message) = (Vec::new(), Value::Null, String::new());
    for caller in callers {
        let answer = gateway.ask(head("DELETE /v1/users/user_1", &format!("x-caller: {caller}\r\n"))).await;
        statuses.push(answer.status());
        message = answer.text().to_owned();
        line = gateway.line().await;
    }
    (statuses, line, message)
}

#[tokio::test]
async fn a_request_above_a_limit_that_is_waived_passes_and_is_logged() {
    let (statuses, line, _) = statuses(waiver(OF_JOB, "2999-01-01"), &["job", "job", "job"]).await;
    assert_eq!(statuses, [200, 200, 200]);
    assert_eq!(
        line["policies"],
        serde_json::json!([{ "action": "audit", "name": "few", "waived_by": "cleanup" }]),
        "{line}"
    );
}

#[tokio::test]
async fn requests_of_a_waiver_leave_the_limit_to_the_others() {
    let callers = ["job", "job", "job", "a", "a", "a", "job"];
    let (statuses, ..) = statuses(waiver(OF_JOB, "2999-01-01"), &callers).await;
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 200]);
}

#[tokio::test]
async fn an_expired_waiver_of_a_limit_is_named_in_the_refusal() {
    let (statuses, _, message) = statuses(waiver(OF_JOB, "2020-01-01"), &["job", "job", "job"]).await;
    assert_eq!(statuses, [200, 200, 429]);
    assert!(message.contains("waiver `cleanup` (OPS-7, identity) expired on 2020-01-01"), "{message}");
}

fn bundle(texts: &[PolicyText]) -> Bundle {
    Bundle::compile(Contract::built_in("2026-05-12").unwrap(), texts, Strictness::default()).unwrap()
}

#[test]
fn a_test_expects_a_waiver_of_a_limit() {
    let test = "apiVersion: portcullis/v1\nkind: PolicyTest\nmetadata: { name: few }\nspec:\n  policies: [few]\n  cases:\n    \
        - name: the job\n      request: { operation: DeleteUser, headers: { x-caller: job } }\n      repeat: 3\n      \
        expect: { decision: allow, waived: [cleanup] }\n    \
        - name: another\n      request: { operation: DeleteUser, headers: { x-caller: a } }\n      repeat: 3\n      \
        expect: { decision: deny, limited: [few] }\n    \
        - name: the job, within the limit\n      request: { operation: DeleteUser, headers: { x-caller: job } }\n      repeat: 2\n      \
        expect: { decision: allow }\n";
    let bundle = bundle(&[text("few.yaml", LIMIT), waiver(OF_JOB, "2999-01-01")]);
    let suites = load(&[TestText { file: "few.test.yaml".into(), text: test.to_owned() }], &bundle).unwrap();
    let failures: Vec<_> = suites.iter().flat_map(|suite| suite.run("")).filter(|it| !it.passes()).collect();
    assert!(failures.is_empty(), "{:#?}", failures.iter().map(|it| it.failure().to_string()).collect::<Vec<_>>());
}

#[test]
fn a_waiver_of_every_request_is_a_loss_of_the_limit() {
    let [before, after] =
        [OF_JOB, "true"].map(|condition| bundle(&[text("few.yaml", LIMIT), waiver(condition, "2999-01-01")]));
    let losses: Vec<_> = before.removals(&after).into_iter().map(|lost| (lost.name.to_string(), lost.what)).collect();
    assert_eq!(losses, [("few".to_owned(), Loss::Waived("cleanup".into()))]);
}

#[test]
fn a_header_that_a_waiver_of_a_limit_reads_is_relied_on() {
    assert!(bundle(&[text("few.yaml", LIMIT), waiver(OF_JOB, "2999-01-01")]).policies.rely_on_header("x-caller"));
    assert!(!bundle(&[text("few.yaml", LIMIT)]).policies.rely_on_header("x-caller"));
}
