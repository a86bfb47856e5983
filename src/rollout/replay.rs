//! What other policies would have made of the requests of a decision log.

use super::accumulator::Accumulator;
use super::recorded_request::recorded_request;
use super::tally::Tally;
use crate::contract::field_tree::FieldTree;
use crate::contract::{BodySchema, Operation};
use crate::decision_log::{LogEntry, RecordedOutcome, RecordedPolicy, RecordedRule};
use crate::judge::Bundle;
use crate::outcome::Outcome;
use crate::policy::replay::{PolicyPart, ReplayOutcome};
use crate::policy::{Action, Policy};
use crate::reason::Reason;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// How many decisions are shown of each change.
const EXAMPLES: usize = 3;
/// Most policies of the log that are told apart, besides those that judge now.
const POLICIES: usize = 500;
/// Most operations whose requests were not recorded that are told apart.
const OPERATIONS: usize = 50;

/// How many decisions changed, and the ids of the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examples {
    /// How many.
    pub count: u64,
    /// The ids of the first of them.
    pub decisions: Vec<String>,
}

impl Examples {
    fn add(&mut self, entry: &LogEntry<'_>) {
        self.count += 1;
        if self.decisions.len() < EXAMPLES {
            self.decisions.push(entry.decision_id.chars().take(64).collect());
        }
    }

    fn merge(&mut self, later: Self) {
        self.count += later.count;
        let room = EXAMPLES.saturating_sub(self.decisions.len());
        self.decisions.extend(later.decisions.into_iter().take(room));
    }
}

/// What changes with one policy.
#[derive(Clone, Debug, Default)]
pub struct PolicyChange {
    /// What happens now when it does not hold; none where there is no such policy any more.
    pub action: Option<Action>,
    /// Of how many requests it was asked now.
    pub asked: u64,
    /// Of how many requests it did not hold, by the log.
    pub before: u64,
    /// Of how many it does not hold now.
    pub after: u64,
    /// Requests that passed and that it refuses now.
    pub refused: Examples,
    /// Requests that it refused and that pass now.
    pub allowed: Examples,
    /// How often it is not known whether it holds, by the expression that asks for what the record hides.
    pub undetermined: BTreeMap<PolicyPart, Examples>,
}

impl PolicyChange {
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

/// What other policies would have made of the requests of a decision log. The schema's outcome stands as it is recorded, and so
/// do waivers.
#[derive(Debug)]
pub struct Replay<'b> {
    new: &'b Bundle,
    in_force: Option<Arc<InForce>>,
    /// How many decisions there are.
    pub decisions: u64,
    /// How many were judged again.
    pub judged: u64,
    /// How many stand whatever policies say: no policy is for them, or they were refused before any was asked.
    pub standing: u64,
    /// Requests of operations that a policy is for now and of which nothing was recorded, by operation.
    pub unrecorded: Tally,
    /// Requests that passed and are refused now.
    pub refused: Examples,
    /// Requests that were refused and pass now.
    pub allowed: Examples,
    /// Requests of which that is not known.
    pub undetermined: Examples,
    /// What changes, by policy.
    pub policies: BTreeMap<Arc<str>, PolicyChange>,
}

/// What is known of what decided, where a decision is of this revision.
#[derive(Debug)]
struct InForce {
    revision: Arc<str>,
    /// The new policies that say the same as those of these names did.
    same: BTreeSet<Arc<str>>,
    /// Operations of the contract, by id and version.
    operations: HashMap<(Arc<str>, Arc<str>), Arc<Operation>>,
}

impl InForce {
    fn new(old: &Bundle, new: &Bundle) -> Self {
        let of_name = |name: &str| old.policies.all().iter().find(|policy| *policy.name == *name);
        let policies = new.policies.all().iter();
        let same = policies.filter(|policy| of_name(&policy.name).is_some_and(|old| old.is_equivalent(policy)));
        let operations = old.contract.operations().into_iter();
        Self {
            revision: old.revision.clone(),
            same: same.map(|policy| policy.name.clone()).collect(),
            operations: operations.map(|it| ((it.id.clone(), it.api_version.clone()), it)).collect(),
        }
    }

    /// What is declared for the body of the request.
    fn declared(&self, entry: &LogEntry<'_>) -> Option<&FieldTree> {
        let (id, version): (&str, &str) = (entry.operation.as_deref()?, entry.api_version.as_deref()?);
        let operation = self.operations.get(&(id.into(), version.into()))?;
        operation.body.as_ref().map(BodySchema::field_tree)
    }
}

/// What became of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReplayVerdict {
    Passes,
    Refused,
    Undetermined,
}

impl Accumulator for Replay<'_> {
    fn fresh(&self) -> Self {
        Self::nothing(self.new, self.in_force.clone())
    }

    fn take(&mut self, entry: &LogEntry<'_>) {
        self.decisions += 1;
        let bundle = self.new;
        let policies = entry.operation.as_deref().map_or(&[][..], |id| bundle.policies.of_operation(id));
        let was_refused = entry.outcome == Outcome::Denied;
        let declared = self.in_force(entry).and_then(|in_force| in_force.declared(entry));
        match recorded_request(entry, declared) {
            Some(request) if !policies.is_empty() || !entry.policies.is_empty() => {
                let said = policies.iter().map(|policy| {
                    let known = self.stands(entry, policy);
                    (policy, known.unwrap_or_else(|| policy.replay(&request)))
                });
                let said: Vec<_> = said.collect();
                self.judged += 1;
                self.compare(entry, was_refused, &said);
            }
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
            if let Some(known) = self.known(&name) {
                known.merge(change);
            }
        }
    }
}

