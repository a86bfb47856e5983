//! The record of a request, from which its log line, metrics and spans are made, so that they cannot disagree.
//!
//! All its fields are on the allow-list of what may be shown: closed enums, names from the contract and the policies,
//! sizes, times and ids. No field can hold a query, a path as sent, a value of a body, or a header but the caller's `tracestate`.
//! Names that only the body has are there in the form of [`field_like_name`](crate::redact::field_like_name).

pub(super) mod error_type;
mod shadow_outcome;
mod upstream_call;

pub use shadow_outcome::ShadowOutcome;
pub use upstream_call::{UnconnectedCause, UnsentAttempt, UnsentCause, UpstreamCall};

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

/// Most violations of one request that a log line or a span lists. OpenTelemetry limits a span to 128 events.
pub(in crate::telemetry) const SHOWN_VIOLATIONS: usize = 32;

/// The id that the caller, a log line and a span share for one decision: 64 random bits, displayed as hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId(pub u64);

impl DecisionId {
    /// A new random id.
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

/// When a request was judged, and the duration of each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgeTiming {
    /// When the judge started, as wall clock for spans.
    pub started: SystemTime,
    /// Time to parse the body as JSON.
    pub parse: Duration,
    /// Time to validate it against the contract's schema.
    pub schema: Duration,
    /// Time to evaluate policies and to conclude from them.
    pub policy: Duration,
}

impl JudgeTiming {
    /// Timing that starts at `started`, with all durations zero.
    pub const fn begin(started: SystemTime) -> Self {
        Self { started, parse: Duration::ZERO, schema: Duration::ZERO, policy: Duration::ZERO }
    }

    /// Time from the body's bytes to the decision.
    pub fn total(&self) -> Duration {
        self.parse + self.schema + self.policy
    }
}

/// One request, with nothing that must not be shown.
#[derive(Clone, Debug)]
pub struct RequestRecord {
    /// When the head was read, as wall clock.
    pub started: SystemTime,
    /// When the head was read, for durations.
    pub clock: Instant,
    /// From the request's head to the last byte of the response.
    pub elapsed: Duration,
    /// The method if it is a standard one, otherwise `_OTHER` (OpenTelemetry HTTP conventions).
    pub method: &'static str,
    /// The listener's scheme and address.
    pub endpoint: LocalEndpoint,
    /// The HTTP version of the client's connection, such as `1.1`.
    pub protocol_version: &'static str,
    /// The client program. `None` unless it is one known by name.
    pub user_agent: Option<UserAgent>,
    /// The client's address. `None` if the transport has none.
    pub client: Option<SocketAddr>,
    /// The client's identity, for the decision log.
    pub sender: Option<Arc<Client>>,
    /// The ids of the request's trace and spans.
    pub trace: TraceContext,
    /// The decision id, which a refusal shows to the caller.
    pub decision_id: DecisionId,
    /// The operation in the API version by which the request is judged. `None` before it is routed, or if the contract
    /// has none for it.
    pub operation: Option<Arc<Operation>>,
    /// Whether the request named an API version.
    pub asked_version: bool,
    /// Set if the request named an API version that the contract does not have.
    pub unknown_version: Option<UnknownVersion>,
    /// That version, if it is a date.
    pub unknown_asked: Option<Box<str>>,
    /// The fields of its body that the contract does not have, in a form that may be shown.
    pub unknown_fields: Vec<String>,
    /// The shape of its path, if no operation of the contract has its method and path.
    pub unknown_path: Option<String>,
    /// The environment that policies see.
    pub environment: Environment,
    /// The kind of credential.
    pub key_class: KeyClass,
    /// A keyed fingerprint of the credential.
    pub key_fingerprint: Option<Fingerprint>,
    /// The outcome. [`Outcome::Aborted`] until another is known.
    pub outcome: Outcome,
    /// Why the request was refused or failed.
    pub reason: Option<Reason>,
    /// The violations of all rules, of any action.
    pub violations: Vec<Violation>,
    /// What the shadow bundle would have decided. `None` if there is none, or the request was not judged.
    pub shadow: Option<Box<ShadowOutcome>>,
    /// What the decision log records of the request. `None` if there is no decision log, or the request was not judged.
    pub decision_input: Option<Box<DecisionInput>>,
    /// Number of keys that limits evicted to make room for this request's.
    pub keys_forgotten: u64,
    /// The revision of the bundle (policies and contract) that judged it.
    pub revision: Arc<str>,
    /// The status sent to the client. 0 if there was no response.
    pub status: u16,
    /// Bytes of the request body that were read; of a streamed body, those read before the response began. `None` if
    /// there may be a body and none of it was read.
    pub request_bytes: Option<u64>,
    /// Bytes of the response body that were sent.
    pub response_bytes: u64,
    /// When the request was judged and for how long. `None` if it was not.
    pub judging: Option<JudgeTiming>,
    /// The call to the upstream. `None` if there was none.
    pub upstream: Option<UpstreamCall>,
}

