//! The proof of all rules together: whether a request is refused by one bundle and passes the other.

use super::rule::{RuleProof, Sides, decide};
use super::verdict::{ChangeVerdict, Difference, Direction, Finding, Step};
use crate::contract::strictness::{InspectionRules, Mode, PolicyEffect};
use crate::judge::Bundle;
use crate::policy::comparison::{Possibility, RulePair};
use crate::policy::{Action, Effect, Policy};
use crate::policy_test::{ActualDecision, Suite, TestRequest};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is proven of a change of policies.
#[derive(Debug)]
pub struct BundleProof {
    /// Each rule of either bundle, by name.
    pub rules: Vec<RuleProof>,
    /// Whether a request exists that is refused now and passed before.
    pub stricter: Finding,
    /// Whether a request exists that passes now and was refused before.
    pub looser: Finding,
}

/// Proves how the rules of `new` compare with those of `old`, which have the same contract. The requests of `suites` are tried
/// where nothing can be proven.
pub fn prove(old: &Bundle, new: &Bundle, suites: &[Suite]) -> BundleProof {
    let seeds: Vec<TestRequest> = suites.iter().flat_map(Suite::requests).cloned().collect();
    let sides = Sides { old, new, seeds: &seeds };
    let names: BTreeSet<&Arc<str>> =
        [old, new].into_iter().flat_map(|bundle| bundle.policies.all().iter().map(|it| &it.name)).collect();
    let limits: BTreeSet<&Arc<str>> =
        [old, new].into_iter().flat_map(|bundle| bundle.policies.limits().iter().map(|it| &it.name)).collect();
    let policies = names.into_iter().map(|name| sides.prove_policy(name));
    let rules: Vec<RuleProof> = policies.chain(limits.into_iter().map(|name| sides.prove_limit(name))).collect();
    let [stricter, looser] = Direction::ALL.map(|direction| sides.finding(&rules, direction));
    BundleProof { rules, stricter, looser }
}

impl BundleProof {
    pub const fn verdict(&self) -> ChangeVerdict {
        ChangeVerdict::of(&self.stricter, &self.looser)
    }
}

impl Sides<'_> {
    /// What is known of one direction of the whole.
    fn finding(self, rules: &[RuleProof], direction: Direction) -> Finding {
        let shown = rules.iter().flat_map(|rule| Direction::ALL.map(|it| rule.finding(it).difference()));
        let shown = shown.flatten().map(|difference| difference.steps.clone());
        let others = self.inspection_requests().into_iter().chain(self.seeds.iter().cloned());
        let mut judged = 0;
        let found = shown.chain(others.map(|request| vec![Step::once(request)])).find_map(|steps| {
            judged += 1;
            self.difference(steps, direction)
        });
        match found {
            Some(difference) => Finding::Shown(Box::new(difference)),
            None if self.is_never(rules, direction) => Finding::Never,
            None => Finding::NotFound { judged, why: "a rule that refuses may differ" },
        }
    }

    fn difference(self, steps: Vec<Step>, direction: Direction) -> Option<Difference> {
        let [before, now] = [self.old, self.new].map(|bundle| decide(&steps, bundle));
        let effect = |actual: &ActualDecision| if actual.refused.is_some() { Effect::Refuse } else { Effect::Pass };
        let (old, new) = (effect(before.last()?), effect(now.last()?));
        (Direction::of(old, new) == Some(direction)).then(|| Difference::new(steps, (old, new), &now))
    }

    /// Whether it is proven that no request is refused by the one bundle and passes the other: each of its rules that refuse has a
    /// version on the other side that refuses as much, and requests are inspected as strictly there.
    fn is_never(self, rules: &[RuleProof], direction: Direction) -> bool {
        let is_covered = |rule: &RuleProof| {
            let action = match direction {
                Direction::Stricter => rule.new,
                Direction::Looser => rule.old,
            };
            action != Some(Action::Deny)
                || rule.finding(direction).is_never()
                || self.is_covered_by_another(rule, direction)
        };
        let (refusing, other) = match direction {
            Direction::Stricter => (self.new, self.old),
            Direction::Looser => (self.old, self.new),
        };
        rules.iter().all(is_covered) && (rules.iter().all(RuleProof::is_unchanged) || is_inspected_as(refusing, other))
    }

    /// Whether a policy of another name refuses all that this one refuses on its side: it was renamed, or is of no use.
    fn is_covered_by_another(self, rule: &RuleProof, direction: Direction) -> bool {
        let (side, other) = match direction {
            Direction::Stricter => (self.new, self.old),
            Direction::Looser => (self.old, self.new),
        };
        let Some(policy) = side.policies.all().iter().find(|policy| policy.name == rule.name) else { return false };
        // of those for other operations it is known without a comparison
        let is_as_wide =
            |it: &&Arc<Policy>| it.action == Action::Deny && policy.scope.operations.is_subset(&it.scope.operations);
        let mut others = other.policies.all().iter().filter(is_as_wide);
        others.any(|it| {
            let pair = RulePair::new(Some(policy.as_ref()), Some(it.as_ref()));
            self.places(&pair).iter().all(|(.., comparison)| matches!(comparison.looser, Possibility::Never))
        })
    }

    /// Requests that are refused where an operation is inspected, and pass where it is not.
    fn inspection_requests(self) -> Vec<TestRequest> {
        let operations = self.new.contract.operations().into_iter();
        let differing = operations.filter(|operation| self.old.inspection(operation) != self.new.inspection(operation));
        differing.flat_map(|operation| super::request_maker::unfitting(&self.new.contract, &operation)).collect()
    }
}

impl RuleProof {
    fn is_unchanged(&self) -> bool {
        self.old == self.new && self.stricter.is_never() && self.looser.is_never()
    }
}

/// Whether `other` inspects each operation at least as strictly as `refusing`, and reads as much of heads.
fn is_inspected_as(refusing: &Bundle, other: &Bundle) -> bool {
    refusing.contract.operations().iter().all(|operation| {
        // in shadow mode nothing is refused
        let [one, as_strict] =
            [refusing, other].map(|bundle| bundle.inspection(operation).filter(|rules| !rules.is_shadow()));
        let is_as_strict = match (one, as_strict) {
            (None, _) => return true,
            (Some(_), None) => return false,
            (Some(one), Some(other)) => !is_lenient(one) && !is_lenient(other),
        };
        let heads = |bundle: &Bundle| {
            let (policies, id) = (&bundle.policies, operation.id.as_ref());
            let read = policies.headers_read(id).into_iter().chain(policies.query_read(id)).map(str::to_owned);
            (read.collect::<BTreeSet<_>>(), policies.reads_any_header(id), policies.reads_any_query(id))
        };
        let (one, other) = (heads(refusing), heads(other));
        is_as_strict && one.0.is_subset(&other.0) && (!one.1 || other.1) && (!one.2 || other.2)
    })
}

/// Whether bodies that do not fit the contract reach a rule that refuses: nothing is proven of those.
fn is_lenient(rules: InspectionRules) -> bool {
    rules.mode == Mode::Audit && rules.policy_effect == PolicyEffect::Denies
}
