//! The one record of a request, from which log line, metrics and spans are made, so that they cannot disagree.
//!
//! Everything in it is on the allow-list of what may be shown: closed enums, names from the contract and the policies,
//! sizes, times and ids. No field can hold a header, a query, a path as sent, or a value of a body.

use super::trace_context::TraceContext;
use crate::contract::credential::{Environment, KeyClass};
use crate::judge::violation::Violation;
use crate::reason::Reason;
use crate::redact::Fingerprint;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Judged and forwarded.
    Allowed,
    /// Nothing to judge; forwarded as it came.
    Exempt,
    /// Refused by the gateway.
    Denied,
    /// Forwarded or about to be, but the upstream or the gateway failed.
    Failed,
    /// The client went away before there was an answer.
    Aborted,
}

impl Outcome {
    /// The word used in logs, metrics and spans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allow",
            Self::Exempt => "exempt",
            Self::Denied => "deny",
            Self::Failed => "fail",
            Self::Aborted => "abort",
        }
    }
}

/// The id by which a caller, a log line and a span speak of the same decision: 64 random bits, shown as hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId(pub u64);

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What of the contract a request turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The path template, such as `/v1/users/{user_id}`.
    pub route: Arc<str>,
    /// The contract's operation id, such as `UpdateUser`.
    pub operation: Arc<str>,
    /// The API version by which the request is judged.
    pub api_version: Arc<str>,
}

/// One attempt to have the upstream answer.
#[derive(Clone, Debug)]
pub struct UpstreamCall {
    /// When the attempt began, as wall clock for spans.
    pub started: SystemTime,
    /// From the attempt's begin to the response's head, or to the failure.
    pub elapsed: Duration,
    /// The upstream's status; none when it never answered.
    pub status: Option<u16>,
    /// Whether an idle connection was used again.
    pub reused: bool,
    /// Time to a new connection, TLS included.
    pub connect: Option<Duration>,
    /// The address connected to.
    pub peer: Option<SocketAddr>,
}

/// One request, as it may be shown.
#[derive(Clone, Debug)]
pub struct Record {
    /// When the head was read, as wall clock.
    pub started: SystemTime,
    /// When the head was read, for durations.
    pub clock: Instant,
    /// From the head to the last byte of the answer.
    pub elapsed: Duration,
    /// The method if it is a standard one, else `_OTHER` (OpenTelemetry HTTP conventions).
    pub method: &'static str,
    /// The client's address; none where the transport has none.
    pub client: Option<SocketAddr>,
    /// Trace and span ids of this request and its place in the caller's trace.
    pub trace: TraceContext,
    /// The id shown to the caller.
    pub decision_id: DecisionId,
    /// What the request is for; none until it is routed, or where no operation of the contract fits.
    pub routed: Option<Routed>,
    /// The environment by which policies judged it.
    pub environment: Environment,
    /// The kind of credential.
    pub key_class: KeyClass,
    /// A keyed fingerprint of the credential.
    pub key_fingerprint: Option<Fingerprint>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was refused or failed.
    pub reason: Option<Reason>,
    /// What rules found, whatever the action.
    pub violations: Vec<Violation>,
    /// The revision of the bundle (policies and contract) that judged it.
    pub revision: Arc<str>,
    /// The status the caller got; 0 when it got none.
    pub status: u16,
    /// Bytes of the request body read.
    pub request_bytes: u64,
    /// Bytes of the response body sent.
    pub response_bytes: u64,
    /// Time in the judge; none where nothing was judged.
    pub judge: Option<Duration>,
    /// When the judge began, as wall clock.
    pub judge_started: Option<SystemTime>,
    /// The upstream call; none where none was made.
    pub upstream: Option<UpstreamCall>,
}
