//! Counts of a decision log by policy and by limit.

use super::accumulator::Accumulator;
use super::caller::caller;
use super::limit_use::LimitUse;
use super::shadow_use::ShadowUse;
use super::tally::Tally;
use crate::decision_log::{LogEntry, RecordedOutcome, RecordedPolicy, RecordedRule};
use crate::policy::Action;
use crate::reason::Reason;
use std::collections::BTreeMap;

// every map below is bounded: names come from the log, which may not be ours

/// Maximum number of policies, and of limits, with counts of their own.
const POLICIES: usize = 200;
/// Maximum number of callers of a policy with a count of their own.
pub(super) const CALLERS: usize = 200;
/// Maximum number of fields of a policy with a count of their own.
const FIELDS: usize = 100;
/// Maximum number of days with a count of their own: a leap year.
pub(super) const DAYS: usize = 366;
/// Maximum number of match conditions of a policy with a count of their own.
const CONDITIONS: usize = 50;
/// Maximum number of validations of a policy with a count of their own.
const VALIDATIONS: usize = 100;

/// The first and the last of some times, as text: RFC 3339 in UTC sorts lexically.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedPeriod {
    /// The earliest time; empty before any was observed.
    pub first: String,
    /// The latest time; empty before any was observed.
    pub last: String,
}

impl ObservedPeriod {
    pub(super) fn take(&mut self, time: &str) {
        // a longer text is no time of ours; cut, so that it takes no more memory than one
        let time = time.get(..24).unwrap_or(time);
        if self.first.is_empty() || *time < *self.first {
            time.clone_into(&mut self.first);
        }
        if *time > *self.last {
            time.clone_into(&mut self.last);
        }
    }

    pub(super) fn merge(&mut self, later: &Self) {
        if !later.first.is_empty() {
            self.take(&later.first);
            self.take(&later.last);
        }
    }
}

/// Counts of a decision log.
#[derive(Debug, Default)]
pub struct RolloutReport {
    /// The number of decisions.
    pub decisions: u64,
    /// The first and the last of them.
    pub period: ObservedPeriod,
    /// The number of decisions for which a policy was evaluated.
    pub judged: u64,
    /// The policies that were evaluated, by name.
    pub policies: BTreeMap<Box<str>, PolicyUse>,
    /// The number of evaluations of policies beyond the maximum.
    pub more_policies: u64,
    /// The limits that requests were above, by name. The log does not record the other limits.
    pub limits: BTreeMap<Box<str>, LimitUse>,
    /// The number of violations of limits beyond the maximum.
    pub more_limits: u64,
    /// What the shadow bundle would have changed.
    pub shadow: ShadowUse,
    /// Decisions by revision of the policies.
    pub revisions: Option<Tally>,
}

/// Counts of one policy.
#[derive(Debug)]
pub struct PolicyUse {
    /// Its action at its last evaluation.
    pub action: Action,
    /// Requests that it was evaluated for.
    pub asked: u64,
    /// Requests of an environment that it does not apply to.
    pub elsewhere: u64,
    /// Requests for which a match condition was not true, by condition.
    pub unmatched: Tally,
    /// Requests for which it held.
    pub held: u64,
    /// Requests that it refused or would have refused.
    pub violated: u64,
    /// Requests for which it failed to evaluate.
    pub failed: u64,
    /// Requests that it could not judge, since their body did not match the schema of the contract.
    pub misfits: u64,
    /// Requests that passed by a waiver.
    pub waived: u64,
    /// Failures of each validation, by position.
    pub validations: Vec<u64>,
    /// The callers of the violating requests.
    pub callers: Tally,
    /// The violating fields.
    pub fields: Tally,
    /// The days of the violating requests.
    pub days: Tally,
    /// The first and the last violating request.
    pub seen: ObservedPeriod,
}

