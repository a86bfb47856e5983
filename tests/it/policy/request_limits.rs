//! Limits through the real gateway: who is let pass how often, what the others are told, and what outlives a reload.

use crate::support::client::Client;
use crate::support::gateway::{self, Gateway, Setup, bundle, head, patch, text};
use crate::support::recorder::{Recorder, Reply};
use portcullis::gateway::Clock;
use portcullis::judge::PolicyText;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const LIMIT: &str = "\
apiVersion: portcullis/v1
kind: RequestLimit
metadata: { name: few, labels: { owner: ops } }
spec:
  match: { operations: [UpdateUser, DeleteUser, GetUser] }
  key: request.headers['x-caller']
  events: 3
  period: 1m
  message: more than 3 a minute
  hint: slow down
  actions: [Deny]
";

const PAGES: &str = "\
apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: pages }
spec:
  match: { operations: [GetUserList] }
  matchConditions:
    - name: team
      expression: request.headers['x-team'] != 'ops'
  variables:
    - name: limit
      expression: request.query.limit
  validations:
    - expression: variables.limit == null || int(variables.limit) <= 100
      message: pages are small
  actions: [Deny]
";

fn limit(from: &str, to: &str) -> PolicyText {
    assert!(LIMIT.contains(from), "{from}");
    text("few.yaml", &LIMIT.replace(from, to))
}

/// A time that goes on when it is told to.
#[derive(Clone)]
struct Time(Arc<Mutex<Instant>>);