impl RequestRecord {
    /// The record of a request of which only the head was read. `method` is a label of
    /// [`method_label`](crate::redact::method_label).
    // The defaults are the safe ones: policies are strictest in production, and a request that disappears before
    // anything else is known of it was aborted.
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
            unknown_asked: None,
            unknown_fields: Vec::new(),
            unknown_path: None,
            environment: Environment::Production,
            key_class: KeyClass::None,
            key_fingerprint: None,
            outcome: Outcome::Aborted,
            reason: None,
            violations: Vec::new(),
            shadow: None,
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

    /// Adds violations. If there are more than are listed, the first ones are of as many different rules as possible,
    /// those that refused before those that only warn or audit.
    // A body can have any number of unknown fields; they must not push the policy that refused out of the logs.
    pub fn add_violations(&mut self, found: impl IntoIterator<Item = Violation>) {
        self.violations.extend(found);
        if self.violations.len() > SHOWN_VIOLATIONS {
            self.violations = by_weight(std::mem::take(&mut self.violations));
        }
    }

    /// The first violation of each rule, action and reason. Their number is bounded by the rules of the policies and
    /// the contract, not by the body.
    pub fn fired_rules(&self) -> Vec<&Violation> {
        let mut fired: Vec<&Violation> = Vec::new();
        for violation in &self.violations {
            if !fired.iter().any(|other| is_of_same_rule(other, violation)) {
                fired.push(violation);
            }
        }
        fired
    }

    /// Whether the upstream or the gateway failed, whatever the decision: a response with a 5xx status that passes is a
    /// failure, too.
    pub fn has_failed(&self) -> bool {
        let status = self.upstream.as_ref().and_then(|call| call.status);
        self.outcome == Outcome::Failed || status.is_some_and(|status| status >= 500)
    }

    /// Records the last call to the upstream, with the size of a body that was streamed to it.
    pub fn set_upstream_call(&mut self, call: UpstreamCall) {
        self.request_bytes = call.streamed.or(self.request_bytes);
        self.upstream = Some(call);
    }

    /// The route template, or `_OTHER` if no operation of the contract matches.
    pub fn route(&self) -> &str {
        self.operation.as_ref().map_or(OTHER, |operation| &operation.path)
    }

    /// The operation's id, or `_OTHER` if no operation of the contract matches.
    pub fn operation_id(&self) -> &str {
        self.operation.as_ref().map_or(OTHER, |operation| &operation.id)
    }

    /// The violations that are listed one by one, at most 32. Counts and names are made of all of them.
    pub fn shown_violations(&self) -> impl Iterator<Item = &Violation> {
        self.violations.iter().take(SHOWN_VIOLATIONS)
    }
}

fn is_of_same_rule(one: &Violation, other: &Violation) -> bool {
    (one.action, one.reason) == (other.action, other.reason) && one.rule == other.rule
}

/// Sorts violations so that the first ones, which are listed, have each rule.
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
    // the listed part has each rule already, so sorting it by action alone hides none
    if let Some(shown) = first.get_mut(..SHOWN_VIOLATIONS) {
        shown.sort_by_key(action);
    }
    first
}

#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
mod tests {
    use super::samples::denied_request;
    use super::{Action, SHOWN_VIOLATIONS};
    use crate::judge::violation::Rule;

    /// A body of forty unknown fields, and what policies make of the rest of it.
    #[test]
    fn what_refused_is_shown_however_much_else_was_found() {
        for unknown in [Action::Warn, Action::Deny] {
            let mut record = denied_request();
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
        let mut record = denied_request();
        let mut found = std::mem::take(&mut record.violations);
        found.reverse();
        found[0].action = Action::Audit;
        record.add_violations(found.clone());
        assert_eq!(record.violations, found);
    }

    #[test]
    fn an_answer_of_5xx_is_a_failure_though_it_passes() {
        let mut record = super::samples::allowed_request();
        for (status, failed) in [(200, false), (499, false), (500, true), (503, true)] {
            record.upstream.as_mut().unwrap().status = Some(status);
            assert_eq!(record.has_failed(), failed, "{status}");
        }
        assert!(super::samples::failed_request().has_failed() && !denied_request().has_failed());
    }
}
