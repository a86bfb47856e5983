//! What limits have counted, for all workers. It outlives the bundle, so that loading policies anew gives nobody a fresh
//! start.

use super::concurrency::{ConcurrencyByKey, ConcurrencySlot};
use super::keyed_windows::{CountedEvent, KeyedWindows};
use super::window::Pace;
use crate::gateway::call::Charge;
use crate::policy::{Action, Limit, Policies};
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What limits have counted.
#[derive(Debug)]
pub(in crate::gateway) struct LimitCounters {
    /// By [`Limit::identity`].
    of: ArcSwap<HashMap<u64, Arc<LimitCounter>>>,
    /// Makes of keys what no client can foresee.
    hasher: RandomState,
    /// The beginning of the times in windows.
    epoch: Instant,
}

/// What one limit has counted.
#[derive(Debug)]
struct LimitCounter {
    windows: KeyedWindows,
    places: ConcurrencyByKey,
}

/// A request that is counted; dropping it ends its being under way.
#[derive(Debug, Default)]
pub struct HeldSlots {
    places: Vec<ConcurrencySlot>,
}

/// What came of counting a request.
#[derive(Debug, Default)]
pub(super) struct ChargeResult {
    pub(super) counted: HeldSlots,
    /// The limits that it is above.
    pub(super) exceeded: Vec<Exceeded>,
    /// Keys that were forgotten to make room for its own.
    pub(super) forgotten: u64,
}

/// A limit that a request is above.
#[derive(Debug)]
pub(super) struct Exceeded {
    pub(super) limit: Arc<Limit>,
    /// How long it takes until one more may pass; none where that depends on others.
    pub(super) wait: Option<Duration>,
}

impl Default for LimitCounters {
    fn default() -> Self {
        Self { of: ArcSwap::default(), hasher: RandomState::new(), epoch: Instant::now() }
    }
}

impl LimitCounters {
    /// LimitCounters a request at `now` by each of `charges`. Above a limit that denies, it is counted by none.
    pub(super) fn take(&self, charges: &[Charge], now: Instant) -> ChargeResult {
        let now = now.saturating_duration_since(self.epoch);
        let (mut reading, mut events) = (ChargeResult::default(), Vec::new());
        for (limit, key) in charges {
            let (count, key) = (self.count(limit), self.hasher.hash_one(key));
            match count.take(limit, key, now) {
                Ok((place, taken)) => {
                    reading.counted.places.extend(place);
                    reading.forgotten += u64::from(taken.is_some_and(|taken| taken.forgot));
                    events.extend(taken.map(|taken| (count, taken)));
                }
                Err(wait) => reading.exceeded.push(Exceeded { limit: limit.clone(), wait }),
            }
        }
        if reading.exceeded.iter().any(|above| above.limit.action == Action::Deny) {
            for (count, taken) in events {
                count.windows.give_back(taken);
            }
            reading.counted = HeldSlots::default();
        }
        reading
    }

    /// Forgets the counts of limits that are not among those of `policies`.
    pub(in crate::gateway) fn keep(&self, policies: &Policies) {
        self.of.rcu(|of| {
            let kept =
                policies.limits().iter().filter_map(|limit| Some((limit.identity, of.get(&limit.identity)?.clone())));
            kept.collect::<HashMap<_, _>>()
        });
    }

    /// What `limit` has counted. A request that was judged by a bundle before this one still finds what its limits count by.
    fn count(&self, limit: &Limit) -> Arc<LimitCounter> {
        if let Some(known) = self.of.load().get(&limit.identity) {
            return known.clone();
        }
        let fresh = Arc::new(LimitCounter { windows: KeyedWindows::new(), places: ConcurrencyByKey::default() });
        let before = self.of.rcu(|of| {
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
        key: u64,
        now: Duration,
    ) -> Result<(Option<ConcurrencySlot>, Option<CountedEvent>), Option<Duration>> {
        let place = match limit.in_flight {
            Some(most) => Some(self.places.take(key, most).ok_or(None)?),
            None => None,
        };
        let taken = match &limit.rate {
            Some(rate) => Some(self.windows.take(key, Pace::new(rate.events, rate.period), now).map_err(Some)?),
            None => None,
        };
        Ok((place, taken))
    }
}
