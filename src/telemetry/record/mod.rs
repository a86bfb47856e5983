//! The one record of a request, from which log line, metrics and spans are made, so that they cannot disagree.
//!
//! Everything in it is on the allow-list of what may be shown: closed enums, names from the contract and the policies,
//! sizes, times and ids. No field can hold a header, a query, a path as sent, or a value of a body.

pub(super) mod error_type;

use crate::contract::credential::{Environment, KeyClass};
use crate::contract::{Operation, UnknownVersion};
use crate::decision_log::DecisionInput;
use crate::judge::violation::{Action, Violation};
pub use crate::outcome::Outcome;
use crate::peer::{Client, LocalEndpoint};
use crate::reason::Reason;
use crate::redact::{Fingerprint, OTHER, UserAgent};
use crate::telemetry::traces::TraceContext;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Most violations of one request that a log line or a span lists; OpenTelemetry's own limit is 128 events a span.
const SHOWN_VIOLATIONS: usize = 32;

/// The id by which a caller, a log line and a span speak of the same decision: 64 random bits, shown as hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId(pub u64);

impl DecisionId {
    /// A fresh id.
    pub fn random() -> Self {
        Self(rand::random())
    }
}

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

/// When a request was judged, and how long each step took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgeTiming {
    /// When the judge began, as wall clock for spans.
    pub started: SystemTime,
    /// Time to read the body as JSON.
    pub parse: Duration,
    /// Time to hold it against the contract's schema.
    pub schema: Duration,
    /// Time in policies, and to conclude from them.
    pub policy: Duration,
}

impl JudgeTiming {
    /// JudgeTiming that begins at `started` and has taken no time yet.
    pub const fn begin(started: SystemTime) -> Self {
        Self { started, parse: Duration::ZERO, schema: Duration::ZERO, policy: Duration::ZERO }
    }

    /// From bytes to decision.
    pub fn total(&self) -> Duration {
        self.parse + self.schema + self.policy
    }
}

/// The attempt to have the upstream answer, and the one before it that came to nothing.
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
    /// Time in the handshake of a new connection by TLS.
    pub tls: Option<Duration>,
    /// The address connected to.
    pub peer: Option<SocketAddr>,
    /// The version of HTTP spoken on the connection, such as `1.1`; none where there is no connection.
    pub protocol_version: Option<&'static str>,
    /// Bytes of a body that streams, sent until the answer began; none of one that was held.
    pub streamed: Option<u64>,
    /// The attempt before this one; there is at most one, as only idle connections can turn out to be closed.
    pub unsent: Option<UnsentAttempt>,
}

/// An attempt of which no byte can have left: the upstream had closed the idle connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsentAttempt {
    /// When it began, as wall clock for spans.
    pub started: SystemTime,
    /// From its begin to the failure.
    pub elapsed: Duration,
    /// The connection's other end.
    pub peer: Option<SocketAddr>,
    /// The version of HTTP spoken on the connection.
    pub protocol_version: Option<&'static str>,
}

impl UpstreamCall {
    /// An attempt that begins now.
    pub fn begin() -> Self {
        Self {
            started: SystemTime::now(),
            elapsed: Duration::ZERO,
            status: None,
            reused: false,
            connect: None,
            tls: None,
            peer: None,
            protocol_version: None,
            streamed: None,
            unsent: None,
        }
    }
}

/// One request, as it may be shown.
#[derive(Clone, Debug)]
pub struct RequestRecord {
    /// When the head was read, as wall clock.
    pub started: SystemTime,
    /// When the head was read, for durations.
    pub clock: Instant,
    /// From the head to the last byte of the answer.
    pub elapsed: Duration,
    /// The method if it is a standard one, else `_OTHER` (OpenTelemetry HTTP conventions).
    pub method: &'static str,
    /// Where the client reached us.
    pub endpoint: LocalEndpoint,
    /// The version of HTTP the client speaks, such as `1.1`.
    pub protocol_version: &'static str,
    /// The program that called, where it is one known by name.
    pub user_agent: Option<UserAgent>,
    /// The client's address; none where the transport has none.
    pub client: Option<SocketAddr>,
    /// Who that is, for the decision log.
    pub sender: Option<Arc<Client>>,
    /// Trace and span ids of this request and its place in the caller's trace.
    pub trace: TraceContext,
    /// The id shown to the caller.
    pub decision_id: DecisionId,
    /// What the request is for, in the API version by which it is judged; none until it is routed, or where no operation of
    /// the contract fits.
    pub operation: Option<Arc<Operation>>,
    /// Whether it asked for an API version.
    pub asked_version: bool,
    /// That it asked for an API version which the contract does not have.
    pub unknown_version: Option<UnknownVersion>,
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
    /// What the decision log keeps of it; none where there is no such log, or it was not judged.
    pub decision_input: Option<Box<DecisionInput>>,
    /// Keys whose counts limits forgot, to make room for its own.
    pub keys_forgotten: u64,
    /// The revision of the bundle (policies and contract) that judged it.
    pub revision: Arc<str>,
    /// The status the caller got; 0 when it got none.
    pub status: u16,
    /// Bytes of the request body read; of one that streams, until the answer began. None where there may be a body of which
    /// nobody has read anything.
    pub request_bytes: Option<u64>,
    /// Bytes of the response body sent.
    pub response_bytes: u64,
    /// When it was judged, and how long that took; none where nothing was.
    pub judging: Option<JudgeTiming>,
    /// The upstream call; none where none was made.
    pub upstream: Option<UpstreamCall>,
}

