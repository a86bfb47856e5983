//! The proof of one rule: two versions of a policy.

use super::request_maker::RequestMaker;
use super::verdict::{ChangeVerdict, Difference, Direction, Finding, Step};
use crate::contract::Operation;
use crate::contract::credential::Environment;
use crate::judge::Bundle;
use crate::judge::violation::{Rule, Violation};
use crate::policy::comparison::{Assignment, PairComparison, Possibility, RulePair};
use crate::policy::{Action, Effect, Policy};
use crate::policy_test::{ActualDecision, Counters, RequestSearch, TestRequest};
use crate::reason::Reason;
use std::sync::Arc;

/// Most requests that are judged for one direction of one rule.
const MOST_JUDGED: usize = 4_000;
/// Most requests of these that are made of one combination of values.
const MOST_OF_ONE: usize = 400;

/// Why a policy is not decided.
const NOT_UNDERSTOOD: &str = "its expressions are not understood well enough to prove more";

/// Whether a rule judges requests, or counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    Policy,
    Limit,
}

/// What is proven of a rule.
#[derive(Clone, Debug)]
pub struct RuleProof {
    pub name: Arc<str>,
    pub kind: RuleKind,
    /// Its action on each side; `None` where it does not exist.
    pub old: Option<Action>,
    pub new: Option<Action>,
    /// Whether a request exists to which the new version does more.
    pub stricter: Finding,
    /// Whether a request exists to which the new version does less.
    pub looser: Finding,
}

impl RuleProof {
    pub const fn verdict(&self) -> ChangeVerdict {
        ChangeVerdict::of(&self.stricter, &self.looser)
    }

    /// What is known of one direction.
    pub const fn finding(&self, direction: Direction) -> &Finding {
        match direction {
            Direction::Stricter => &self.stricter,
            Direction::Looser => &self.looser,
        }
    }
}

/// The two bundles, and requests that are known to be of interest.
#[derive(Clone, Copy)]
pub(super) struct Sides<'b> {
    pub(super) old: &'b Bundle,
    pub(super) new: &'b Bundle,
    pub(super) seeds: &'b [TestRequest],
}

/// An operation and environment, with the comparison of the versions for them.
pub(super) type Place = (Arc<Operation>, Environment, PairComparison);

impl Sides<'_> {
    /// Proves the policy called `name`.
    pub(super) fn prove_policy(self, name: &Arc<str>) -> RuleProof {
        let [old, new] = [self.old, self.new].map(|bundle| bundle.policies.all().iter().find(|it| it.name == *name));
        let action = |policy: Option<&Arc<Policy>>| policy.map(|policy| policy.action);
        let pair = RulePair::new(old.map(AsRef::as_ref), new.map(AsRef::as_ref));
        let places = self.places(&pair);
        let search = RuleSearch { sides: self, name, places: &places };
        let [stricter, looser] = Direction::ALL.map(|direction| search.finding(direction));
        let (kind, old, new) = (RuleKind::Policy, action(old), action(new));
        RuleProof { name: Arc::clone(name), kind, old, new, stricter, looser }
    }

    /// The operations and environments for which the two versions may differ.
    pub(super) fn places(self, pair: &RulePair<'_>) -> Vec<Place> {
        let ids = pair.operations();
        let operations = self.new.contract.operations().into_iter().filter(|operation| ids.contains(&operation.id));
        let environments = [Environment::Production, Environment::Development];
        let places =
            operations.flat_map(|operation| environments.map(|environment| (Arc::clone(&operation), environment)));
        let compared = places.map(|(operation, environment)| {
            let comparison = pair.compare(&operation, environment);
            (operation, environment, comparison)
        });
        let differs =
            |(.., it): &Place| !matches!((&it.stricter, &it.looser), (Possibility::Never, Possibility::Never));
        compared.filter(differs).collect()
    }
}

/// The search for requests that the two versions of one rule treat differently.
struct RuleSearch<'b> {
    sides: Sides<'b>,
    name: &'b Arc<str>,
    places: &'b [Place],
}

impl RuleSearch<'_> {
    fn finding(&self, direction: Direction) -> Finding {
        let possible = self.places.iter().filter_map(|(operation, environment, comparison)| {
            let possibility = match direction {
                Direction::Stricter => &comparison.stricter,
                Direction::Looser => &comparison.looser,
            };
            match possibility {
                Possibility::Never => None,
                Possibility::Perhaps(assignments) => Some((operation, *environment, comparison, assignments)),
            }
        });
        let possible: Vec<_> = possible.collect();
        if possible.is_empty() {
            return Finding::Never;
        }
        let judges = RuleJudges::new(self.sides, self.name);
        let mut tried = 0;
        let mut shown = |request: TestRequest| {
            tried += 1;
            judges.difference(vec![Step::once(request)], direction)
        };
        let made = possible.iter().flat_map(|(operation, environment, comparison, assignments)| {
            let maker = RequestMaker::new(&self.sides.new.contract, operation, *environment);
            requests_of(&maker, comparison, assignments)
        });
        let found = made.take(MOST_JUDGED).find_map(&mut shown).or_else(|| {
            let search = self.near_seeds(&judges);
            search.requests().take(MOST_JUDGED).find_map(&mut shown)
        });
        found.map_or(Finding::NotFound { judged: tried, why: NOT_UNDERSTOOD }, |difference| {
            Finding::Shown(Box::new(difference))
        })
    }

    /// Variations of the known requests to the operations of the rule.
    fn near_seeds(&self, judges: &RuleJudges) -> RequestSearch {
        let is_of_rule = |request: &&TestRequest| {
            let path = request.uri.path();
            let routed = self.sides.new.route(&request.method, path, request.version.as_deref());
            matches!(routed, crate::contract::Routed::Operation(operation, _)
                if self.places.iter().any(|(known, ..)| known.id == operation.id))
        };
        let mut seeds: Vec<_> = self.sides.seeds.iter().filter(is_of_rule).cloned().collect();
        if seeds.is_empty() {
            let makers = self.places.iter().map(|(operation, environment, _)| {
                RequestMaker::new(&self.sides.new.contract, operation, *environment).request(&[])
            });
            seeds.extend(makers.flatten().take(4));
        }
        RequestSearch::new(seeds, Vec::new(), (&judges.old, &judges.new))
    }
}