impl<'b> Replay<'b> {
    /// Judges by `new`. What the policies `in_force` said stands where a new one says the same, for decisions made by just them.
    pub fn new(new: &'b Bundle, in_force: Option<&Bundle>) -> Self {
        Self::nothing(new, in_force.map(|old| Arc::new(InForce::new(old, new))))
    }

    fn nothing(new: &'b Bundle, in_force: Option<Arc<InForce>>) -> Self {
        let all = new.policies.all().iter();
        Self {
            new,
            in_force,
            decisions: 0,
            judged: 0,
            standing: 0,
            unrecorded: Tally::new(OPERATIONS),
            refused: Examples::default(),
            allowed: Examples::default(),
            undetermined: Examples::default(),
            policies: all
                .map(|policy| {
                    (policy.name.clone(), PolicyChange { action: Some(policy.action), ..PolicyChange::default() })
                })
                .collect(),
        }
    }

    /// What decided, where that is known.
    fn in_force(&self, entry: &LogEntry<'_>) -> Option<&InForce> {
        self.in_force.as_deref().filter(|in_force| *in_force.revision == *entry.revision)
    }

    /// What the policy said already, where it is the very rule that was asked.
    fn stands(&self, entry: &LogEntry<'_>, policy: &Policy) -> Option<ReplayOutcome> {
        self.in_force(entry).filter(|in_force| in_force.same.contains(&policy.name))?;
        let evaluated = entry.policies.iter().find(|evaluated| evaluated.name == *policy.name)?;
        Some(if fires(evaluated) { ReplayOutcome::Violated(Vec::new()) } else { ReplayOutcome::Passes })
    }

    fn compare(&mut self, entry: &LogEntry<'_>, was_refused: bool, said: &[(&Arc<Policy>, ReplayOutcome)]) {
        let verdict = verdict(entry, said);
        match (was_refused, verdict) {
            (false, ReplayVerdict::Refused) => self.refused.add(entry),
            (true, ReplayVerdict::Passes) => self.allowed.add(entry),
            (_, ReplayVerdict::Undetermined) => self.undetermined.add(entry),
            _ => {}
        }
        for (policy, said) in said {
            let Some(change) = self.policies.get_mut(&policy.name) else { continue };
            change.asked += 1;
            match said {
                ReplayOutcome::Passes => {}
                ReplayOutcome::Violated(_) | ReplayOutcome::Failed(..) => {
                    change.after += 1;
                    if !was_refused && verdict == ReplayVerdict::Refused && denies(entry, policy) {
                        change.refused.add(entry);
                    }
                }
                ReplayOutcome::Undetermined(parts) => {
                    for part in parts {
                        change.undetermined.entry(*part).or_default().add(entry);
                    }
                }
            }
        }
        for evaluated in entry.policies.iter().filter(|evaluated| fires(evaluated)) {
            let Some(change) = self.known(&evaluated.name) else { continue };
            change.before += 1;
            if was_refused && verdict == ReplayVerdict::Passes && evaluated.action == Action::Deny {
                change.allowed.add(entry);
            }
        }
    }

    /// What changes with the policy called `name`, which may be gone; none where there is no room for it.
    fn known(&mut self, name: &str) -> Option<&mut PolicyChange> {
        let is_known = self.policies.contains_key(name);
        if !is_known && self.policies.len() >= self.new.policies.all().len() + POLICIES {
            return None;
        }
        if !is_known {
            self.policies.insert(name.chars().take(64).collect::<String>().into(), PolicyChange::default());
        }
        self.policies.get_mut(name)
    }
}

/// What becomes of a request by what policies say of it.
fn verdict(entry: &LogEntry<'_>, said: &[(&Arc<Policy>, ReplayOutcome)]) -> ReplayVerdict {
    // a limit is told as a policy is, and is not asked again
    let is_asked = |name: &str| entry.policies.iter().any(|evaluated| evaluated.name == *name);
    let by_others = |rule: &RecordedRule<'_>| !matches!(rule, RecordedRule::Policy(name) if is_asked(name));
    let for_others = |reason| !matches!(reason, Reason::PolicyDenied | Reason::PolicyError);
    if entry.violations.iter().any(|it| it.action == Action::Deny && by_others(&it.rule))
        || entry.outcome == Outcome::Denied && entry.reason.is_some_and(for_others)
    {
        return ReplayVerdict::Refused;
    }
    let mut verdict = ReplayVerdict::Passes;
    for (_, said) in said.iter().filter(|(policy, _)| denies(entry, policy)) {
        match said {
            ReplayOutcome::Passes => {}
            ReplayOutcome::Violated(_) | ReplayOutcome::Failed(..) => return ReplayVerdict::Refused,
            ReplayOutcome::Undetermined(_) => verdict = ReplayVerdict::Undetermined,
        }
    }
    verdict
}

/// Whether the policy refuses the request when it does not hold: it denies, and no waiver lets the request pass.
fn denies(entry: &LogEntry<'_>, policy: &Policy) -> bool {
    let waives = |rule: &RecordedRule<'_>| matches!(rule, RecordedRule::Policy(name) if *name == *policy.name);
    let is_waived = entry.violations.iter().any(|it| it.waived_by.is_some() && waives(&it.rule));
    policy.action == Action::Deny && !is_waived
}

/// Whether the policy did not hold.
const fn fires(evaluated: &RecordedPolicy<'_>) -> bool {
    matches!(
        evaluated.outcome,
        RecordedOutcome::Violated(_) | RecordedOutcome::SchemaViolated(_) | RecordedOutcome::Failed { .. }
    )
}
