//! Counts of what a shadow bundle would have changed, by rule.

use super::example_decisions::ExampleDecisions;
use super::tally::Tally;
use crate::decision_log::{LogEntry, RecordedDifference, RecordedRule};
use crate::judge::ShadowDecision;
use crate::policy::Action;
use std::collections::BTreeMap;

/// Maximum number of rules with counts of their own.
const RULES: usize = 200;
/// Maximum number of revisions with a count of their own.
const REVISIONS: usize = 50;

/// What shadow bundles would have changed.
#[derive(Debug)]
pub struct ShadowUse {
    /// Requests that passed and would have been refused.
    pub would_refuse: u64,
    /// Requests that were refused and would have passed.
    pub would_allow: u64,
    /// Requests with any difference, by revision of the shadow bundle.
    pub revisions: Tally,
    /// The rules that would have another effect, by name.
    pub rules: BTreeMap<Box<str>, ShadowRuleUse>,
    /// Differences by rules beyond the maximum.
    pub more_rules: u64,
}

/// What one rule of a shadow bundle would have changed.
#[derive(Clone, Debug, Default)]
pub struct ShadowRuleUse {
    /// Requests that passed and that it would refuse.
    pub would_refuse: ExampleDecisions,
    /// Requests that it refused in the bundle in force, and that would pass.
    pub would_allow: ExampleDecisions,
    /// Requests on which it has another effect, with the same decision.
    pub others: ExampleDecisions,
}

impl Default for ShadowUse {
    fn default() -> Self {
        let revisions = Tally::new(REVISIONS);
        Self { would_refuse: 0, would_allow: 0, revisions, rules: BTreeMap::new(), more_rules: 0 }
    }
}

impl ShadowUse {
    /// Whether the log has no difference.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(super) fn take(&mut self, entry: &LogEntry<'_>) {
        let Some(shadow) = &entry.shadow else { return };
        self.would_refuse += u64::from(shadow.decision == Some(ShadowDecision::WouldRefuse));
        self.would_allow += u64::from(shadow.decision == Some(ShadowDecision::WouldAllow));
        self.revisions.add(&shadow.revision);
        for difference in &shadow.differences {
            match self.rule(name(&difference.rule)) {
                Some(rule) => rule.take(entry, shadow.decision, difference),
                None => self.more_rules += 1,
            }
        }
    }

    /// The counts of the rule called `name`; `None` beyond the maximum.
    fn rule(&mut self, name: &str) -> Option<&mut ShadowRuleUse> {
        // the name is from the file: it may be longer than any name of a rule
        let name = name.get(..name.len().min(64)).unwrap_or_default();
        if !self.rules.contains_key(name) && self.rules.len() >= RULES {
            return None;
        }
        Some(self.rules.entry(name.into()).or_default())
    }

    /// Adds the counts of `later`, which are of later entries.
    pub(super) fn merge(&mut self, later: Self) {
        self.would_refuse += later.would_refuse;
        self.would_allow += later.would_allow;
        self.revisions.merge(&later.revisions);
        self.more_rules += later.more_rules;
        for (name, rule) in later.rules {
            match self.rule(&name) {
                Some(known) => known.merge(rule),
                None => self.more_rules += rule.would_refuse.count + rule.would_allow.count + rule.others.count,
            }
        }
    }
}

impl ShadowRuleUse {
    fn take(&mut self, entry: &LogEntry<'_>, decision: Option<ShadowDecision>, difference: &RecordedDifference<'_>) {
        let examples = match decision {
            Some(ShadowDecision::WouldRefuse) if difference.shadow_action == Some(Action::Deny) => {
                &mut self.would_refuse
            }
            Some(ShadowDecision::WouldAllow) if difference.action == Some(Action::Deny) => &mut self.would_allow,
            _ => &mut self.others,
        };
        examples.add(entry);
    }

    fn merge(&mut self, later: Self) {
        self.would_refuse.merge(later.would_refuse);
        self.would_allow.merge(later.would_allow);
        self.others.merge(later.others);
    }
}

fn name<'r>(rule: &'r RecordedRule<'_>) -> &'r str {
    match rule {
        RecordedRule::Policy(name) | RecordedRule::Keyword(name) => name,
        RecordedRule::Gateway => "gateway",
    }
}
