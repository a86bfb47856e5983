//! Replays the requests of a decision log with other policies.

use super::accumulator::Accumulator;
use super::example_decisions::ExampleDecisions;
use super::policy_replay::PolicyReplay;
use super::recorded_request::recorded_request;
use super::tally::Tally;
use crate::contract::field_tree::FieldTree;
use crate::contract::{BodySchema, Operation};
use crate::decision_log::{LogEntry, RecordedOutcome, RecordedPolicy, RecordedRule};
use crate::judge::Bundle;
use crate::outcome::Outcome;
use crate::policy::replay::PolicyPart;
use crate::policy::{Action, Policy};
use crate::reason::Reason;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Maximum number of policies of the log with counts of their own, besides the new ones.
const POLICIES: usize = 500;
/// Maximum number of operations without recorded requests that have a count of their own.
const OPERATIONS: usize = 50;

/// The changes by one policy.
#[derive(Clone, Debug, Default)]
pub struct PolicyChange {
    /// The action of the new policy; `None` if there is no new policy of this name.
    pub action: Option<Action>,
    /// Requests that the new policy was evaluated for.
    pub asked: u64,
    /// Requests for which it did not hold, by the log.
    pub before: u64,
    /// Requests for which the new policy does not hold.
    pub after: u64,
    /// Requests that passed, and that it would refuse.
    pub refused: ExampleDecisions,
    /// Requests that it refused, and that would pass.
    pub allowed: ExampleDecisions,
    /// Requests for which its outcome is unknown, by the expression that reads a value that the log does not hold.
    pub undetermined: BTreeMap<PolicyPart, ExampleDecisions>,
}

impl PolicyChange {
    // the action is the new policy's own, so it is the same in both
    fn merge(&mut self, later: Self) {
        self.asked += later.asked;
        self.before += later.before;
        self.after += later.after;
        self.refused.merge(later.refused);
        self.allowed.merge(later.allowed);
        for (part, examples) in later.undetermined {
            self.undetermined.entry(part).or_default().merge(examples);
        }
    }
}

/// The requests of a decision log, judged again by other policies. The recorded outcome of the schema is kept, and that of every
/// rule and waiver that has not changed.
#[derive(Debug)]
pub struct Replay<'b> {
    new: &'b Bundle,
    in_force: Option<Arc<InForce>>,
    /// The number of decisions.
    pub decisions: u64,
    /// Decisions that were judged again.
    pub judged: u64,
    /// Decisions that no policy can change: none applies, or the request was refused before policies were evaluated.
    pub standing: u64,
    /// Requests that a new policy applies to and that were not recorded, by operation.
    pub unrecorded: Tally,
    /// Requests that passed and would be refused.
    pub refused: ExampleDecisions,
    /// Requests that were refused and would pass.
    pub allowed: ExampleDecisions,
    /// Requests whose new outcome is unknown.
    pub undetermined: ExampleDecisions,
    /// The changes, by policy.
    pub policies: BTreeMap<Arc<str>, PolicyChange>,
}

/// The bundle in force, which made the decisions of its revision: by it a log without hashes is judged.
#[derive(Debug)]
struct InForce {
    revision: Arc<str>,
    /// The new policies that are equal to the policy in force of the same name.
    same: BTreeSet<Arc<str>>,
    /// Operations of the contract, by id and version.
    operations: HashMap<(Arc<str>, Arc<str>), Arc<Operation>>,
}

impl InForce {
    fn new(old: &Bundle, new: &Bundle) -> Self {
        let of_name = |name: &str| old.policies.all().iter().find(|policy| *policy.name == *name);
        let policies = new.policies.all().iter();
        // by content: the revision of a bundle changes with each of its policies
        let same = policies.filter(|policy| of_name(&policy.name).is_some_and(|old| old.hash == policy.hash));
        let operations = old.contract.operations().into_iter();
        Self {
            revision: old.revision.clone(),
            same: same.map(|policy| policy.name.clone()).collect(),
            operations: operations.map(|it| ((it.id.clone(), it.api_version.clone()), it)).collect(),
        }
    }

    /// The declaration of the body of the request; `None` if the operation is unknown or has no schema.
    fn body_declaration(&self, entry: &LogEntry<'_>) -> Option<&FieldTree> {
        let (id, version): (&str, &str) = (entry.operation.as_deref()?, entry.api_version.as_deref()?);
        let operation = self.operations.get(&(id.into(), version.into()))?;
        operation.body.as_ref().map(BodySchema::field_tree)
    }
}

/// The new outcome of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReplayVerdict {
    Passes,
    Refused,
    Undetermined,
}

impl Accumulator for Replay<'_> {
    fn fresh(&self) -> Self {
        Self::empty(self.new, self.in_force.clone())
    }

    fn take(&mut self, entry: &LogEntry<'_>) {
        self.decisions += 1;
        let bundle = self.new;
        let policies = entry.operation.as_deref().map_or(&[][..], |id| bundle.policies.of_operation(id));
        let was_refused = entry.outcome == Outcome::Denied;
        let declared = self.in_force(entry).and_then(|in_force| in_force.body_declaration(entry));
        match recorded_request(entry, declared) {
            Some(request) if !policies.is_empty() || !entry.policies.is_empty() => {
                let is_in_force =
                    |policy: &Policy| self.in_force(entry).is_some_and(|in_force| in_force.same.contains(&policy.name));
                let replays = policies
                    .iter()
                    .map(|policy| (policy, PolicyReplay::new(policy, entry, &request, || is_in_force(policy))));
                let replays: Vec<_> = replays.collect();
                self.judged += 1;
                self.compare(entry, was_refused, &replays);
            }
            // a policy for an operation that none judged before: there is no recorded attribute to judge by
            None if !policies.is_empty() && !was_refused && entry.policies.is_empty() => {
                self.unrecorded.add(entry.operation.as_deref().unwrap_or_default());
            }
            _ => self.standing += 1,
        }
    }

    fn merge(&mut self, later: Self) {
        self.decisions += later.decisions;
        self.judged += later.judged;
        self.standing += later.standing;
        self.unrecorded.merge(&later.unrecorded);
        self.refused.merge(later.refused);
        self.allowed.merge(later.allowed);
        self.undetermined.merge(later.undetermined);
        for (name, change) in later.policies {
            if let Some(known) = self.change_of(&name) {
                known.merge(change);
            }
        }
    }
}