impl PolicyUse {
    /// Counts of zero.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            asked: 0,
            elsewhere: 0,
            unmatched: Tally::new(CONDITIONS),
            held: 0,
            violated: 0,
            failed: 0,
            misfits: 0,
            waived: 0,
            validations: Vec::new(),
            callers: Tally::new(CALLERS),
            fields: Tally::new(FIELDS),
            days: Tally::new(DAYS),
            seen: ObservedPeriod::default(),
        }
    }

    /// The number of requests that it applied to.
    pub const fn applied_requests(&self) -> u64 {
        self.held + self.violated + self.waived
    }

    fn take(&mut self, entry: &LogEntry<'_>, evaluated: &RecordedPolicy<'_>) {
        self.asked += 1;
        // the last entry wins: that is the action the policy has now, as far as the log shows
        self.action = evaluated.action;
        match &evaluated.outcome {
            RecordedOutcome::OtherEnvironment => self.elsewhere += 1,
            RecordedOutcome::NoMatch(condition) => self.unmatched.add(condition),
            RecordedOutcome::Holds => self.held += 1,
            RecordedOutcome::Violated(parts) | RecordedOutcome::SchemaViolated(parts) => {
                if self.violation(entry, &evaluated.name) {
                    for part in parts {
                        self.validation(part.validation, 1);
                    }
                }
            }
            RecordedOutcome::Failed { .. } => {
                self.violation(entry, &evaluated.name);
            }
        }
    }

    fn validation(&mut self, position: usize, times: u64) {
        // a position is a number from the file: it must not decide how much memory is allocated
        if position >= self.validations.len() && position < VALIDATIONS {
            self.validations.resize(position + 1, 0);
        }
        if let Some(count) = self.validations.get_mut(position) {
            *count += times;
        }
    }

    /// Adds the counts of `later`, which are of later entries.
    fn merge(&mut self, later: &Self) {
        self.action = later.action;
        self.asked += later.asked;
        self.elsewhere += later.elsewhere;
        self.unmatched.merge(&later.unmatched);
        self.held += later.held;
        self.violated += later.violated;
        self.failed += later.failed;
        self.misfits += later.misfits;
        self.waived += later.waived;
        later.validations.iter().enumerate().for_each(|(position, times)| self.validation(position, *times));
        self.callers.merge(&later.callers);
        self.fields.merge(&later.fields);
        self.days.merge(&later.days);
        self.seen.merge(&later.seen);
    }

    /// Counts that the policy `name` did not hold. Returns whether that was a violation.
    fn violation(&mut self, entry: &LogEntry<'_>, name: &str) -> bool {
        let is_own = |rule: &RecordedRule<'_>| matches!(rule, RecordedRule::Policy(rule) if *rule == *name);
        let own: Vec<_> = entry.violations.iter().filter(|violation| is_own(&violation.rule)).collect();
        // no violation in spite of the outcome: the policy failed on a body that the contract's schema already refused
        if own.is_empty() {
            self.misfits += 1;
            return false;
        }
        // a waived violation refuses nothing, so it is no argument against a promotion
        if own.iter().any(|violation| violation.waived_by.is_some()) {
            self.waived += 1;
            return false;
        }
        self.violated += 1;
        self.failed += u64::from(own.iter().any(|violation| violation.reason == Reason::PolicyError));
        self.callers.add(&caller(entry));
        self.days.add(entry.time.get(..10).unwrap_or(&entry.time));
        self.seen.take(&entry.time);
        own.iter().filter_map(|violation| violation.field.as_ref()).for_each(|field| self.fields.add(field));
        true
    }
}

impl Accumulator for RolloutReport {
    fn fresh(&self) -> Self {
        Self::default()
    }

    fn take(&mut self, entry: &LogEntry<'_>) {
        self.decisions += 1;
        self.period.take(&entry.time);
        self.revisions.get_or_insert_with(|| Tally::new(CONDITIONS)).add(&entry.revision);
        self.judged += u64::from(!entry.policies.is_empty());
        self.count_limits(entry);
        self.shadow.take(entry);
        for evaluated in &entry.policies {
            let name: &str = &evaluated.name;
            if let Some(known) = self.policies.get_mut(name) {
                known.take(entry, evaluated);
            } else if self.policies.len() < POLICIES {
                let mut first = PolicyUse::new(evaluated.action);
                first.take(entry, evaluated);
                self.policies.insert(name.get(..name.len().min(64)).unwrap_or_default().into(), first);
            } else {
                self.more_policies += 1;
            }
        }
    }

    fn merge(&mut self, later: Self) {
        self.decisions += later.decisions;
        self.period.merge(&later.period);
        self.judged += later.judged;
        self.more_policies += later.more_policies;
        self.shadow.merge(later.shadow);
        if let Some(revisions) = &later.revisions {
            self.revisions.get_or_insert_with(|| Tally::new(CONDITIONS)).merge(revisions);
        }
        for (name, said) in later.policies {
            if let Some(known) = self.policies.get_mut(&name) {
                known.merge(&said);
            } else if self.policies.len() < POLICIES {
                self.policies.insert(name, said);
            } else {
                // as if the entries of the later block had been counted one by one
                self.more_policies += said.asked;
            }
        }
        self.more_limits += later.more_limits;
        for (name, used) in later.limits {
            if let Some(known) = self.limits.get_mut(&name) {
                known.merge(&used);
            } else if self.limits.len() < POLICIES {
                self.limits.insert(name, used);
            } else {
                self.more_limits += used.limited;
            }
        }
    }
}

impl RolloutReport {
    /// Counts the limits that the request was above.
    fn count_limits(&mut self, entry: &LogEntry<'_>) {
        for violation in entry.violations.iter().filter(|violation| violation.reason == Reason::RateLimited) {
            let RecordedRule::Policy(name) = &violation.rule else { continue };
            let name: &str = name;
            if let Some(known) = self.limits.get_mut(name) {
                known.take(entry, violation.action);
            } else if self.limits.len() < POLICIES {
                let mut first = LimitUse::new(violation.action);
                first.take(entry, violation.action);
                self.limits.insert(name.get(..name.len().min(64)).unwrap_or_default().into(), first);
            } else {
                self.more_limits += 1;
            }
        }
    }
}
