//! A bound over all requests, from which each takes what it needs and gives it back by dropping it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of units, requests or bytes, that requests share.
#[derive(Clone, Debug)]
pub(super) struct Capacity {
    left: Arc<AtomicUsize>,
}

/// Units taken; dropping it gives them back.
#[derive(Debug)]
pub struct Reservation {
    left: Arc<AtomicUsize>,
    units: usize,
}

impl Capacity {
    pub(super) fn new(units: usize) -> Self {
        Self { left: Arc::new(AtomicUsize::new(units)) }
    }

    /// Takes `units`; none where not so many are left.
    pub(super) fn take(&self, units: usize) -> Option<Reservation> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(units));
        taken.is_ok().then(|| Reservation { left: self.left.clone(), units })
    }
}

impl Reservation {
    /// Takes what is missing to `units`; false where not so many are left.
    pub(super) fn reach(&mut self, units: usize) -> bool {
        let units = units.saturating_sub(self.units);
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(units));
        if taken.is_ok() {
            self.units += units;
        }
        taken.is_ok()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.left.fetch_add(self.units, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Capacity;

    #[test]
    fn what_is_taken_is_missing_until_it_is_dropped() {
        let budget = Capacity::new(10);
        let mut share = budget.take(6).expect("ten are left");
        assert!(budget.take(5).is_none());
        assert!(share.reach(10) && share.reach(3));
        assert!(!share.reach(11));
        drop(share);
        assert!(budget.take(10).is_some());
    }
}
