//! Telemetry without a gateway before it, and records of requests that never were.

use http::{HeaderMap, HeaderValue};
use portcullis::config::gateway::{AccessLogTarget, AlwaysExport, Logs, Sampler, Traces, UpstreamTarget};
use portcullis::contract::Operation;
use portcullis::judge::violation::{Action, Field, Rule, Violation};
use portcullis::reason::Reason;
use portcullis::telemetry::record::{JudgeTiming, Outcome, RequestRecord, UpstreamCall};
use portcullis::telemetry::{Output, Setup, Telemetry};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// Stands where a request's own words would be.
pub(crate) const CANARY: &str = "canary_of_the_request";
/// The trace and span that [`called`] is by.
pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const PARENT: &str = "00f067aa0ba902b7";
pub(crate) const LONG: Duration = Duration::from_secs(10);

/// Telemetry by these variables alone, on this runtime.
pub(crate) fn telemetry(variables: &[(&str, String)], sampler: Sampler) -> Telemetry {
    let lookup = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.clone());
    let setup = Setup {
        logs: &Logs { access: AccessLogTarget::Off, ..Logs::default() },
        traces: &Traces {
            sampler,
            always_export: vec![AlwaysExport::Denied],
            slow_threshold: LONG,
            send_to_upstream: true,
        },
        upstream: &UpstreamTarget::Url { tls: true, host: String::from("api.example.com"), port: 443 },
        instance: &portcullis::policy::Instance::UNNAMED,
        output: Output::new(io::sink(), false),
        decisions: None,
        environment: &lookup,
        runtime: Handle::current(),
    };
    Telemetry::start(setup).expect("telemetry")
}

/// The headers of a request that belongs to a trace.
pub(crate) fn called() -> HeaderMap {
    let parent = HeaderValue::from_str(&format!("00-{TRACE}-{PARENT}-01")).expect("a header value");
    HeaderMap::from_iter([(http::HeaderName::from_static("traceparent"), parent)])
}

fn routed(telemetry: &Telemetry, headers: &HeaderMap) -> RequestRecord {
    let mut record = RequestRecord::begin("PATCH", telemetry.begin(headers), Arc::from("0123abcd"));
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
    (record.elapsed, record.request_bytes) = (Duration::from_millis(2), Some(30));
    let step = Duration::from_micros(1);
    record.judging = Some(JudgeTiming { started: record.started, parse: step, schema: step, policy: step });
    record
}

/// A request that was judged and forwarded.
pub(crate) fn allowed(telemetry: &Telemetry, headers: &HeaderMap) -> RequestRecord {
    let mut record = routed(telemetry, headers);
    record.outcome = Outcome::Allowed;
    record.status = 200;
    record.upstream = Some(UpstreamCall {
        started: record.started,
        elapsed: Duration::from_millis(1),
        status: Some(200),
        reused: false,
        connect: Some(Duration::from_micros(300)),
        ..UpstreamCall::begin()
    });
    record
}

/// A request that was refused, with [`CANARY`] where its own words would be.
pub(crate) fn denied(telemetry: &Telemetry, headers: &HeaderMap) -> RequestRecord {
    let mut record = routed(telemetry, headers);
    record.outcome = Outcome::Denied;
    record.reason = Some(Reason::PolicyDenied);
    record.status = 422;
    let policy = Rule::Policy(Arc::from("no-skip-password-checks"));
    let declared = Field::Declared(String::from("skip_password_checks"));
    let undeclared = Field::Undeclared { parent: String::new(), name: CANARY.to_owned() };
    record.violations = vec![
        violation(Reason::PolicyDenied, policy, declared),
        violation(Reason::SchemaViolation, Rule::Keyword("additionalProperties"), undeclared),
    ];
    record
}

fn violation(reason: Reason, rule: Rule, field: Field) -> Violation {
    let message = Arc::from(format!("{CANARY} is in the message"));
    Violation {
        reason,
        action: Action::Deny,
        rule,
        field: Some(field),
        message,
        hint: None,
        owner: None,
        judged_by: None,
        waived_by: None,
    }
}
