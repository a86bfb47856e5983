//! A bound over all requests, of which each reserves what it needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Units, requests or bytes, that all requests share.
#[derive(Clone, Debug)]
pub(super) struct Capacity {
    free: Arc<AtomicUsize>,
}

/// Units reserved by one request. Dropping it frees them.
#[derive(Debug)]
pub(super) struct Reservation {
    free: Arc<AtomicUsize>,
    units: usize,
}

impl Capacity {
    pub(super) fn new(units: usize) -> Self {
        Self { free: Arc::new(AtomicUsize::new(units)) }
    }

    /// Reserves `units`. `None` if fewer are free.
    pub(super) fn reserve(&self, units: usize) -> Option<Reservation> {
        // relaxed: the counter guards no other memory, it only has to be exact
        let reserved = self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(units));
        reserved.is_ok().then(|| Reservation { free: self.free.clone(), units })
    }
}

impl Reservation {
    /// Grows the reservation to `units` in all. False, and unchanged, if fewer are free.
    pub(super) fn grow_to(&mut self, units: usize) -> bool {
        let missing = units.saturating_sub(self.units);
        let reserved = self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(missing));
        if reserved.is_ok() {
            self.units += missing;
        }
        reserved.is_ok()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.free.fetch_add(self.units, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Capacity;

    #[test]
    fn reserved_units_are_missing_until_dropped() {
        let capacity = Capacity::new(10);
        let mut reservation = capacity.reserve(6).expect("ten are free");
        assert!(capacity.reserve(5).is_none());
        assert!(reservation.grow_to(10) && reservation.grow_to(3));
        assert!(!reservation.grow_to(11));
        drop(reservation);
        assert!(capacity.reserve(10).is_some());
    }
}
