//! The proof of one limit: which requests two versions count, by which key, as how many, and how many they permit.
//!
//! A limit is stricter if it counts a request that the other version does not, or as more, or permits fewer. What a version refuses
//! is not counted by it, so that of a long sequence of requests the stricter version may let a later one pass that the other refuses:
//! that is no difference in the sense of these proofs.

use super::request_maker::RequestMaker;
use super::rule::{RuleJudges, RuleKind, RuleProof, Sides, requests_of};
use super::verdict::{Difference, Direction, Finding, Step};
use crate::policy::Limit;
use crate::policy::comparison::{LimitChange, Possibility, RulePair};
use crate::policy_test::TestRequest;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Most requests of which sequences are made.
const MOST_REQUESTS: usize = 60;
/// Longest sequence: more events are not counted one by one.
const MOST_REPEATED: u32 = 100_000;
/// The time between two requests, if it does not matter.
const SHORTLY: Duration = Duration::from_millis(1);
/// Why a limit is not decided.
const NOT_SHOWN: &str = "what it counts or permits has changed in a way that no sequence of requests showed";

impl Sides<'_> {
    /// Proves the limit called `name`.
    pub(super) fn prove_limit(self, name: &Arc<str>) -> RuleProof {
        let [old, new] = [self.old, self.new].map(|bundle| bundle.policies.limits().iter().find(|it| it.name == *name));
        let (old, new) = (old.map(AsRef::as_ref), new.map(AsRef::as_ref));
        let change = match (old, new) {
            (Some(old), Some(new)) => LimitChange::of(old, new),
            _ => LimitChange::default(),
        };
        let places = self.places(&RulePair::new(old, new));
        let is_in_scope = |direction: Direction| {
            places.iter().any(|(.., it)| match direction {
                Direction::Stricter => !matches!(it.stricter, Possibility::Never),
                Direction::Looser => !matches!(it.looser, Possibility::Never),
            })
        };
        let is_possible = |direction: Direction| match direction {
            Direction::Stricter => change.may_be_stricter || is_in_scope(direction),
            Direction::Looser => change.may_be_looser || is_in_scope(direction),
        };
        let [stricter, looser] = Direction::ALL.map(|direction| {
            if !is_possible(direction) {
                return Finding::Never;
            }
            LimitSearch::new(self, name, (old, new)).finding(direction)
        });
        let action = |limit: Option<&Limit>| limit.map(|limit| limit.action);
        let (kind, old, new) = (RuleKind::Limit, action(old), action(new));
        RuleProof { name: Arc::clone(name), kind, old, new, stricter, looser }
    }
}

/// The search for a sequence of requests that two versions of a limit treat differently.
struct LimitSearch {
    judges: RuleJudges,
    requests: Vec<TestRequest>,
    /// How often a request is sent first.
    repeats: BTreeSet<u32>,
    /// The times after which it is sent again.
    waits: Vec<Duration>,
}

impl LimitSearch {
    fn new(sides: Sides<'_>, name: &Arc<str>, (old, new): (Option<&Limit>, Option<&Limit>)) -> Self {
        let mut requests: Vec<TestRequest> = sides.requests_that_count(old, new);
        requests.truncate(MOST_REQUESTS);
        let rates: Vec<_> = [old, new].into_iter().flatten().filter_map(|limit| limit.rate.as_ref()).collect();
        let events = rates.iter().flat_map(|rate| [rate.events, rate.events.saturating_add(1)]);
        let repeats = events.chain([1]).filter(|repeat| *repeat <= MOST_REPEATED).collect();
        let mut waits = vec![SHORTLY];
        // in fortieths of a period: limits count in twentieths
        waits.extend(rates.iter().flat_map(|rate| (38..=44).map(|part| rate.period * part / 40)));
        Self { judges: RuleJudges::new(sides, name), requests, repeats, waits }
    }

    fn finding(&self, direction: Direction) -> Finding {
        let mut judged = 0;
        let mut shown = |steps: Vec<Step>| -> Option<Difference> {
            judged += 1;
            self.judges.difference(steps, direction)
        };
        let alone = self.requests.iter().flat_map(|request| {
            self.repeats.iter().map(|repeat| vec![Step { repeat: *repeat, ..Step::once(request.clone()) }])
        });
        let found = alone.into_iter().find_map(&mut shown).or_else(|| self.pairs().find_map(&mut shown));
        found.map_or(Finding::NotFound { judged, why: NOT_SHOWN }, |found| Finding::Shown(Box::new(found)))
    }

    /// A request some times, and another one after it.
    fn pairs(&self) -> impl Iterator<Item = Vec<Step>> + '_ {
        // the fullest window first that a further request is above
        let repeats = self.repeats.iter().rev().skip(1).chain(self.repeats.iter().next_back());
        let first = self.requests.iter().take(6).flat_map(move |request| {
            repeats.clone().map(|repeat| Step { repeat: *repeat, ..Step::once(request.clone()) })
        });
        first.flat_map(move |first| {
            let others = self.requests.iter().take(12);
            others.flat_map(move |other| {
                let first = first.clone();
                self.waits
                    .iter()
                    .map(move |after| vec![first.clone(), Step { after: *after, ..Step::once(other.clone()) }])
            })
        })
    }
}

impl Sides<'_> {
    /// Requests that one of the versions counts, with different keys and costs.
    fn requests_that_count(self, old: Option<&Limit>, new: Option<&Limit>) -> Vec<TestRequest> {
        // Those that only one of them counts first. Against a version that counts nothing, all that a version counts differs.
        let pairs = [RulePair::new(old, new), RulePair::new(None, new), RulePair::new(old, None)];
        let made = pairs.iter().flat_map(|pair| {
            let made = self.places(pair).into_iter().flat_map(|(operation, environment, comparison)| {
                let maker = RequestMaker::new(&self.new.contract, &operation, environment);
                let possible = [&comparison.stricter, &comparison.looser].into_iter().filter_map(|it| match it {
                    Possibility::Perhaps(found) => Some(found.iter().take(4).cloned()),
                    Possibility::Never => None,
                });
                let assignments: Vec<_> = possible.flatten().collect();
                let mut requests = requests_of(&maker, &comparison, &assignments);
                requests.truncate(4);
                requests
            });
            made.take(MOST_REQUESTS / 8)
        });
        let mut requests = Vec::new();
        for request in made {
            let callers = super::request_maker::callers(&request);
            let larger = super::request_maker::larger(&request);
            requests.extend([request].into_iter().chain(callers).chain(larger));
        }
        requests.extend(self.seeds.iter().take(MOST_REQUESTS).cloned());
        requests
    }
}