impl<'b> Replay<'b> {
    /// Replays with the bundle `new`. A recorded outcome is kept if the rule that made it is the same, by its hash; in a log without
    /// hashes, if the bundle `in_force` made the decision and has the same policy.
    pub fn new(new: &'b Bundle, in_force: Option<&Bundle>) -> Self {
        Self::empty(new, in_force.map(|old| Arc::new(InForce::new(old, new))))
    }

    fn empty(new: &'b Bundle, in_force: Option<Arc<InForce>>) -> Self {
        let all = new.policies.all().iter();
        Self {
            new,
            in_force,
            decisions: 0,
            judged: 0,
            standing: 0,
            unrecorded: Tally::new(OPERATIONS),
            refused: ExampleDecisions::default(),
            allowed: ExampleDecisions::default(),
            undetermined: ExampleDecisions::default(),
            policies: all
                .map(|policy| {
                    (policy.name.clone(), PolicyChange { action: Some(policy.action), ..PolicyChange::default() })
                })
                .collect(),
        }
    }

    /// The bundle in force, if it made this decision.
    fn in_force(&self, entry: &LogEntry<'_>) -> Option<&InForce> {
        self.in_force.as_deref().filter(|in_force| *in_force.revision == *entry.revision)
    }

    fn compare(&mut self, entry: &LogEntry<'_>, was_refused: bool, replays: &[(&Arc<Policy>, PolicyReplay)]) {
        let verdict = verdict(entry, replays);
        match (was_refused, verdict) {
            (false, ReplayVerdict::Refused) => self.refused.add(entry),
            (true, ReplayVerdict::Passes) => self.allowed.add(entry),
            (_, ReplayVerdict::Undetermined) => self.undetermined.add(entry),
            _ => {}
        }
        for (policy, replay) in replays {
            let Some(change) = self.policies.get_mut(&policy.name) else { continue };
            change.asked += 1;
            change.after += u64::from(replay.is_violated == Some(true));
            if !was_refused && verdict == ReplayVerdict::Refused && replay.refuses == Some(true) {
                change.refused.add(entry);
            }
            for part in &replay.hidden {
                change.undetermined.entry(*part).or_default().add(entry);
            }
        }
        for evaluated in entry.policies.iter().filter(|evaluated| fires(evaluated)) {
            let Some(change) = self.change_of(&evaluated.name) else { continue };
            change.before += 1;
            if was_refused && verdict == ReplayVerdict::Passes && evaluated.action == Action::Deny {
                change.allowed.add(entry);
            }
        }
    }

    /// The changes by the policy `name`, which may no longer exist; `None` beyond the maximum.
    fn change_of(&mut self, name: &str) -> Option<&mut PolicyChange> {
        let is_known = self.policies.contains_key(name);
        if !is_known && self.policies.len() >= self.new.policies.all().len() + POLICIES {
            return None;
        }
        if !is_known {
            // the name is from the file: it may be longer than any name of a policy
            self.policies.insert(name.chars().take(64).collect::<String>().into(), PolicyChange::default());
        }
        self.policies.get_mut(name)
    }
}

/// The new outcome of a request, given those of the policies.
fn verdict(entry: &LogEntry<'_>, replays: &[(&Arc<Policy>, PolicyReplay)]) -> ReplayVerdict {
    // the log records a limit as a policy; it depends on other requests, so its recorded outcome is kept
    let is_asked = |name: &str| entry.policies.iter().any(|evaluated| evaluated.name == *name);
    let by_others = |rule: &RecordedRule<'_>| !matches!(rule, RecordedRule::Policy(name) if is_asked(name));
    let for_others = |reason| !matches!(reason, Reason::PolicyDenied | Reason::PolicyError);
    // the gateway, the schema or a limit refused: no policy can let the request pass
    if entry.violations.iter().any(|it| it.action == Action::Deny && by_others(&it.rule))
        || entry.outcome == Outcome::Denied && entry.reason.is_some_and(for_others)
    {
        return ReplayVerdict::Refused;
    }
    // an undetermined policy does not end the loop: a later one that refuses decides, whatever this one would
    let mut verdict = ReplayVerdict::Passes;
    for (_, replay) in replays {
        match replay.refuses {
            Some(true) => return ReplayVerdict::Refused,
            Some(false) => {}
            None => verdict = ReplayVerdict::Undetermined,
        }
    }
    verdict
}

/// Whether the policy was violated.
const fn fires(evaluated: &RecordedPolicy<'_>) -> bool {
    matches!(
        evaluated.outcome,
        RecordedOutcome::Violated(_) | RecordedOutcome::SchemaViolated(_) | RecordedOutcome::Failed { .. }
    )
}
