//! Records for the tests of what is made from them.

use super::{DecisionId, JudgeTiming, LocalEndpoint, Outcome, RequestRecord, ShadowOutcome, UpstreamCall};
use crate::contract::Operation;
use crate::contract::credential::{Environment, KeyClass};
use crate::judge::violation::{Action, Field, Rule, Violation};
use crate::judge::{RuleDifference, ShadowDecision, ShadowJudgement};
use crate::reason::Reason;
use crate::redact::{Fingerprint, ResponseIds, UserAgent};
use crate::telemetry::traces::{TraceContext, UpstreamTrace};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Stands where a request's own words would be; nothing made from a record may contain it.
pub(crate) const CANARY: &str = "canary_of_the_request";

fn judged_request() -> RequestRecord {
    let trace = TraceContext {
        trace_id: [0x11; 16],
        parent_span_id: Some([0x22; 8]),
        server_span_id: [0x33; 8],
        client_span_id: [0x44; 8],
        sampled: true,
        random: false,
        state: None,
        upstream: UpstreamTrace::Continued,
    };
    let mut record = RequestRecord::begin("PATCH", trace, Arc::from("0123abcd"));
    record.started = UNIX_EPOCH + Duration::new(1_778_574_600, 125_000_000);
    record.elapsed = Duration::from_micros(1234);
    record.client = Some(([127, 0, 0, 1], 50_000).into());
    record.endpoint = LocalEndpoint { scheme: "https", address: Some(([127, 0, 0, 1], 8787).into()) };
    record.decision_id = DecisionId(0xabc);
    record.operation = Some(Arc::new(Operation {
        id: Arc::from("UpdateUser"),
        method: Arc::from("PATCH"),
        path: Arc::from("/v1/users/{user_id}"),
        api_version: Arc::from("2026-05-12"),
        lists_422: true,
        also_at: Box::default(),
        query: Box::default(),
        is_added: false,
        body: None,
    }));
    record.key_class = KeyClass::Live;
    record.environment = Environment::Production;
    record.key_fingerprint = Some(Fingerprint(0xfeed));
    record.request_bytes = Some(30);
    record.response_bytes = 400;
    record.judging = Some(JudgeTiming {
        started: record.started + Duration::from_micros(100),
        parse: Duration::from_nanos(1_500),
        schema: Duration::from_nanos(500),
        policy: Duration::from_micros(1),
    });
    record
}

/// Judged and forwarded; the upstream answered 200.
pub(crate) fn allowed_request() -> RequestRecord {
    let mut record = judged_request();
    record.outcome = Outcome::Allowed;
    record.status = 200;
    record.upstream = Some(UpstreamCall {
        started: record.started + Duration::from_micros(200),
        elapsed: Duration::from_micros(900),
        status: Some(200),
        ids: ResponseIds::of(&response_head()),
        reused: true,
        peer: Some(([127, 0, 0, 1], 8443).into()),
        protocol_version: Some("1.1"),
        ..UpstreamCall::begin()
    });
    record
}

fn response_head() -> HeaderMap {
    let ids = [("clerk-trace-id", "4bf92f3577b34da6"), ("cf-ray", "9a1b2c3d4e5f6a7b-FRA")];
    ids.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).into_iter().collect()
}

/// Refused by a policy and, for a name that no one declared, by the schema.
pub(crate) fn denied_request() -> RequestRecord {
    let mut record = judged_request();
    record.outcome = Outcome::Denied;
    record.reason = Some(Reason::PolicyDenied);
    record.status = 422;
    record.violations = vec![
        Violation {
            reason: Reason::PolicyDenied,
            action: Action::Deny,
            rule: Rule::Policy(Arc::from("no-skip-password-checks")),
            field: Some(Field::Declared(String::from("/skip_password_checks"))),
            message: Arc::from("skip_password_checks is not allowed in production"),
            hint: None,
            owner: None,
            judged_by: None,
            waived_by: None,
        },
        Violation {
            reason: Reason::SchemaViolation,
            action: Action::Deny,
            rule: Rule::Keyword("additionalProperties"),
            field: Some(Field::Undeclared { parent: String::new(), name: CANARY.to_owned() }),
            message: Arc::from(format!("`{CANARY}` is not a field of UpdateUser")),
            hint: None,
            owner: None,
            judged_by: None,
            waived_by: None,
        },
    ];
    record
}

/// Judged and forwarded, for a waiver lets it past the policy.
pub(crate) fn waived_request() -> RequestRecord {
    let mut record = allowed_request();
    record.violations = denied_request().violations;
    record.violations.truncate(1);
    for violation in &mut record.violations {
        (violation.action, violation.waived_by) = (Action::Audit, Some(Arc::from("migration")));
    }
    record
}

/// Forwarded, and by the shadow bundle it would have been refused.
pub(crate) fn differing_request() -> RequestRecord {
    let mut record = waived_request();
    let difference = |rule: Rule, action, shadow_action| RuleDifference { rule, action, shadow_action };
    let judgement = ShadowJudgement {
        decision: Some(ShadowDecision::WouldRefuse),
        differences: vec![
            difference(Rule::Policy("no-skip-password-checks".into()), Some(Action::Audit), Some(Action::Deny)),
            difference(Rule::Keyword("type"), Some(Action::Audit), None),
        ],
    };
    let (revision, elapsed) = (Arc::from("89abcdef"), Duration::from_micros(2));
    record.shadow = Some(Box::new(ShadowOutcome { revision, elapsed, judgement: Some(judgement) }));
    record
}

/// Judged and forwarded, but the upstream never answered.
pub(crate) fn failed_request() -> RequestRecord {
    let mut record = allowed_request();
    record.outcome = Outcome::Failed;
    record.reason = Some(Reason::UpstreamTimeout);
    record.status = 504;
    if let Some(call) = &mut record.upstream {
        call.status = None;
        call.reused = false;
    }
    record
}

/// Refused before anything was known of it.
pub(crate) fn unrouted_request() -> RequestRecord {
    let mut record = RequestRecord::begin("_OTHER", judged_request().trace, Arc::from("0123abcd"));
    record.outcome = Outcome::Denied;
    record.reason = Some(Reason::MethodNotAllowed);
    record.status = 405;
    record
}

/// A request, and others of the same operation and bundle that differ from it, and from one another, in one thing that is
/// not a request's own.
pub(crate) fn variations() -> Vec<RequestRecord> {
    let one = allowed_request();
    let changes: [fn(&mut RequestRecord); 18] = [
        |_| {},
        |it| it.method = "POST",
        |it| it.endpoint.scheme = "http",
        |it| it.endpoint.address = Some(([127, 0, 0, 2], 8787).into()),
        |it| it.protocol_version = "2",
        |it| it.user_agent = UserAgent::of(b"curl/8.5.0"),
        |it| it.environment = Environment::Development,
        |it| it.key_class = KeyClass::Test,
        |it| it.outcome = Outcome::Exempt,
        |it| it.reason = Some(Reason::PolicyDenied),
        // remembered in the same place as 200
        |it| it.status = 264,
        |it| it.operation = None,
        |it| it.operation = judged_request().operation,
        |it| it.revision = Arc::from("4567cdef"),
        |it| it.upstream.as_mut().unwrap().status = Some(201),
        |it| it.upstream.as_mut().unwrap().reused = false,
        |it| it.upstream.as_mut().unwrap().peer = None,
        |it| it.upstream.as_mut().unwrap().protocol_version = Some("2"),
    ];
    let mut records = vec![one; changes.len()];
    records.iter_mut().zip(changes).for_each(|(record, change)| change(record));
    records
}
