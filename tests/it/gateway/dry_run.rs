//! A dry run and the live gateway decide alike: same decision, reason and status for every way to refuse a head or a body.

use crate::support::gateway::{Setup, head, json, patch, text};
use crate::support::recorder::Recorder;
use bytes::Bytes;
use http::Request;
use portcullis::contract::fallthrough::Fallthrough;
use portcullis::contract::strictness::{Mode, OperationEntry};
use portcullis::gateway::{DryRun, DryRunResult, Refusal};
use portcullis::head::{BodyFraming, HeadDefect, read};
use portcullis::reason::Reason;
use std::collections::BTreeSet;
use std::time::SystemTime;

const FAILS: &str = "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: { name: fails, labels: { owner: us } }\nspec:\n  match: { operations: [UpdateUser] }\n  matchConditions: [{ name: set, expression: has(body.first_name) }]\n  validations: [{ expression: int(body.first_name) > 0, message: fails }]\n  actions: [Deny]\n";

/// The reasons that a dry run cannot meet: they depend on bytes, time, load or the upstream.
const LIVE_ONLY: [Reason; 7] = [
    Reason::BodyTimeout,
    Reason::HeadTooLarge,
    Reason::RateLimited,
    Reason::Overloaded,
    Reason::UpstreamUnreachable,
    Reason::UpstreamTimeout,
    Reason::Internal,
];

fn chunked(line: &str, body: &str) -> Vec<u8> {
    let head = head(line, "content-type: application/json\r\ntransfer-encoding: chunked\r\n");
    format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes()
}

/// A request without and with a reason to be refused, for each check of the head and the body.
fn requests() -> Vec<Vec<u8>> {
    let user = "PATCH /v1/users/user_1";
    let audited = "POST /v1/organizations";
    let get = |headers: &str| head("GET /v1/users/user_1", headers).into_bytes();
    let typed = |kind: &str| [head(user, &format!("content-length: 2\r\n{kind}")).as_bytes(), b"{}"].concat();
    vec![
        // passes
        patch("{}"),
        patch(""),
        patch(r#"{"first_name":"1"}"#),
        get(""),
        json("DELETE /v1/users/user_1", "", "null"),
        json(audited, "", r#"{"name":5}"#),
        chunked(user, "{}"),
        // the bytes of the head
        head(user, "a: b\nc: d\r\n").into_bytes(),
        head(user, "content-length: 1\r\ncontent-length: 1\r\n").into_bytes(),
        head("PATCH /v1/users/user_1#x", "").into_bytes(),
        // the method
        head("TRACE /v1/users/user_1", "").into_bytes(),
        head("PUT /v1/users/user_1", "").into_bytes(),
        json(user, "x-http-method-override: GET\r\n", "{}"),
        // the authority and the target
        json("PATCH http://other/v1/users/user_1", "", "{}"),
        json(user, "host: other\r\n", "{}"),
        head("OPTIONS *", "").into_bytes(),
        json("PATCH /v1/%75sers/user_1", "", "{}"),
        head("GET /v1/no/such/thing", "").into_bytes(),
        json("PATCH /v1/users/user_1?first_name=x", "", "{}"),
        // the fields
        json(user, "authorization: Bearer sk_test_x\r\n", "{}"),
        json(user, "connection: authorization\r\n", "{}"),
        json(user, "content_type: text/plain\r\n", "{}"),
        json(user, "expect: something\r\n", "{}"),
        json(user, "clerk-api-version: \u{e9}\r\n", "{}"),
        json(user, "clerk-api-version: 2025-11-10\r\nclerk-api-version: 2025-11-10\r\n", "{}"),
        // a body where none belongs
        json("GET /v1/users/user_1", "", "{}"),
        json("DELETE /v1/users/user_1", "", r#"{"a":1}"#),
        // a body that is not read
        typed("content-type: text/plain\r\n"),
        typed("content-type: application/json\r\ncontent-encoding: gzip\r\n"),
        typed(""),
        patch(vec![b' '; 1025]),
        chunked(user, &" ".repeat(1025)),
        // the same where it is only audited, which passes
        chunked(audited, "{}"),
        json(audited, "content-encoding: gzip\r\n", "{}"),
        json(audited, "", vec![b' '; 1025]),
        // a body that is judged
        patch("{"),
        patch("\u{feff}{}"),
        patch(r#"{"first_name":"a","first_name":"a"}"#),
        patch(r#"{"first_name":5}"#),
        patch(r#"{"skip_password_checks":true}"#),
        patch(r#"{"first_name":"x"}"#),
    ]
}

/// The request as the server hands it to the layers.
fn parsed(bytes: &[u8]) -> Request<Bytes> {
    let (request, head) = match read(bytes, 32_768) {
        Ok(read) => read.expect("a whole head"),
        Err(defect) => return defective(defect),
    };
    let body = &bytes[head.length..];
    let body = match head.framing {
        BodyFraming::Length(_) => body,
        BodyFraming::Chunked => {
            let start = body.windows(2).position(|pair| pair == b"\r\n").expect("a chunk") + 2;
            &body[start..body.len() - "\r\n0\r\n\r\n".len()]
        }
    };
    request.map(|()| Bytes::copy_from_slice(body))
}

fn defective(defect: HeadDefect) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    request.extensions_mut().insert(defect);
    request
}

fn refusal(run: &DryRun) -> Option<&Refusal> {
    match &run.result {
        Err(refusal) => Some(refusal),
        Ok(DryRunResult::Judged(judged)) => judged.refusal.as_ref(),
        Ok(_) => None,
    }
}

#[tokio::test]
async fn a_dry_run_decides_as_the_live_gateway_does() {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    setup.policies.push(text("fails.yaml", FAILS));
    setup.strictness.fallthrough = Fallthrough::DENY;
    setup.strictness.operations =
        vec![OperationEntry { matches: "CreateOrganization".to_owned(), mode: Mode::Audit, unknown_fields: None }];
    setup.limits.body_bytes = 1024;
    let mut gateway = setup.start();
    let mut seen = BTreeSet::new();
    for bytes in requests() {
        let shown = String::from_utf8_lossy(&bytes).chars().take(200).collect::<String>();
        let response = gateway.ask(&bytes).await;
        let line = gateway.line().await;
        let (gate, bundle) = (&gateway.shared.gate, gateway.shared.gate.bundle.load_full());
        let run = gate.dry_run(&bundle, &portcullis::peer::Client::default(), SystemTime::now(), &parsed(&bytes));
        let refusal = refusal(&run);
        let reason = refusal.map(|refusal| refusal.reason.as_str());
        assert_eq!(reason, line["reason"].as_str(), "{shown}\n{line}");
        assert_eq!(refusal.map_or(200, Refusal::status), response.status(), "{shown}\n{line}");
        let unread = matches!(run.result, Ok(DryRunResult::Unread(_)));
        assert!(!unread || !line["audited"].is_null(), "{shown}\n{line}");
        seen.extend(refusal.map(|refusal| refusal.reason));
    }
    let expected: BTreeSet<_> = Reason::ALL.into_iter().filter(|reason| !LIVE_ONLY.contains(reason)).collect();
    assert_eq!(seen, expected, "the table has a request for each reason");
}
