//! A refusal, and its response: Clerk's error document, so that every official SDK raises its typed error.

use crate::contract::Operation;
use crate::document::write_quoted;
use crate::judge::violation::{Rule, Violation};
use crate::policy::Action;
use crate::reason::Reason;
use crate::telemetry::record::{Outcome, RequestRecord};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use std::borrow::Cow;
use std::fmt::Write;

/// Most errors that a refusal lists.
const MAX_ERRORS: usize = 32;

/// Why a request is not forwarded. The violations are in its record.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The reason code.
    pub reason: Reason,
    status: u16,
    message: Cow<'static, str>,
    /// What the caller can change.
    fix: &'static str,
    /// Seconds after which a client above a limit may try again.
    // whole seconds: the SDKs parse no HTTP date and no fraction in `Retry-After`
    retry_after: u64,
    /// The outcome of the request.
    pub(super) outcome: Outcome,
}

impl Refusal {
    /// A refusal with the message of `reason`.
    pub(super) const fn of(reason: Reason) -> Self {
        let message = Cow::Borrowed(reason.meaning());
        Self { reason, status: reason.status(), message, fix: reason.fix(), retry_after: 1, outcome: outcome(reason) }
    }

    /// A refusal with a message of its own.
    // a message must hold nothing of the request but names from the contract: it goes to logs, too
    pub(super) fn because(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..Self::of(reason) }
    }

    /// A refusal of a head with more than one meaning.
    // with a fix of its own: the causes have nothing in common that a caller could change
    pub(super) fn ambiguous(message: impl Into<Cow<'static, str>>, fix: &'static str) -> Self {
        Self::because(Reason::AmbiguousRequest, message).with_fix(fix)
    }

    /// A refusal for a client that closed in the middle of its body.
    // answered all the same: a client that closed only its sending side still reads
    pub(super) fn broken_off() -> Self {
        let refusal = Self::ambiguous("the client broke off the body", "send the body to its end before you close");
        Self { outcome: Outcome::Aborted, ..refusal }
    }

    /// The HTTP status of the response.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The message for the caller.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same with another fix than the reason's.
    pub(super) fn with_fix(self, fix: &'static str) -> Self {
        Self { fix, ..self }
    }

    /// The same with a `Retry-After` of `seconds`.
    pub(super) fn with_retry_after(self, seconds: u64) -> Self {
        Self { retry_after: seconds, ..self }
    }

    /// A refusal by the judge. 422 becomes 400 if the contract does not list it: typed SDKs know only listed statuses.
    pub(super) fn for_operation(reason: Reason, operation: &Operation) -> Self {
        let status = match reason.status() {
            422 if !operation.lists_422 => 400,
            status => status,
        };
        Self { status, ..Self::of(reason) }
    }
}

/// One error of Clerk's document of errors.
struct ErrorEntry<'r> {
    code: String,
    long_message: String,
    message: &'r str,
    /// The parameter that SDKs show.
    param_name: Option<String>,
    policy: Option<&'r str>,
}

impl ErrorEntry<'_> {
    /// Appends it as JSON.
    // `long_message` is always there: the type of the Python SDK requires it
    fn write(&self, json: &mut Vec<u8>) {
        write_member(json, b"{\"code\":", &self.code);
        write_member(json, b",\"long_message\":", &self.long_message);
        write_member(json, b",\"message\":", self.message);
        json.extend_from_slice(b",\"meta\":{");
        if let Some(name) = &self.param_name {
            write_member(json, b"\"param_name\":", name);
        }
        if let Some(policy) = self.policy {
            let name: &[u8] = if self.param_name.is_some() { b",\"policy\":" } else { b"\"policy\":" };
            write_member(json, name, policy);
        }
        json.extend_from_slice(b"}}");
    }
}

