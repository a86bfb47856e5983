//! The windows of all keys of one limit, in bounded memory whatever the keys.
//!
//! A key's window is exact. If there is no room for another key, one is evicted: no caller is ever refused for what others
//! sent. Of the keys in the same set the one with the fewest events is evicted, so that a flood of keys that are used once
//! evicts itself, and a key near its limit stays.
//!
//! Why not `pingora-limits`: with 100,000 random keys its estimator (4 x 1,024) counts some 100 too many for a key that was
//! never used, and still 2 with 4 x 65,536 (4 MiB); its weighted rate lets 59 of 30 through within a period, as does
//! `governor`, whose keyed store has no bound either.

use crate::policy::{Pace, Window};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Sets of windows; a key belongs to one. With [`WAYS`]: 65,536 keys, 7 MiB if all are in use.
const SETS: usize = 4096;
/// Most windows in a set.
const WAYS: usize = 16;

/// The windows of all keys of one limit. A key is a hash that no client can predict.
#[derive(Debug)]
pub(super) struct KeyedWindows {
    sets: Box<[Set]>,
    last: Set,
}

type Set = Mutex<Vec<KeyWindow>>;

#[derive(Debug)]
struct KeyWindow {
    key: u64,
    window: Window,
}

/// Where an event was counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct CountedEvent {
    key: u64,
    part: u64,
    cost: u32,
    /// Whether another key that had events in the period was evicted for it.
    pub(super) evicted: bool,
}

impl KeyedWindows {
    pub(super) fn new() -> Self {
        Self { sets: (1..SETS).map(|_| Set::default()).collect(), last: Set::default() }
    }

    /// Counts an event of `key` at `now` as `cost` events.
    ///
    /// # Errors
    ///
    /// The time until it may pass, if it may not now. It is not counted.
    pub(super) fn take(&self, (key, cost): (u64, u32), pace: Pace, now: Duration) -> Result<CountedEvent, Duration> {
        let mut set = self.set(key);
        if let Some(entry) = set.iter_mut().find(|entry| entry.key == key) {
            return entry.window.take(cost, pace, now).map(|part| CountedEvent { key, part, cost, evicted: false });
        }
        let mut entry = KeyWindow { key, window: Window::new(pace.part_at(now)) };
        let part = entry.window.take(cost, pace, now)?;
        if set.len() < WAYS {
            set.push(entry);
            return Ok(CountedEvent { key, part, cost, evicted: false });
        }
        let least = set.iter_mut().min_by_key(|entry| entry.window.total_at(part));
        let before = least.map(|least| std::mem::replace(least, entry));
        let evicted = before.is_some_and(|before| before.window.total_at(part) > 0);
        Ok(CountedEvent { key, part, cost, evicted })
    }

    /// Uncounts an event.
    pub(super) fn give_back(&self, taken: CountedEvent) {
        if let Some(entry) = self.set(taken.key).iter_mut().find(|entry| entry.key == taken.key) {
            entry.window.give_back(taken.part, taken.cost);
        }
    }

    fn set(&self, key: u64) -> MutexGuard<'_, Vec<KeyWindow>> {
        let place = usize::try_from(key % SETS as u64).unwrap_or_default();
        // counts are valid after every step, so a thread that panicked here leaves none that are wrong
        self.sets.get(place).unwrap_or(&self.last).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyedWindows, SETS, WAYS};
    use crate::policy::Pace;
    use std::time::Duration;

    const PERIOD: Duration = Duration::from_secs(60);

    /// The number of windows in memory.
    fn window_count(windows: &KeyedWindows) -> usize {
        windows.sets.iter().chain([&windows.last]).map(|set| set.lock().unwrap().len()).sum()
    }

    #[test]
    fn a_flood_of_random_keys_refuses_no_one_in_bounded_memory() {
        let (windows, pace) = (KeyedWindows::new(), Pace::new(30, PERIOD));
        let (innocent, greedy): (u64, u64) = rand::random();
        let (mut passed, mut forgot) = (0, 0);
        for number in 0..100_000_u32 {
            let now = Duration::from_micros(u64::from(number) * 100);
            let taken = windows.take((rand::random(), 1), pace, now);
            forgot += u32::from(taken.expect("a key that was never used").evicted);
            if number % 3_400 == 0 {
                assert!(windows.take((innocent, 1), pace, now).is_ok(), "30 within the period");
            }
            if number % 100 == 0 {
                passed += u32::from(windows.take((greedy, 1), pace, now).is_ok());
            }
        }
        assert_eq!(passed, 30, "1,000 were sent within 10 s, in the middle of the flood");
        assert!(forgot > 10_000, "there is no room for all: {forgot}");
        assert!(window_count(&windows) <= SETS * WAYS);
        assert!(window_count(&windows) > SETS * WAYS * 9 / 10);
    }

    #[test]
    fn concurrent_workers_let_no_more_through() {
        let (windows, pace) = (KeyedWindows::new(), Pace::new(1_000, PERIOD));
        let passed: usize = std::thread::scope(|scope| {
            let count = || (0..1_000).filter(|_| windows.take((7, 1), pace, Duration::from_secs(1)).is_ok()).count();
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(passed, 1_000);
    }

    #[test]
    fn every_set_is_reached() {
        let (windows, pace) = (KeyedWindows::new(), Pace::new(1, PERIOD));
        for key in 0..SETS as u64 {
            assert!(windows.take((key, 1), pace, Duration::ZERO).is_ok());
        }
        assert!(windows.sets.iter().chain([&windows.last]).all(|set| set.lock().unwrap().len() == 1));
    }
}