impl Time {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Clock::new(move || *now.lock().unwrap())
    }

    fn pass(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

/// A gateway with these policies before an upstream that answers all, and the time it goes by.
async fn started(policies: Vec<PolicyText>) -> (Recorder, Gateway, Time) {
    let recorder = Recorder::answering(200, "{}").await;
    let (mut setup, time) = (Setup::before(recorder.address()), Time::new());
    setup.policies = policies;
    setup.clock = time.clock();
    (recorder, setup.start(), time)
}

fn delete(caller: &str) -> String {
    head("DELETE /v1/users/user_1", &format!("x-caller: {caller}\r\n"))
}

async fn status(gateway: &Gateway, caller: &str) -> u16 {
    gateway.ask(delete(caller)).await.status()
}

/// A ban of this many users.
fn ban(caller: &str, users: usize) -> String {
    let body = json!({ "user_ids": (0..users).map(|user| format!("user_{user}")).collect::<Vec<_>>() }).to_string();
    let fields = format!("x-caller: {caller}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
    format!("{}{body}", head("POST /v1/users/ban", &fields))
}

#[tokio::test]
async fn a_request_above_the_limit_by_its_cost_is_refused_whole() {
    let costly = LIMIT.replace("[UpdateUser, DeleteUser, GetUser]", "[UsersBan]").replace("events: 3", "events: 10");
    let costly = costly.replace("  events", "  cost: size(body.user_ids)\n  events");
    let other = costly.replace("few", "fewer").replace("events: 10", "events: 9").replace("x-caller", "x-other");
    let (recorder, gateway, time) = started(vec![text("few.yaml", &format!("{costly}---\n{other}"))]).await;
    let status = async |caller, users| gateway.ask(ban(caller, users)).await.status();
    assert_eq!(status("a", 6).await, 200);
    assert_eq!(status("a", 5).await, 429, "11 of 10");
    // what was refused did not count, nor by the limit that had room for it
    assert_eq!(status("b", 3).await, 200);
    assert_eq!(status("c", 1).await, 429, "10 of 9 by the other limit, which all share");
    time.pass(Duration::from_secs(64));
    assert_eq!(status("a", 9).await, 200);
    time.pass(Duration::from_secs(64));
    let refused = gateway.ask(ban("a", 11)).await;
    assert_eq!(refused.status(), 429);
    let error: Value = serde_json::from_slice(&refused.body).unwrap();
    let text = error["errors"][0]["long_message"].as_str().unwrap();
    assert!(text.contains("Hint: send less with one request"), "no wait helps: {text}");
    assert_eq!(recorder.seen(), 3);
}

#[tokio::test]
async fn each_caller_has_a_limit_of_its_own_and_is_told_when_to_come_back() {
    let (recorder, mut gateway, time) = started(vec![limit("", "")]).await;
    for _ in 0..3 {
        assert_eq!(status(&gateway, "a").await, 200);
        gateway.line().await;
        time.pass(Duration::from_secs(10));
    }
    let refused = gateway.ask(delete("a")).await;
    let line = gateway.line().await;
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((30..=34).contains(&wait), "{wait}");
    let decision = refused.header("portcullis-decision").unwrap();
    assert!(decision.starts_with("deny; reason=rate_limited; policy=\"few\"; id="), "{decision}");
    let error: Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(error["errors"][0]["code"], "gateway_rate_limited");
    assert_eq!(error["errors"][0]["meta"], json!({ "policy": "few" }));
    let said = error["errors"][0]["long_message"].as_str().unwrap();
    assert!(said.contains("more than 3 a minute. Hint: slow down. Owner: ops."), "{said}");
    assert_eq!(
        (&line["decision"], &line["reason"], &line["status"]),
        (&json!("deny"), &json!("rate_limited"), &json!(429))
    );
    assert_eq!(line["policies"], json!([{ "name": "few", "action": "deny" }]));
    let metrics = gateway.shared.telemetry.metrics_text();
    let counted = "portcullis_decisions_total{operation=\"DeleteUser\",policy=\"few\",action=\"deny\",reason=\"rate_limited\"} 1\n";
    assert!(metrics.contains(counted), "{metrics}");
    assert_eq!(status(&gateway, "b").await, 200, "another caller is another matter");
    assert_eq!(recorder.seen(), 4);
    time.pass(Duration::from_secs(wait - 1));
    assert_eq!(status(&gateway, "a").await, 429, "before the time that was told");
    time.pass(Duration::from_secs(1));
    assert_eq!(status(&gateway, "a").await, 200, "one of three is a minute old");
    assert_eq!(status(&gateway, "a").await, 429, "and only one");
}

#[tokio::test]
async fn requests_without_a_key_share_one_limit_and_those_without_a_body_have_one() {
    let (_recorder, gateway, _) = started(vec![limit("", "")]).await;
    let get = head("GET /v1/users/user_1", "");
    let delete = head("DELETE /v1/users/user_2", "");
    for request in [&get, &delete, &get] {
        assert_eq!(gateway.ask(request).await.status(), 200);
    }
    assert_eq!(gateway.ask(patch("{}")).await.status(), 429);
}

#[tokio::test]
async fn a_limit_is_not_walked_around_by_another_spelling() {
    let (recorder, gateway, _) = started(vec![limit("", "")]).await;
    for line in ["DELETE /v1/users/user_1/", "DELETE /v1/users//user_1", "DELETE /v1/%75sers/user_1"] {
        let answer = gateway.ask(head(line, "")).await;
        let decision = answer.header("portcullis-decision").unwrap();
        assert!(answer.status() == 400 && decision.starts_with("deny; reason=ambiguous_path;"), "{line}: {decision}");
    }
    let nominated = head("DELETE /v1/users/user_1", "x-caller: a\r\nconnection: x-caller\r\n");
    assert_eq!(gateway.ask(nominated).await.status(), 400, "the key is read from a header that would be dropped");
    assert_eq!(recorder.seen(), 0);
}

#[tokio::test]
async fn a_key_is_one_caller_however_its_header_is_spelled() {
    let counted = |name: &str, action: &str| {
        let text = LIMIT.replace("name: few", &format!("name: {name}")).replace("[Deny]", action);
        PolicyText {
            file: format!("{name}.yaml").into(),
            text: text.replace("request.headers['x-caller']", "instance.keyFingerprint"),
        }
    };
    let (recorder, mut gateway, _) = started(vec![counted("audited", "[Audit]")]).await;
    let delete = |authorization: &str| {
        let head = head("DELETE /v1/users/user_1", &format!("authorization: {authorization}\r\n"));
        head.replace("authorization: Bearer sk_live_portcullis\r\n", "")
    };
    let spellings = [
        "Bearer sk_live_one",
        "bearer sk_live_one",
        "BEARER\tsk_live_one",
        "Bearer   sk_live_one",
        "Bearer sk_live_one,",
        "sk_live_one",
    ];
    let mut callers = std::collections::BTreeSet::new();
    for (position, spelling) in spellings.iter().enumerate() {
        assert_eq!(gateway.ask(delete(spelling)).await.status(), 200, "a limit that only audits refuses nothing");
        let line = gateway.line().await;
        callers.insert((line["key"].to_string(), line["key_fingerprint"].to_string()));
        assert_eq!(line["policies"].is_array(), position >= 3, "{line}");
    }
    assert_eq!(callers.len(), 1, "{callers:?}");
    assert_eq!(recorder.seen(), spellings.len());

    let (recorder, gateway, _) = started(vec![counted("enforced", "[Deny]")]).await;
    for spelling in &spellings[1..] {
        let answer = gateway.ask(delete(spelling)).await;
        let decision = answer.header("portcullis-decision").unwrap();
        assert!(decision.starts_with("deny; reason=ambiguous_request;"), "{spelling}: {decision}");
    }
    for expected in [200, 200, 200, 429] {
        assert_eq!(gateway.ask(delete(spellings[0])).await.status(), expected);
    }
    assert_eq!(recorder.seen(), 3);
}

#[tokio::test]
async fn what_a_rule_reads_of_a_head_is_there_once() {
    let rule = text("pages.yaml", PAGES);
    let (recorder, gateway, _) = started(vec![rule]).await;
    let get = |query: &str, fields: &str| head(&format!("GET /v1/users?{query}"), fields);
    for (query, fields, status) in [
        ("limit=10", "", 200),
        ("limit=10&user_id=a&user_id=b&order_by=-created_at", "x-team: web\r\naccept: a\r\naccept: b\r\n", 200),
        ("limit=500", "", 422),
        ("limit=500", "x-team: ops\r\n", 200),
        ("limit=10&limit=500", "", 400),
        ("limit=10&limit[]=500", "", 400),
        ("Limit=500", "", 400),
        ("%6cimit=500", "", 400),
        ("a=1;limit=500", "", 400),
        ("limit=500", "x-team: ops\r\nx-team: web\r\n", 400),
        ("limit=500", "x_team: ops\r\n", 400),
        ("limit=10", "x_team: web\r\n", 400),
        ("__clerk_api_version[]=2021-02-05", "", 400),
    ] {
        let answer = gateway.ask(get(query, fields)).await;
        assert_eq!(answer.status(), status, "{query} {fields}");
    }
    assert_eq!(recorder.seen(), 3);
}

#[tokio::test]
async fn what_is_refused_counts_for_no_limit() {
    let rule = text(
        "rule.yaml",
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: { name: rule }\nspec:\n  match: { operations: [UpdateUser] }\n  \
         validations: [{ expression: body.username == null, message: no }]\n  actions: [Deny]\n",
    );
    let narrow = limit("events: 3", "events: 1").text.replace("name: few", "name: fewer").replace("UpdateUser, ", "");
    let (recorder, gateway, _) = started(vec![limit("", ""), rule, text("fewer.yaml", &narrow)]).await;
    for _ in 0..5 {
        assert_eq!(gateway.ask(patch(r#"{"username":"a"}"#)).await.status(), 422, "refused by the judge");
    }
    let delete = head("DELETE /v1/users/user_1", "");
    assert_eq!(gateway.ask(&delete).await.status(), 200);
    for _ in 0..5 {
        assert_eq!(gateway.ask(&delete).await.status(), 429, "above the narrower limit");
    }
    for expected in [200, 200, 429] {
        assert_eq!(gateway.ask(patch("{}")).await.status(), expected, "the wider one counted only what passed");
    }
    assert_eq!(recorder.seen(), 3);
}

#[tokio::test]
async fn above_a_limit_that_does_not_deny_requests_pass_and_it_is_told() {
    let audit = limit("[Deny]", "[Audit]").text.replace("name: few", "name: quiet");
    let (_recorder, mut gateway, time) = started(vec![limit("[Deny]", "[Warn]"), text("quiet.yaml", &audit)]).await;
    for _ in 0..3 {
        let answer = gateway.ask(delete("a")).await;
        assert_eq!((answer.status(), answer.header("warning")), (200, None));
        gateway.line().await;
    }
    for _ in 0..2 {
        let answer = gateway.ask(delete("a")).await;
        assert_eq!((answer.status(), answer.header("retry-after")), (200, None));
        assert_eq!(answer.header("warning"), Some("299 portcullis \"more than 3 a minute\""));
        assert_eq!(answer.header("portcullis-warning"), Some("policy=\"few\""));
        let line = gateway.line().await;
        assert_eq!(line["decision"], "allow");
        assert_eq!(
            line["policies"],
            json!([{ "name": "few", "action": "warn" }, { "name": "quiet", "action": "audit" }])
        );
    }
    // those above the limit did not count, just as if it had refused them
    time.pass(Duration::from_secs(64));
    let answer = gateway.ask(delete("a")).await;
    assert_eq!((answer.status(), answer.header("warning")), (200, None));
}

#[tokio::test]
async fn a_key_that_has_no_value_refuses_where_the_limit_denies() {
    let broken = "body.public_metadata == null ? 'a' : string(body.public_metadata.team)";
    for (action, expected) in [("Deny", 422), ("Audit", 200)] {
        let limit = limit("request.headers['x-caller']", &format!("\"{broken}\""));
        let (_recorder, mut gateway, _) =
            started(vec![text("few.yaml", &limit.text.replace("[Deny]", &format!("[{action}]")))]).await;
        assert_eq!(gateway.ask(patch("{}")).await.status(), 200);
        gateway.line().await;
        let version = "clerk-api-version: 2025-11-10\r\n";
        let answer = gateway.ask(gateway::json("PATCH /v1/users/user_1", version, r#"{"public_metadata":{}}"#)).await;
        assert_eq!(answer.status(), expected, "{action}");
        let line = gateway.line().await;
        assert_eq!(line["policies"], json!([{ "name": "few", "action": action.to_lowercase() }]));
        assert_eq!(line.get("reason"), (expected == 422).then(|| json!("policy_error")).as_ref());
    }
}

#[tokio::test]
async fn a_request_is_under_way_until_its_answer_is_sent_or_the_client_is_gone() {
    let recorder = Recorder::start(|request| match request.line() {
        "GET /v1/users/user_1 HTTP/1.1" => Reply::Nothing,
        "DELETE /v1/users/user_1 HTTP/1.1" => Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab".to_vec()),
        _ => Reply::json(200, "{}"),
    })
    .await;
    let mut setup = Setup::before(recorder.address());
    setup.policies = vec![limit("events: 3\n  period: 1m", "inFlight: 1")];
    let mut gateway = setup.start();
    for held in ["GET /v1/users/user_1", "DELETE /v1/users/user_1"] {
        let mut first = Client::connect(gateway.address).await;
        first.send(head(held, "")).await;
        recorder.request().await;
        let refused = gateway.ask(patch("{}")).await;
        assert_eq!((refused.status(), refused.header("retry-after")), (429, Some("1")), "while {held} is under way");
        assert_eq!(gateway.line().await["reason"], "rate_limited");
        let other = head("DELETE /v1/users/user_2", "x-caller: other\r\n");
        assert_eq!(gateway.ask(other).await.status(), 200, "another caller");
        gateway.line().await;
        recorder.request().await;
        drop(first);
        gateway.line().await;
        assert_eq!(gateway.ask(patch("{}")).await.status(), 200, "after {held} is gone");
        gateway.line().await;
        recorder.request().await;
    }
    for _ in 0..3 {
        assert_eq!(gateway.ask(patch("{}")).await.status(), 200, "one after the other, to the last byte");
    }
}

#[tokio::test]
async fn a_reload_gives_nobody_a_fresh_start() {
    let (_recorder, gateway, _) = started(vec![limit("", "")]).await;
    for expected in [200, 200, 200, 429] {
        assert_eq!(status(&gateway, "a").await, expected);
    }
    let reload = |from: &str, to: &str| gateway.shared.gate.replace(Arc::new(bundle(&[limit(from, to)])));
    reload("message: more", "message: again more");
    assert_eq!(status(&gateway, "a").await, 429, "the same limit in other words");
    reload("events: 3", "events: 4");
    assert_eq!((status(&gateway, "a").await, status(&gateway, "a").await), (200, 429), "one more may pass");
    reload("period: 1m", "period: 2m");
    assert_eq!(status(&gateway, "a").await, 200, "over another time");
    reload("", "");
    assert_eq!(status(&gateway, "a").await, 200, "what was not in force between is forgotten");
}

#[tokio::test]
async fn callers_at_once_on_several_workers_get_no_more_through() {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    setup.policies = vec![limit("events: 3", "events: 40")];
    setup.workers = 4;
    let gateway = setup.start();
    let address = gateway.address;
    let callers = (0..20).map(|_| async move {
        let mut client = Client::connect(address).await;
        let mut passed = 0;
        for _ in 0..5 {
            client.send(delete("a")).await;
            passed += usize::from(client.answer().await.unwrap().status() == 200);
        }
        passed
    });
    let passed: usize = callers.collect::<JoinSet<_>>().join_all().await.into_iter().sum();
    assert_eq!((passed, recorder.seen()), (40, 40));
}