/// The requests for the values of `assignments`, and those near them.
pub(super) fn requests_of(
    maker: &RequestMaker<'_>,
    comparison: &PairComparison,
    assignments: &[Assignment],
) -> Vec<TestRequest> {
    let none = [Assignment::default()];
    let assignments = if assignments.is_empty() { &none[..] } else { assignments };
    let mut requests = Vec::new();
    for assigned in assignments {
        let options = maker.options(assigned, &comparison.hints);
        let with = |chosen: &dyn Fn(usize, usize) -> usize| {
            let parts = options.iter().enumerate().filter_map(|(at, (part, values))| {
                let position = chosen(at, values.len());
                Some((part, values.get(position)?.as_ref()))
            });
            maker.request(&parts.collect::<Vec<_>>())
        };
        requests.extend(with(&|_, _| 0));
        // each part alone first: most differences need no more
        for (varied, (_, values)) in options.iter().enumerate() {
            requests.extend((1..values.len()).filter_map(|value| with(&|at, _| if at == varied { value } else { 0 })));
        }
        let count = options.iter().fold(1_usize, |product, (_, values)| product.saturating_mul(values.len().max(1)));
        for combination in 0..count.min(MOST_OF_ONE) {
            let divisors: Vec<usize> = options
                .iter()
                .scan(1_usize, |divisor, (_, values)| {
                    let own = *divisor;
                    *divisor = divisor.saturating_mul(values.len().max(1));
                    Some(own)
                })
                .collect();
            requests.extend(with(&|at, length| {
                divisors.get(at).map_or(0, |divisor| combination / divisor.max(&1) % length.max(1))
            }));
        }
        if requests.len() >= MOST_JUDGED {
            break;
        }
    }
    requests
}

/// The bundles with one rule only, by which its effect is judged: it must not depend on the others.
pub(super) struct RuleJudges {
    name: Arc<str>,
    old: Bundle,
    new: Bundle,
}

impl RuleJudges {
    pub(super) fn new(sides: Sides<'_>, name: &Arc<str>) -> Self {
        let names = std::iter::once(name.to_string()).collect();
        Self { name: Arc::clone(name), old: sides.old.only(&names), new: sides.new.only(&names) }
    }

    /// The effects of both versions on the last request of `steps`, and the decisions of the new one; `None` if it does not fit the
    /// contract.
    pub(super) fn effects(&self, steps: &[Step]) -> Option<(Effect, Effect, Vec<ActualDecision>)> {
        let [old, new] = [&self.old, &self.new].map(|bundle| decide(steps, bundle));
        Some((effect(&self.name, old.last()?)?, effect(&self.name, new.last()?)?, new))
    }

    pub(super) fn difference(&self, steps: Vec<Step>, direction: Direction) -> Option<Difference> {
        let (old, new, decisions) = self.effects(&steps)?;
        (Direction::of(old, new) == Some(direction)).then(|| Difference::new(steps, (old, new), &decisions))
    }
}

/// The decisions of `bundle` for the steps, each for the last of its requests.
pub(super) fn decide(steps: &[Step], bundle: &Bundle) -> Vec<ActualDecision> {
    let mut counters = Counters::default();
    let decisions = steps.iter().map(|step| {
        counters.wait(step.after);
        counters.decide(&step.request, step.repeat, bundle)
    });
    decisions.collect()
}

/// The effect of the rule called `name`; `None` if the request does not fit the contract.
fn effect(name: &str, actual: &ActualDecision) -> Option<Effect> {
    let is_own = |violation: &&Violation| matches!(&violation.rule, Rule::Policy(rule) if rule.as_ref() == name);
    let refused_by_rule =
        matches!(actual.refused, None | Some(Reason::PolicyDenied | Reason::PolicyError | Reason::RateLimited));
    if !refused_by_rule || !actual.violations.iter().all(|violation| is_own(&violation)) {
        return None;
    }
    let strictest = actual.violations.iter().map(|violation| violation.action).min();
    Some(strictest.map_or(Effect::Pass, Effect::from))
}
