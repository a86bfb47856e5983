//! What each policy said of the requests of a decision log.

use super::accumulator::Accumulator;
use super::caller::caller;
use super::limit_use::LimitUse;
use super::tally::Tally;
use crate::decision_log::{LogEntry, RecordedOutcome, RecordedPolicy, RecordedRule};
use crate::policy::Action;
use crate::reason::Reason;
use std::collections::BTreeMap;

/// Most policies that are told apart.
const POLICIES: usize = 200;
/// Most callers of a policy that are told apart.
pub(super) const CALLERS: usize = 200;
/// Most fields of a policy that are told apart.
const FIELDS: usize = 100;
/// Most days that are told apart: a year and a leap day.
pub(super) const DAYS: usize = 366;
/// Most conditions of a policy that are told apart.
const CONDITIONS: usize = 50;
/// Most validations of a policy that are told apart.
const VALIDATIONS: usize = 100;

/// The first and the last of some times, as they are written: RFC 3339 in UTC sorts as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedPeriod {
    /// The first.
    pub first: String,
    /// The last.
    pub last: String,
}

impl ObservedPeriod {
    pub(super) fn take(&mut self, time: &str) {
        // a time of another form would not sort; it takes no more room than one that does
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

/// What a decision log says of the policies that judged.
#[derive(Debug, Default)]
pub struct RolloutReport {
    /// How many decisions there are.
    pub decisions: u64,
    /// When they were made.
    pub period: ObservedPeriod,
    /// How many of them asked a policy.
    pub judged: u64,
    /// The policies that were asked, by name.
    pub policies: BTreeMap<Box<str>, PolicyUse>,
    /// How many policies were asked that there was no room for, counted at each decision.
    pub more_policies: u64,
    /// The limits that requests were above, by name. Of those that they were not above, a log has nothing.
    pub limits: BTreeMap<Box<str>, LimitUse>,
    /// How many requests were above limits that there was no room for.
    pub more_limits: u64,
    /// What the policies in force said, by revision.
    pub revisions: Option<Tally>,
}

/// What one policy said.
#[derive(Debug)]
pub struct PolicyUse {
    /// What happened at last when it did not hold.
    pub action: Action,
    /// How many requests it was asked of.
    pub asked: u64,
    /// How many of them were of an environment that it is not for.
    pub elsewhere: u64,
    /// How many its match conditions left out, by the condition.
    pub unmatched: Tally,
    /// Of how many it held.
    pub held: u64,
    /// Of how many it did not hold: what it refused, or would have refused.
    pub violated: u64,
    /// Of how many something in it could not be evaluated.
    pub failed: u64,
    /// Of how many it could not be evaluated because the body does not fit the schema, which says nothing of it.
    pub misfits: u64,
    /// How many passed by a waiver.
    pub waived: u64,
    /// How often each of its validations was not true, by position.
    pub validations: Vec<u64>,
    /// Whose requests it did not hold of.
    pub callers: Tally,
    /// The fields that it found at fault.
    pub fields: Tally,
    /// The days on which it did not hold.
    pub days: Tally,
    /// When it did not hold.
    pub seen: ObservedPeriod,
}

impl PolicyUse {
    /// For a policy that nothing is known of yet.
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

    /// Of how many requests it had something to say: they are what it is for.
    pub const fn applied(&self) -> u64 {
        self.held + self.violated + self.waived
    }

    fn take(&mut self, entry: &LogEntry<'_>, evaluated: &RecordedPolicy<'_>) {
        self.asked += 1;
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
        if position >= self.validations.len() && position < VALIDATIONS {
            self.validations.resize(position + 1, 0);
        }
        if let Some(count) = self.validations.get_mut(position) {
            *count += times;
        }
    }

    /// Adds what was counted of what comes after.
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

    /// Takes in that the policy called `name` did not hold; whether that led to a violation.
    fn violation(&mut self, entry: &LogEntry<'_>, name: &str) -> bool {
        let is_own = |rule: &RecordedRule<'_>| matches!(rule, RecordedRule::Policy(rule) if *rule == *name);
        let own: Vec<_> = entry.violations.iter().filter(|violation| is_own(&violation.rule)).collect();
        if own.is_empty() {
            self.misfits += 1;
            return false;
        }
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
        self.limited(entry);
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
        if let Some(revisions) = &later.revisions {
            self.revisions.get_or_insert_with(|| Tally::new(CONDITIONS)).merge(revisions);
        }
        for (name, said) in later.policies {
            if let Some(known) = self.policies.get_mut(&name) {
                known.merge(&said);
            } else if self.policies.len() < POLICIES {
                self.policies.insert(name, said);
            } else {
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
    /// Takes in the limits that the request was above.
    fn limited(&mut self, entry: &LogEntry<'_>) {
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
