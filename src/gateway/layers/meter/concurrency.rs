//! The requests in flight of one limit, by key. Exact, and bounded in memory by `limits.inFlight`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts the requests in flight of each key.
#[derive(Clone, Debug, Default)]
pub(super) struct ConcurrencyByKey {
    taken: Arc<Mutex<HashMap<u64, u32>>>,
}

/// The slot of a request in flight. Dropping it frees the slot.
#[derive(Debug)]
pub(super) struct ConcurrencySlot {
    taken: Arc<Mutex<HashMap<u64, u32>>>,
    key: u64,
}

impl ConcurrencyByKey {
    /// Takes one of the `most` slots of `key`. `None` if all are taken.
    pub(super) fn take(&self, key: u64, most: u32) -> Option<ConcurrencySlot> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(key).or_default();
        // a new entry is never left at 0: `most` is at least 1
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
                // keys come from requests: one that stayed here would be memory a client can fill
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ConcurrencyByKey;

    #[test]
    fn a_slot_is_held_until_dropped_and_idle_keys_are_removed() {
        let slots = ConcurrencyByKey::default();
        let held = [slots.take(1, 2), slots.take(1, 2), slots.take(2, 2)];
        assert!(held.iter().all(Option::is_some));
        assert!(slots.take(1, 2).is_none());
        drop(held);
        assert!(slots.taken.lock().unwrap().is_empty());
        assert!(slots.take(1, 2).is_some());
    }

    #[test]
    fn concurrent_workers_take_no_more_slots_than_there_are() {
        let slots = ConcurrencyByKey::default();
        let most = std::thread::scope(|scope| {
            let work = || {
                let held: Vec<_> = (0..1_000).filter_map(|_| slots.take(1, 50)).collect();
                let seen = slots.taken.lock().unwrap().get(&1).copied().unwrap_or_default();
                drop(held);
                seen
            };
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).max()
        });
        assert!(most.is_some_and(|most| most <= 50));
        assert!(slots.taken.lock().unwrap().is_empty());
    }
}
