//! The outcome of a new policy for a recorded request: the recorded one if the rule has not changed, else judged again.

use crate::decision_log::{LogEntry, RecordedOutcome, RecordedPolicy, RecordedRule, RecordedViolation};
use crate::policy::replay::{PolicyPart, RecordedRequest, ReplayOutcome, WaiverReplay};
use crate::policy::{Action, Policy};
use crate::reason::Reason;

/// The outcome of a new policy for a recorded request.
#[derive(Debug)]
pub(super) struct PolicyReplay {
    /// Whether it is violated; `None` if that is undetermined.
    pub(super) is_violated: Option<bool>,
    /// Whether it refuses the request: it is violated, its action is `Deny`, and no waiver applies. `None` if undetermined.
    pub(super) refuses: Option<bool>,
    /// What reads values that the record hides.
    pub(super) hidden: Vec<PolicyPart>,
}

/// The outcome of a rule, as far as its consequences depend on it.
enum RuleOutcome {
    Holds,
    Violated,
    /// An expression has no value, which no waiver permits.
    Failed,
    Undetermined(Vec<PolicyPart>),
}

impl PolicyReplay {
    /// The outcome of `policy` for the request of `entry`. `is_in_force` is whether the bundle in force made the decision and has
    /// the same policy, by which a log without hashes is judged.
    pub(super) fn new(
        policy: &Policy,
        entry: &LogEntry<'_>,
        request: &RecordedRequest<'_>,
        is_in_force: impl FnOnce() -> bool,
    ) -> Self {
        let evaluated = entry.policies.iter().find(|evaluated| evaluated.name == *policy.name);
        let is_same = |it: &&RecordedPolicy<'_>| it.hash.map_or_else(is_in_force, |hash| hash == policy.hash);
        let outcome = match evaluated.filter(is_same) {
            Some(evaluated) => RuleOutcome::from_record(&evaluated.outcome),
            None => RuleOutcome::from_replay(policy.replay(request)),
        };
        let denies = policy.action == Action::Deny;
        let waivers = || waivers(policy, evaluated, entry, request);
        let (is_violated, refuses, hidden) = match outcome {
            RuleOutcome::Holds => (Some(false), Some(false), Vec::new()),
            RuleOutcome::Failed => (Some(true), Some(denies), Vec::new()),
            RuleOutcome::Violated if !denies => (Some(true), Some(false), Vec::new()),
            RuleOutcome::Violated => match waivers() {
                WaiverReplay::Applies => (Some(true), Some(false), Vec::new()),
                WaiverReplay::NoMatch => (Some(true), Some(true), Vec::new()),
                WaiverReplay::Undetermined(waiver) => (Some(true), None, vec![PolicyPart::Waiver(waiver)]),
            },
            // what a waiver permits passes, whether or not it is violated
            RuleOutcome::Undetermined(hidden) => {
                let passes = !denies || waivers() == WaiverReplay::Applies;
                (None, passes.then_some(false), hidden)
            }
        };
        Self { is_violated, refuses, hidden }
    }
}

impl RuleOutcome {
    fn from_record(outcome: &RecordedOutcome<'_>) -> Self {
        match outcome {
            RecordedOutcome::OtherEnvironment | RecordedOutcome::NoMatch(_) | RecordedOutcome::Holds => Self::Holds,
            RecordedOutcome::Violated(parts) | RecordedOutcome::SchemaViolated(parts) => {
                if parts.iter().any(|part| part.error.is_some()) { Self::Failed } else { Self::Violated }
            }
            RecordedOutcome::Failed { .. } => Self::Failed,
        }
    }

    fn from_replay(outcome: ReplayOutcome) -> Self {
        match outcome {
            ReplayOutcome::Passes => Self::Holds,
            ReplayOutcome::Violated(parts) if parts.iter().all(|(_, error)| error.is_none()) => Self::Violated,
            ReplayOutcome::Violated(_) | ReplayOutcome::Failed(..) => Self::Failed,
            ReplayOutcome::Undetermined(hidden) => Self::Undetermined(hidden),
        }
    }
}

/// Whether a waiver permits the request of `entry` to violate `policy`.
fn waivers(
    policy: &Policy,
    evaluated: Option<&RecordedPolicy<'_>>,
    entry: &LogEntry<'_>,
    request: &RecordedRequest<'_>,
) -> WaiverReplay {
    let is_own = |it: &&RecordedViolation<'_>| matches!(&it.rule, RecordedRule::Policy(name) if *name == *policy.name);
    let own = || entry.violations.iter().filter(is_own);
    // the judge evaluates waivers only for what they can permit
    let were_evaluated =
        || own().any(|it| it.reason == Reason::PolicyDenied && (it.waived_by.is_some() || it.action != Action::Audit));
    let is_recorded = evaluated.is_some_and(|evaluated| {
        // a log without hashes does not show which waivers there were: those that applied are taken for the new ones
        evaluated.hash.is_none() || evaluated.waivers_hash == policy.waivers_hash && were_evaluated()
    });
    if !is_recorded {
        return policy.replay_waivers(request);
    }
    if own().any(|it| it.waived_by.is_some()) { WaiverReplay::Applies } else { WaiverReplay::NoMatch }
}