/// Clerk's document of `errors`.
//
// Not by `serde_json`, which looks at each byte of the messages: that was a tenth of the time for a refusal.
fn error_document(clerk_trace_id: &str, errors: &[ErrorEntry<'_>]) -> Vec<u8> {
    let mut json = Vec::with_capacity(1024);
    write_member(&mut json, b"{\"clerk_trace_id\":", clerk_trace_id);
    json.extend_from_slice(b",\"errors\":[");
    for (position, error) in errors.iter().enumerate() {
        if position > 0 {
            json.push(b',');
        }
        error.write(&mut json);
    }
    json.extend_from_slice(b"]}");
    json
}

/// Appends `before`, which has the name of a member, and its value.
fn write_member(json: &mut Vec<u8>, before: &[u8], value: &str) {
    json.extend_from_slice(before);
    write_quoted(json, value);
}

/// The response for `refusal`, in the shape of Clerk's errors.
pub(super) fn refusal_response(record: &RequestRecord, refusal: &Refusal) -> Response<Bytes> {
    let id = record.decision_id.to_string();
    let denied = record.violations.iter().filter(|violation| violation.action == Action::Deny);
    let mut errors: Vec<ErrorEntry<'_>> =
        denied.take(MAX_ERRORS).map(|violation| error(record, violation, &id)).collect();
    if errors.is_empty() {
        errors.push(plain_error(refusal, &id));
    }
    let clerk_trace_id = record.trace.id().to_string();
    let mut response = Response::new(Bytes::from(error_document(&clerk_trace_id, &errors)));
    *response.status_mut() = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    // exact, without a charset: the JS SDK compares the media type byte by byte
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(decision) = HeaderValue::try_from(decision(record, refusal, &id)) {
        headers.insert("portcullis-decision", decision);
    }
    if matches!(refusal.reason, Reason::RateLimited | Reason::Overloaded) {
        headers.insert(RETRY_AFTER, refusal.retry_after.into());
    }
    response
}

/// The outcome of a request that is refused for `reason`: it failed if the fault is not the request's.
const fn outcome(reason: Reason) -> Outcome {
    match reason {
        Reason::UpstreamUnreachable | Reason::UpstreamTimeout | Reason::Internal => Outcome::Failed,
        _ => Outcome::Denied,
    }
}

fn decision(record: &RequestRecord, refusal: &Refusal, id: &str) -> String {
    let mut text = String::with_capacity(128);
    append(&mut text, &[refusal.outcome.as_str(), "; reason=", refusal.reason.as_str()]);
    let mut denied = record.violations.iter().filter(|violation| violation.action == Action::Deny);
    if let Some(name) = denied.find_map(policy_name) {
        append(&mut text, &["; policy=\"", name, "\""]);
    }
    append(&mut text, &["; id=\"", id, "\""]);
    text
}

fn policy_name(violation: &Violation) -> Option<&str> {
    match &violation.rule {
        Rule::Policy(name) => Some(name),
        Rule::Keyword(_) | Rule::Gateway => None,
    }
}

// a refusal costs no more than a request that is forwarded: its texts are put together without `format!`, of which each argument
// takes a call, and each result an allocation
fn append(text: &mut String, parts: &[&str]) {
    for part in parts {
        text.push_str(part);
    }
}

fn error<'r>(record: &RequestRecord, violation: &'r Violation, id: &str) -> ErrorEntry<'r> {
    let field = violation.field.as_ref().map(crate::contract::field::Field::for_caller);
    ErrorEntry {
        code: violation.reason.code(),
        long_message: long_message(record, violation, field.as_deref(), id),
        message: &violation.message,
        param_name: field.map(|field| parameter(&field).to_owned()),
        policy: policy_name(violation),
    }
}

/// The parameter name that an SDK shows: the first segment of a JSON pointer.
fn parameter(field: &str) -> &str {
    field.strip_prefix('/').map_or(field, |pointer| pointer.split('/').next().unwrap_or(pointer))
}

fn long_message(record: &RequestRecord, violation: &Violation, field: Option<&str>, id: &str) -> String {
    let mut text = String::with_capacity(512);
    match &violation.rule {
        Rule::Policy(name) => append(&mut text, &["Policy `", name, "` refused "]),
        Rule::Keyword(keyword) => append(&mut text, &["The contract's `", keyword, "` refused "]),
        Rule::Gateway => text.push_str("The gateway refused "),
    }
    match field {
        Some(field) => append(&mut text, &["`", field, "`"]),
        None => text.push_str("the request"),
    }
    let environment = record.environment.as_str();
    append(&mut text, &[" for ", record.operation_id(), " in ", environment, ": ", &violation.message, "."]);
    if let Some(judged_by) = &violation.judged_by {
        // writing to a `String` cannot fail
        let _ = write!(text, " It was {judged_by}.");
    }
    // The author of a policy decides what its callers read; all other rules are the gateway's own, and documented.
    let is_of_policy = matches!(violation.rule, Rule::Policy(_));
    let fix = (!is_of_policy).then(|| violation.reason.fix());
    if let Some(hint) = violation.hint.as_deref().or(fix) {
        append(&mut text, &[" Hint: ", hint]);
        if !hint.ends_with(['?', '.']) {
            text.push('.');
        }
    }
    if let Some(owner) = &violation.owner {
        append(&mut text, &[" Owner: ", owner, "."]);
    }
    append(&mut text, &[" Decision ", id, "."]);
    if !is_of_policy {
        append(&mut text, &[" See ", &violation.reason.link(), "."]);
    }
    text
}

fn plain_error<'r>(refusal: &'r Refusal, id: &str) -> ErrorEntry<'r> {
    // the upstream may have received the request and acted on it, so this must not claim that it was not forwarded
    let failure = match refusal.reason {
        Reason::UpstreamUnreachable | Reason::UpstreamTimeout => "got no response to the request",
        _ => "did not forward the request",
    };
    let long_message = format!(
        "The gateway {failure}: {}. Hint: {}. Decision {id}. See {}.",
        refusal.message,
        refusal.fix,
        refusal.reason.link()
    );
    let code = refusal.reason.code();
    ErrorEntry { code, long_message, message: &refusal.message, param_name: None, policy: None }
}
