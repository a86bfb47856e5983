//! A refusal, and the answer it becomes: Clerk's error document, so that every official SDK raises its typed error.

use crate::contract::Operation;
use crate::judge::violation::{Rule, Violation};
use crate::policy::Action;
use crate::reason::Reason;
use crate::telemetry::record::{Outcome, RequestRecord};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::fmt::Write;

/// Most errors that a refusal lists; the rest would help no one.
const MOST_ERRORS: usize = 32;

/// Why a request goes no further. What rules found is in its record.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Why, from the closed list.
    pub reason: Reason,
    status: u16,
    message: Cow<'static, str>,
    /// Seconds after which a client that met a limit may try again. Whole seconds: SDKs read nothing else.
    retry_after: u64,
    /// What the refusal means for the request.
    pub(super) outcome: Outcome,
}

impl Refusal {
    /// For a reason that says it all.
    pub(super) const fn of(reason: Reason) -> Self {
        let message = Cow::Borrowed(reason.meaning());
        Self { reason, status: reason.status(), message, retry_after: 1, outcome: outcome(reason) }
    }

    /// For a reason, in words that fit the case. They hold nothing of the request but names of the contract.
    pub(super) fn because(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..Self::of(reason) }
    }

    /// For a client that broke off in the middle of its body. It may still listen, if it closed its sending side only.
    pub(super) fn broken_off() -> Self {
        let refusal = Self::because(Reason::AmbiguousRequest, "the client broke off the body");
        Self { outcome: Outcome::Aborted, ..refusal }
    }

    /// The status of the answer.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Why, in words that fit the case.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// With another status than the reason's own.
    pub(super) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// For a client that may try again after `seconds`.
    pub(super) fn with_retry_after(self, seconds: u64) -> Self {
        Self { retry_after: seconds, ..self }
    }

    /// For what the judge found. Typed SDKs know 422 only where the contract lists it.
    pub(super) fn for_operation(reason: Reason, operation: &Operation) -> Self {
        let status = match reason.status() {
            422 if !operation.lists_422 => 400,
            status => status,
        };
        Self { status, ..Self::of(reason) }
    }
}

/// The answer for `refused`, in the shape of Clerk's errors. The `Content-Type` is exact: the JS SDK compares it byte by
/// byte; `long_message` is always there: the Python SDK's type requires it.
pub(super) fn refusal(record: &RequestRecord, refused: &Refusal) -> Response<Bytes> {
    let denied = record.violations.iter().filter(|violation| violation.action == Action::Deny);
    let mut errors: Vec<Value> = denied.take(MOST_ERRORS).map(|violation| error(record, violation)).collect();
    if errors.is_empty() {
        errors.push(plain_error(record, refused));
    }
    let mut trace_id = String::new();
    for byte in record.trace.trace_id {
        // writing to a `String` cannot fail
        let _ = write!(trace_id, "{byte:02x}");
    }
    let document = json!({ "errors": errors, "clerk_trace_id": trace_id });
    let mut response = Response::new(Bytes::from(document.to_string()));
    *response.status_mut() = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(decision) = HeaderValue::try_from(decision(record, refused)) {
        headers.insert("portcullis-decision", decision);
    }
    if matches!(refused.reason, Reason::RateLimited | Reason::Overloaded) {
        headers.insert(RETRY_AFTER, refused.retry_after.into());
    }
    response
}

/// What a refusal for `reason` means for the request: it failed where the fault is not the request's.
const fn outcome(reason: Reason) -> Outcome {
    match reason {
        Reason::UpstreamUnreachable | Reason::UpstreamTimeout | Reason::Internal => Outcome::Failed,
        _ => Outcome::Denied,
    }
}

fn decision(record: &RequestRecord, refused: &Refusal) -> String {
    let policies = record.violations.iter().filter(|violation| violation.action == Action::Deny);
    let policy = policies.filter_map(|violation| match &violation.rule {
        Rule::Policy(name) => Some(format!("; policy=\"{name}\"")),
        Rule::Keyword(_) | Rule::Gateway => None,
    });
    let policy = policy.take(1).collect::<String>();
    let (outcome, reason) = (refused.outcome.as_str(), refused.reason.as_str());
    format!("{outcome}; reason={reason}{policy}; id=\"{}\"", record.decision_id)
}

fn error(record: &RequestRecord, violation: &Violation) -> Value {
    let mut meta = Map::new();
    let field = violation.field.as_ref().map(crate::contract::field::Field::for_caller);
    if let Some(field) = &field {
        meta.insert("param_name".to_owned(), parameter(field).into());
    }
    if let Rule::Policy(name) = &violation.rule {
        meta.insert("policy".to_owned(), name.as_ref().into());
    }
    json!({
        "code": violation.reason.code(),
        "message": violation.message.as_ref(),
        "long_message": long_message(record, violation, field.as_deref()),
        "meta": meta,
    })
}

/// The name of the parameter that an SDK shows: the first name of a pointer.
fn parameter(field: &str) -> &str {
    field.strip_prefix('/').map_or(field, |pointer| pointer.split('/').next().unwrap_or(pointer))
}

fn long_message(record: &RequestRecord, violation: &Violation, field: Option<&str>) -> String {
    let what = field.map_or_else(|| "the request".to_owned(), |field| format!("`{field}`"));
    let rule = match &violation.rule {
        Rule::Policy(name) => format!("Policy `{name}` refused {what}"),
        Rule::Keyword(keyword) => format!("The contract's `{keyword}` refused {what}"),
        Rule::Gateway => format!("The gateway refused {what}"),
    };
    let mut text = format!("{rule} for {} in {}: {}.", record.operation_id(), record.environment, violation.message);
    // writing to a `String` cannot fail
    // The author of a policy decides what its callers read; all other rules are the gateway's own, and documented.
    let is_of_policy = matches!(violation.rule, Rule::Policy(_));
    let fix = (!is_of_policy).then(|| violation.reason.fix());
    if let Some(hint) = violation.hint.as_deref().or(fix) {
        let _ = write!(text, " Hint: {hint}");
        if !hint.ends_with(['?', '.']) {
            text.push('.');
        }
    }
    if let Some(owner) = &violation.owner {
        let _ = write!(text, " Owner: {owner}.");
    }
    let _ = write!(text, " Decision {}.", record.decision_id);
    if !is_of_policy {
        let _ = write!(text, " See {}.", violation.reason.link());
    }
    text
}

fn plain_error(record: &RequestRecord, refused: &Refusal) -> Value {
    // the upstream may have the request, and may have done what it asks for
    let what = match refused.reason {
        Reason::UpstreamUnreachable | Reason::UpstreamTimeout => "got no answer to the request",
        _ => "did not forward the request",
    };
    let long_message = format!(
        "The gateway {what}: {}. Hint: {}. Decision {}. See {}.",
        refused.message,
        refused.reason.fix(),
        record.decision_id,
        refused.reason.link()
    );
    json!({ "code": refused.reason.code(), "message": refused.message, "long_message": long_message, "meta": {} })
}
