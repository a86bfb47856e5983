//! Requests under way, by key, of one limit. Exact, and bounded by the requests that the gateway has under way in all.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

/// How many requests of each key are under way.
#[derive(Clone, Debug, Default)]
pub(super) struct ConcurrencyByKey {
    taken: Arc<Mutex<HashMap<u64, u32>>>,
}

/// A request that is under way; dropping it ends that.
#[derive(Debug)]
pub(super) struct ConcurrencySlot {
    taken: Arc<Mutex<HashMap<u64, u32>>>,
    key: u64,
}

impl ConcurrencyByKey {
    /// Takes one of the `most` places of `key`; none where all are taken.
    pub(super) fn take(&self, key: u64, most: u32) -> Option<ConcurrencySlot> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(key).or_default();
        // a count is only missing where it is 0, and `most` is at least 1
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(ConcurrencySlot { taken: self.taken.clone(), key })
    }
}

impl Drop for ConcurrencySlot {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = taken.entry(self.key) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ConcurrencyByKey;

    #[test]
    fn a_place_is_taken_until_it_is_dropped_and_keys_without_one_are_forgotten() {
        let places = ConcurrencyByKey::default();
        let held = [places.take(1, 2), places.take(1, 2), places.take(2, 2)];
        assert!(held.iter().all(Option::is_some));
        assert!(places.take(1, 2).is_none());
        drop(held);
        assert!(places.taken.lock().unwrap().is_empty());
        assert!(places.take(1, 2).is_some());
    }

    #[test]
    fn workers_at_once_take_no_more_places_than_there_are() {
        let places = ConcurrencyByKey::default();
        let most = std::thread::scope(|scope| {
            let work = || {
                let held: Vec<_> = (0..1_000).filter_map(|_| places.take(1, 50)).collect();
                let seen = places.taken.lock().unwrap().get(&1).copied().unwrap_or_default();
                drop(held);
                seen
            };
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).max()
        });
        assert!(most.is_some_and(|most| most <= 50));
        assert!(places.taken.lock().unwrap().is_empty());
    }
}