impl RequestRecord {
    /// The record of a request of which only the head was read: its method (a word of
    /// [`method_label`](crate::redact::method_label)) and its place in a trace. Until something better is known the
    /// request counts as production, and as aborted: that is what it is if nobody gets to say otherwise.
    pub fn begin(method: &'static str, trace: TraceContext, revision: Arc<str>) -> Self {
        Self {
            started: SystemTime::now(),
            clock: Instant::now(),
            elapsed: Duration::ZERO,
            method,
            endpoint: LocalEndpoint::default(),
            protocol_version: "1.1",
            user_agent: None,
            client: None,
            sender: None,
            trace,
            decision_id: DecisionId::random(),
            operation: None,
            asked_version: false,
            unknown_version: None,
            environment: Environment::Production,
            key_class: KeyClass::None,
            key_fingerprint: None,
            outcome: Outcome::Aborted,
            reason: None,
            violations: Vec::new(),
            decision_input: None,
            keys_forgotten: 0,
            revision,
            status: 0,
            request_bytes: None,
            response_bytes: 0,
            judging: None,
            upstream: None,
        }
    }

    /// Adds what rules found. Where that is more than is shown, what is shown has each rule before any of them twice, and
    /// what refused before what only told: forty unknown fields must not hide the policy that refused.
    pub fn add_violations(&mut self, found: impl IntoIterator<Item = Violation>) {
        self.violations.extend(found);
        if self.violations.len() > SHOWN_VIOLATIONS {
            self.violations = by_weight(std::mem::take(&mut self.violations));
        }
    }

    /// What each rule found first, by what it did and why: as many as the policies and the contract have rules, however many
    /// violations there are.
    pub fn fired_rules(&self) -> Vec<&Violation> {
        let mut fired: Vec<&Violation> = Vec::new();
        for violation in &self.violations {
            if !fired.iter().any(|other| is_of_same_rule(other, violation)) {
                fired.push(violation);
            }
        }
        fired
    }

    /// Whether the upstream or the gateway failed, whatever was decided: an answer of 5xx that passes is a failure, too.
    pub fn has_failed(&self) -> bool {
        let status = self.upstream.as_ref().and_then(|call| call.status);
        self.outcome == Outcome::Failed || status.is_some_and(|status| status >= 500)
    }

    /// Notes what became of the upstream call.
    pub fn set_upstream_call(&mut self, call: UpstreamCall) {
        self.request_bytes = call.streamed.or(self.request_bytes);
        self.upstream = Some(call);
    }

    /// The route template, or `_OTHER` where no operation of the contract fits.
    pub fn route(&self) -> &str {
        self.operation.as_ref().map_or(OTHER, |operation| &operation.path)
    }

    /// The operation's id, or `_OTHER` where none of the contract fits.
    pub fn operation_id(&self) -> &str {
        self.operation.as_ref().map_or(OTHER, |operation| &operation.id)
    }

    /// The violations that are shown one by one: a body full of them must not fill the logs. What is counted or named looks
    /// at all of them.
    pub fn shown_violations(&self) -> impl Iterator<Item = &Violation> {
        self.violations.iter().take(SHOWN_VIOLATIONS)
    }
}

fn is_of_same_rule(one: &Violation, other: &Violation) -> bool {
    (one.action, one.reason) == (other.action, other.reason) && one.rule == other.rule
}

/// More violations than are shown, those to be shown first.
fn by_weight(violations: Vec<Violation>) -> Vec<Violation> {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for violation in violations {
        let is_known = first.iter().any(|other| is_of_same_rule(other, &violation));
        if is_known { &mut again } else { &mut first }.push(violation);
    }
    let action = |violation: &Violation| -> Action { violation.action };
    first.sort_by_key(action);
    again.sort_by_key(action);
    first.append(&mut again);
    // each rule is among those that are shown, so that what was done alone gives their order
    if let Some(shown) = first.get_mut(..SHOWN_VIOLATIONS) {
        shown.sort_by_key(action);
    }
    first
}

#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
mod tests {
    use super::samples::denied;
    use super::{Action, SHOWN_VIOLATIONS};
    use crate::judge::violation::Rule;

    /// A body of forty unknown fields, and what policies make of the rest of it.
    #[test]
    fn what_refused_is_shown_however_much_else_was_found() {
        for unknown in [Action::Warn, Action::Deny] {
            let mut record = denied();
            let (policy, mut keyword) = (record.violations.remove(0), record.violations.remove(0));
            keyword.action = unknown;
            record.add_violations(vec![keyword; 40]);
            let mut audit = policy.clone();
            (audit.action, audit.rule) = (Action::Audit, Rule::Policy("tried-out".into()));
            record.add_violations([audit.clone(), policy.clone(), policy.clone()]);
            assert_eq!(record.violations.len(), 43);
            let shown: Vec<_> = record.shown_violations().collect();
            assert_eq!(shown.len(), SHOWN_VIOLATIONS);
            assert!(shown.is_sorted_by_key(|violation| violation.action), "{shown:?}");
            assert!(shown.contains(&&policy) && shown.contains(&&audit), "{shown:?}");
            assert_eq!(record.fired_rules().len(), 3);
        }
    }

    #[test]
    fn what_can_all_be_shown_stays_as_it_was_found() {
        let mut record = denied();
        let mut found = std::mem::take(&mut record.violations);
        found.reverse();
        found[0].action = Action::Audit;
        record.add_violations(found.clone());
        assert_eq!(record.violations, found);
    }

    #[test]
    fn an_answer_of_5xx_is_a_failure_though_it_passes() {
        let mut record = super::samples::allowed();
        for (status, failed) in [(200, false), (499, false), (500, true), (503, true)] {
            record.upstream.as_mut().unwrap().status = Some(status);
            assert_eq!(record.has_failed(), failed, "{status}");
        }
        assert!(super::samples::failed().has_failed() && !denied().has_failed());
    }
}
