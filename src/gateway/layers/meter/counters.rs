//! The counters of all limits, shared by the workers. They outlive a bundle, so that a reload of policies resets no limit.

use super::concurrency::{ConcurrencyByKey, ConcurrencySlot};
use super::keyed_windows::{CountedEvent, KeyedWindows};
use crate::gateway::call::Charge;
use crate::judge::violation::Violation;
use crate::judge::{above_limit, applied_waiver};
use crate::policy::{Action, Limit, Pace, Policies};
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The counters of all limits.
#[derive(Debug)]
pub(in crate::gateway) struct LimitCounters {
    /// By [`Limit::identity`].
    // read on every counted request, written only when a limit is first used or policies are reloaded
    by_limit: ArcSwap<HashMap<u64, Arc<LimitCounter>>>,
    /// Hashes keys. Seeded at random, so that a client cannot choose keys that collide.
    hasher: RandomState,
    /// The zero of the times in windows.
    epoch: Instant,
}

/// The counters of one limit.
#[derive(Debug)]
struct LimitCounter {
    windows: KeyedWindows,
    slots: ConcurrencyByKey,
}

/// The concurrency slots of one request. Dropping it frees them.
#[derive(Debug, Default)]
pub(super) struct HeldSlots {
    slots: Vec<ConcurrencySlot>,
}

/// The result of counting a request.
#[derive(Debug, Default)]
pub(super) struct ChargeResult {
    pub(super) slots: HeldSlots,
    /// The limits that the request is above.
    pub(super) exceeded: Vec<Exceeded>,
    /// Keys whose counts were evicted to make room for this request's.
    pub(super) evicted: u64,
}

/// A limit that a request is above.
#[derive(Debug)]
pub(super) struct Exceeded {
    pub(super) violation: Violation,
    /// Time until one more request may pass. `None` for a concurrency limit, where it depends on other requests.
    pub(super) wait: Option<Duration>,
}

impl Default for LimitCounters {
    fn default() -> Self {
        Self { by_limit: ArcSwap::default(), hasher: RandomState::new(), epoch: Instant::now() }
    }
}

impl LimitCounters {
    /// Counts a request at `now` by each of `charges`. A request above a limit that denies is counted by none.
    pub(super) fn charge(&self, charges: &[Charge], now: Instant) -> ChargeResult {
        let now = now.saturating_duration_since(self.epoch);
        let (mut result, mut events) = (ChargeResult::default(), Vec::new());
        for Charge { limit, key, cost, waivers } in charges {
            // those that a waiver covers are counted apart: they would use up what the limit leaves to the others
            let waiver = applied_waiver(waivers).map(|waiver| &waiver.name);
            let (count, key) = (self.counter(limit), self.hasher.hash_one((key, waiver)));
            match count.take(limit, (key, *cost), now) {
                Ok((slot, taken)) => {
                    result.slots.slots.extend(slot);
                    result.evicted += u64::from(taken.is_some_and(|taken| taken.evicted));
                    events.extend(taken.map(|taken| (count, taken)));
                }
                Err(wait) => {
                    let is_too_large = limit.rate.as_ref().is_some_and(|rate| *cost > rate.events);
                    result.exceeded.push(Exceeded { violation: above_limit(limit, is_too_large, waivers), wait });
                }
            }
        }
        // counted first and given back, not checked first: two workers that only checked could both pass the last slot
        if result.exceeded.iter().any(|above| above.violation.action == Action::Deny) {
            for (count, taken) in events {
                count.windows.give_back(taken);
            }
            result.slots = HeldSlots::default();
        }
        result
    }

    /// Drops the counters of limits that `policies` does not have.
    pub(in crate::gateway) fn retain(&self, policies: &Policies) {
        self.by_limit.rcu(|of| {
            let retained =
                policies.limits().iter().filter_map(|limit| Some((limit.identity, of.get(&limit.identity)?.clone())));
            retained.collect::<HashMap<_, _>>()
        });
    }

    /// The counters of `limit`, created on first use: a request judged by the bundle before a reload still finds its own.
    fn counter(&self, limit: &Limit) -> Arc<LimitCounter> {
        if let Some(known) = self.by_limit.load().get(&limit.identity) {
            return known.clone();
        }
        let fresh = Arc::new(LimitCounter { windows: KeyedWindows::new(), slots: ConcurrencyByKey::default() });
        let before = self.by_limit.rcu(|of| {
            let mut of = HashMap::clone(of);
            of.entry(limit.identity).or_insert_with(|| fresh.clone());
            of
        });
        // another worker may have been first
        before.get(&limit.identity).cloned().unwrap_or(fresh)
    }
}

impl LimitCounter {
    fn take(
        &self,
        limit: &Limit,
        (key, cost): (u64, u32),
        now: Duration,
    ) -> Result<(Option<ConcurrencySlot>, Option<CountedEvent>), Option<Duration>> {
        let slot = match limit.in_flight {
            Some(most) => Some(self.slots.take(key, most).ok_or(None)?),
            None => None,
        };
        let taken = match &limit.rate {
            Some(rate) => Some(self.windows.take((key, cost), Pace::new(rate.events, rate.period), now).map_err(Some)?),
            None => None,
        };
        Ok((slot, taken))
    }
}
