//! Limits: what loading finds wrong with them, and which requests they count by what.

use super::{client, contract};
use crate::cel::EvaluationError;
use crate::contract::credential::Environment;
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::manifest;
use crate::peer::Client;
use crate::policy::lint::bypass::lint_limit;
use crate::policy::{
    Attributes, Instance, Key, Limit, LimitOutcome, LimitPart, OutOfScope, RequestLimit, compile_limit,
};
use crate::redact::Fingerprint;
use http::HeaderMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// A limit with which nothing is wrong.
const SOUND: &str = "\
apiVersion: portcullis/v1
kind: RequestLimit
metadata: { name: rule, labels: { owner: us } }
spec:
  match: { operations: [UpdateUser, DeleteUser], environments: [production] }
  variables:
    - { name: team, expression: \"body.public_metadata == null ? 'none' : string(body.public_metadata.team)\" }
  matchConditions:
    - { name: changes, expression: body.password != null }
  key: client.spiffeId
  events: 30
  period: 1m
  inFlight: 2
  message: no
  actions: [Deny]
";

fn load(text: &str) -> Result<Limit, Vec<Diagnostic>> {
    let manifests = manifest::read::<RequestLimit>(Path::new("rule.yaml"), text)?;
    compile_limit(&manifests[0], contract())
}

/// Every mistake in `text`, each as `line:column what is wrong [the cure]`.
fn told(text: &str) -> String {
    let told = load(text).err().unwrap_or_default().into_iter().map(|mistake| {
        let place = mistake.to_string();
        let cure = mistake.help.as_ref().map(|help| format!(" [{help}]")).unwrap_or_default();
        format!("{}{cure}", place.strip_prefix("rule.yaml:").unwrap_or(&place))
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn nothing_is_wrong_with_the_sound_one() {
    assert_eq!(told(SOUND), "");
    for key in [
        "client.spiffeId != null ? client.spiffeId : instance.keyFingerprint",
        "variables.team",
        "request.headers['x-tenant']",
        "string(body.create_organizations_limit)",
        "client.unixUid",
        "request.operation + '/' + request.params.user_id",
        "body.username != null ? 1u : 2u",
    ] {
        assert_eq!(told(&SOUND.replace("key: client.spiffeId", &format!("key: \"{key}\""))), "", "{key}");
    }
}

/// In place of a part of the limit: what is wrong with it.
const PARTS: [(&str, &str, &str); 33] = [
    (
        "events: 30",
        "events: 30\n  cost: size(body.password)",
        "12:9: the cost may hold something of `password`, which the contract marks as a secret [conditions may test a secret]",
    ),
    (
        "events: 30",
        "events: 30\n  cost: body.create_organizations_limit",
        "12:9: the cost may be a number or null, and must be an int or a uint [convert it, as in `int(...)`]",
    ),
    (
        "events: 30",
        "events: 30\n  cost: body.username",
        "12:9: the cost may be a string or null, and must be an int or a uint [convert it, as in `int(...)`]",
    ),
    (
        "events: 30",
        "events: 30\n  cost: 15 + 16",
        "12:9: the cost is more than `events`, so that no request passes [to refuse every request, write a policy]",
    ),
    (
        "events: 30",
        "events: 30\n  cost: 1 - 1",
        "12:9: the cost is below 1 [leave `cost` out to count each request as 1]",
    ),
    (
        "  events: 30\n  period: 1m\n",
        "  cost: size(body.username)\n",
        "11:9: `cost` needs `events` beside it [`inFlight` counts requests, whatever they cost]",
    ),
    (
        "events: 30",
        "events: 30\n  cost: size(body.usernam)",
        "12:19: `usernam` is not a field of any operation that this policy matches [did you mean `username`?]",
    ),
    (
        "key: client.spiffeId",
        "key: body.password",
        "10:8: the key may hold something of `password`, which the contract marks as a secret [group by the caller, as in `client.spiffeId`; conditions may test a secret]",
    ),
    (
        "key: client.spiffeId",
        "key: size(body.password_digest)",
        "10:8: the key may hold something of `password_digest`, which the contract marks as a secret [group by the caller, as in `client.spiffeId`; conditions may test a secret]",
    ),
    (
        "key: client.spiffeId",
        "key: string(body[request.headers['x-field']])",
        "10:8: the key may hold something of `backup_codes`, which the contract marks as a secret [group by the caller, as in `client.spiffeId`; conditions may test a secret]",
    ),
    (
        "string(body.public_metadata.team)\" }\n  matchConditions:\n    - { name: changes, expression: body.password != null }\n  key: client.spiffeId",
        "string(body.totp_secret)\" }\n  matchConditions:\n    - { name: changes, expression: body.password != null }\n  key: variables.team",
        "10:8: the key may hold something of `totp_secret`, which the contract marks as a secret [group by the caller, as in `client.spiffeId`; conditions may test a secret]",
    ),
    (
        "key: client.spiffeId",
        "key: \"'everyone'\"",
        "10:9: the key is the same for every request [leave `key` out to count all requests together]",
    ),
    (
        "key: client.spiffeId",
        "key: client.dnsNames",
        "10:8: the key may be a list, and must be a bool, an int, a uint, a string or null [convert it, as in `string(...)`]",
    ),
    (
        "key: client.spiffeId",
        "key: body.create_organizations_limit",
        "10:8: the key may be a number or null, and must be a bool, an int, a uint, a string or null [convert it, as in `string(...)`]",
    ),
    (
        "key: client.spiffeId",
        "key: request.time",
        "10:8: the key may be a timestamp, and must be a bool, an int, a uint, a string or null [convert it, as in `string(...)`]",
    ),
    (
        "key: client.spiffeId",
        "key: client.spiffe",
        "10:15: `spiffe` is not a member of `client` [did you mean `spiffeId`?]",
    ),
    (
        "key: client.spiffeId",
        "key: instance.keyFingerprnt",
        "10:17: `keyFingerprnt` is not a member of `instance` [did you mean `keyFingerprint`?]",
    ),
    ("key: client.spiffeId", "key: params.tenant", "10:15: `tenant` is not one of the policy's `params`"),
    ("key: client.spiffeId", "key: ''", "10:9: the expression is empty"),
    ("events: 30", "events: 0", "11:11: `spec.events` must be at least 1"),
    ("events: 30", "events: -1", "11:11: `spec.events` must be at least 1"),
    ("events: 30", "events: \"30\"", "11:11: `spec.events` must be a whole number, found text"),
    ("inFlight: 2", "inFlight: 0", "13:13: `spec.inFlight` must be at least 1"),
    (
        "period: 1m",
        "period: 1 minute",
        "12:11: `period` must be a time [write a whole number and `ms`, `s`, `m` or `h`, such as `500ms` or `10s`]",
    ),
    (
        "period: 1m",
        "period: 48h",
        "12:11: `period` must be at most `24h` [write a whole number and `ms`, `s`, `m` or `h`, such as `500ms` or `10s`]",
    ),
    ("  period: 1m\n", "", "11:3: `events` needs `period` beside it [such as `period: 1m`]"),
    ("  events: 30\n", "", "11:3: `period` needs `events` beside it [such as `events: 30`]"),
    (
        "  events: 30\n  period: 1m\n  inFlight: 2\n",
        "",
        "4:1: the limit limits nothing [give it `events` and `period`, or `inFlight`, or all three]",
    ),
    ("inFlight", "inflight", "13:3: unknown key `inflight` in `spec` [did you mean `inFlight`?]"),
    ("DeleteUser]", "DeleteUsr]", "5:37: `DeleteUsr` is not an operation of the contract [did you mean `DeleteUser`?]"),
    (
        "expression: body.password != null",
        "expression: body.pasword != null",
        "9:41: `pasword` is not a field of any operation that this policy matches [did you mean `password`?]",
    ),
    ("message: no", "message: ''", "14:12: `message` is empty; the caller needs a reason"),
    ("actions: [Deny]", "actions: []", "15:12: `actions` is empty; it must hold `Deny`, `Warn` or `Audit`"),
];

#[test]
fn mistakes_are_told_with_place_and_cure() {
    let mut wrong = Vec::new();
    for (part, planted, expected) in PARTS {
        assert!(SOUND.contains(part), "{part}");
        let found = told(&SOUND.replace(part, planted));
        if found != expected {
            wrong.push(format!("{planted}\n  {found}\n  {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `limit` says of an `UpdateUser` of `client` with `body`.
fn claim(limit: &Limit, client: &Client, environment: Environment, body: &str) -> LimitOutcome {
    let operations = contract().operations();
    // the newest version that takes metadata here
    let newest = operations.into_iter().rfind(|it| it.id.as_ref() == "UpdateUser" && &*it.api_version < "2026");
    let headers = HeaderMap::new();
    let attributes = Attributes {
        method: "PATCH",
        path: "/v1/users/user_1",
        parameters: &[("user_id".into(), "user_1".into())],
        query: "",
        headers: &headers,
        environment,
        key_fingerprint: Some(Fingerprint(0xfeed)),
        instance: &Instance::UNNAMED,
        client,
        time: UNIX_EPOCH + Duration::from_secs(1_000_000_000),
    };
    let document = Arc::new(Document::parse(bytes::Bytes::copy_from_slice(body.as_bytes())).expect(body));
    limit.evaluate(&newest.expect("in the contract"), Some(&document), &attributes)
}

fn counted(key: Key) -> LimitOutcome {
    LimitOutcome::Counted { key, cost: 1 }
}

fn text(text: &str) -> LimitOutcome {
    counted(Key::Text(text.into()))
}

#[test]
fn requests_count_by_the_value_of_the_key() {
    let password = r#"{"password":"x","username":"u","public_metadata":{"team":7}}"#;
    let keyed = |key: &str| load(&SOUND.replace("client.spiffeId", key)).expect(key);
    let of = |key: &str| claim(&keyed(key), &client(), Environment::Production, password);
    assert_eq!(of("client.spiffeId"), text("spiffe://example.org/billing"));
    assert_eq!(of("instance.keyFingerprint"), text("000000000000feed"));
    assert_eq!(of("client.unixUid"), counted(Key::Null));
    assert_eq!(of("body.username != null"), counted(Key::Bool(true)));
    assert_eq!(of("size(body.username)"), counted(Key::Number(1)));
    assert_eq!(of("uint(size(body.username))"), counted(Key::Number(1)));
    assert_eq!(of("variables.team"), text("7"));
    let together = load(&SOUND.replace("  key: client.spiffeId\n", "")).expect("sound");
    assert_eq!(claim(&together, &client(), Environment::Production, password), counted(Key::Null));
}

#[test]
fn what_does_not_match_does_not_count_and_what_fails_is_told() {
    let limit = load(&SOUND.replace("client.spiffeId", "variables.team")).expect("sound");
    let of = |environment, body| claim(&limit, &client(), environment, body);
    assert_eq!(of(Environment::Development, "{}"), LimitOutcome::NotCounted(OutOfScope::OtherEnvironment));
    assert_eq!(of(Environment::Production, "{}"), LimitOutcome::NotCounted(OutOfScope::NoMatch(0)));
    let failed = of(Environment::Production, r#"{"password":"x","public_metadata":{}}"#);
    assert_eq!(failed, LimitOutcome::Failed(LimitPart::Key, EvaluationError::NoSuchOverload));
    let condition = load(&SOUND.replace("body.password != null }", "body.public_metadata.n > 3 }")).expect("sound");
    let failed = claim(&condition, &client(), Environment::Production, r#"{"public_metadata":{}}"#);
    assert_eq!(failed, LimitOutcome::NotCounted(OutOfScope::Failed(0, EvaluationError::NoSuchOverload)));
}

#[test]
fn a_request_costs_what_its_expression_has() {
    let of = |cost: &str, body: &str| {
        let text =
            SOUND.replace("events: 30", &format!("events: 30\n  cost: \"{cost}\"")).replace("client.spiffeId", "''");
        let limit = load(&text.replace("  key: ''\n", "")).expect(cost);
        let body = body.replace('{', r#"{"password":"x","#);
        claim(&limit, &client(), Environment::Production, &body)
    };
    let cost = |cost| LimitOutcome::Counted { key: Key::Null, cost };
    assert_eq!(of("size(body.username)", r#"{"username":"ada"}"#), cost(3));
    assert_eq!(of("body.username == null ? 7 : size(body.username)", r#"{"skip_password_checks":true}"#), cost(7));
    assert_eq!(of("uint(size(body.username))", r#"{"username":"ada"}"#), cost(3));
    // a caller cannot count for nothing, or less, or beyond what can be counted
    assert_eq!(of("size(body.username) - 3", r#"{"username":"ada"}"#), cost(1));
    assert_eq!(of("size(body.username) - 30", r#"{"username":"ada"}"#), cost(1));
    assert_eq!(of("size(body.username) * 9000000000", r#"{"username":"ada"}"#), cost(u32::MAX));
    let failed = LimitOutcome::Failed(LimitPart::Cost, EvaluationError::NoSuchOverload);
    assert_eq!(of("size(body.username)", r#"{"username":null}"#), failed);
    let overflow = of("size(body.username) + 9223372036854775807", r#"{"username":"ada"}"#);
    assert!(matches!(overflow, LimitOutcome::Failed(LimitPart::Cost, _)), "{overflow:?}");
}

#[test]
fn counts_mean_the_same_while_key_and_period_do() {
    let identity = |from: &str, to: &str| load(&SOUND.replace(from, to)).expect(to).identity;
    let own = identity("", "");
    for (from, to) in
        [("events: 30", "events: 60"), ("[Deny]", "[Audit]"), ("message: no", "message: yes"), ("Fl", "Fl")]
    {
        assert_eq!(identity(from, to), own, "{to}");
    }
    let others = [
        ("name: rule", "name: other"),
        ("1m", "1h"),
        ("client.spiffeId", "client.ip"),
        ("period: 1m", "period: 1m\n  cost: '2'"),
        ("'none'", "'no team'"),
    ];
    for (from, to) in others {
        assert_ne!(identity(from, to), own, "{to}");
    }
}

#[test]
fn an_operation_by_which_a_limit_is_walked_around_is_told() {
    let lints = |text: &str| {
        let manifests = manifest::read::<RequestLimit>(Path::new("rule.yaml"), text).expect("sound");
        let limit = compile_limit(&manifests[0], contract()).expect("sound");
        lint_limit(&manifests[0], &limit, contract()).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let found = lints(SOUND);
    assert_eq!(found.len(), 4, "{found:?}");
    for (warning, text) in found.iter().zip([
        "`CreateUser`, `PlatformCreateInstanceUser` take `password_digest`, which does the same harm (`sets_password`), and `rule` does not match them",
        "`UpdateUser` takes `password_digest`, which does the same harm (`sets_password`), and `rule` does not read it",
        "`CreateUser`, `PlatformCreateInstanceUser`, `VerifyPassword` take `password` too, and `rule` does not match them",
        "`PlatformDeleteUser` is `DeleteUser` in another API on the same host, and `rule` does not match it",
    ]) {
        assert_eq!(*warning, format!("rule.yaml:5:24: {text}"));
    }
    let others = lints(&SOUND.replace(
        "[UpdateUser,",
        "[CreateUser, PlatformCreateInstanceUser, PlatformDeleteUser, UpdateUser, VerifyPassword,",
    ));
    assert!(others.iter().all(|lint| lint.contains("`password_digest`")), "{others:?}");
}

#[test]
fn a_key_is_not_shown_by_accident() {
    assert_eq!(format!("{:?}", text("canary")), "Counted { key: Text, cost: 1 }");
    assert!(!format!("{:?}", [Key::Number(4711), Key::Bool(true)]).contains("4711"));
}
