//! A sliding window over the events of one key. Pure: the caller has the clock.

use std::time::Duration;

/// Parts of a period. An event expires with its part, so up to one part late and never early: no period lets more events
/// pass than allowed, and after a pause a caller waits up to a twentieth of the period longer.
const PARTS: u64 = 20;

/// The parts of a period, and the partial one in which it begins.
const COUNTERS: usize = 21;

/// How many events may pass within any period.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    events: u32,
    /// Length of a part in nanoseconds.
    part: u64,
}

impl Pace {
    /// `events` in each `period`.
    pub(crate) fn new(events: u32, period: Duration) -> Self {
        let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        Self { events, part: period.div_ceil(PARTS).max(1) }
    }

    /// The part that `now`, a time since the epoch of the counters, falls into.
    pub(crate) fn part_at(self, now: Duration) -> u64 {
        u64::try_from(now.as_nanos()).unwrap_or(u64::MAX) / self.part
    }
}

/// The seconds that a caller must wait for `wait` to be over, at least 1: the value of `Retry-After`.
//
// Rounded up: SDKs read whole seconds only, and rounded down they would come back too early.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The events within a period, by part.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    /// The part of the last counter, numbered from the epoch.
    newest: u64,
    counts: [u32; COUNTERS],
}

impl Window {
    /// An empty window at `part`.
    pub(crate) const fn new(part: u64) -> Self {
        Self { newest: part, counts: [0; COUNTERS] }
    }

    /// Counts an event at `now` as `cost` events, and returns its part.
    ///
    /// # Errors
    ///
    /// The time until it may pass, if it may not now; a whole period if it never may. None of it is counted.
    pub(crate) fn take(&mut self, cost: u32, pace: Pace, now: Duration) -> Result<u64, Duration> {
        self.advance(pace.part_at(now));
        if self.total() + u64::from(cost) <= u64::from(pace.events) {
            if let Some(newest) = self.counts.last_mut() {
                // no overflow: the total is at most `events`
                *newest = newest.saturating_add(cost);
            }
            return Ok(self.newest);
        }
        Err(self.room_at(cost, pace).saturating_sub(now))
    }

    /// Uncounts an event that was counted in `part` as `cost` events.
    pub(crate) fn give_back(&mut self, part: u64, cost: u32) {
        let age = self.newest.checked_sub(part).and_then(|age| usize::try_from(age).ok());
        let place = age.and_then(|age| (COUNTERS - 1).checked_sub(age));
        if let Some(count) = place.and_then(|place| self.counts.get_mut(place)) {
            *count = count.saturating_sub(cost);
        }
    }

    /// The number of events that still count at `part`.
    pub(crate) fn total_at(&self, part: u64) -> u64 {
        let gone = usize::try_from(part.saturating_sub(self.newest)).unwrap_or(usize::MAX);
        self.counts.iter().skip(gone).map(|count| u64::from(*count)).sum()
    }

    fn total(&self) -> u64 {
        self.total_at(self.newest)
    }

    /// Expires the parts that are over.
    // `part` may be older than the newest: workers read the clock one after another, before they take the lock
    fn advance(&mut self, part: u64) {
        let gone = usize::try_from(part.saturating_sub(self.newest)).unwrap_or(usize::MAX).min(COUNTERS);
        self.counts.rotate_left(gone % COUNTERS);
        self.counts.iter_mut().rev().take(gone).for_each(|count| *count = 0);
        self.newest = self.newest.max(part);
    }

    /// When enough has expired for `cost` more events.
    fn room_at(&self, cost: u32, pace: Pace) -> Duration {
        let mut left = self.total();
        let forgotten = self.counts.iter().position(|count| {
            left -= u64::from(*count);
            left + u64::from(cost) <= u64::from(pace.events)
        });
        let parts = self.newest + u64::try_from(forgotten.unwrap_or(COUNTERS - 1)).unwrap_or(PARTS) + 1;
        Duration::from_nanos(parts.saturating_mul(pace.part))
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, Window};
    use rand::Rng;
    use std::time::Duration;

    const PERIOD: Duration = Duration::from_secs(60);
    /// The longest that an event is remembered beyond the period.
    const LATE: Duration = Duration::from_secs(3);

    #[test]
    fn no_period_has_more_events_than_allowed_and_waits_are_exact() {
        let mut random = rand::rng();
        for _ in 0..50 {
            let events = random.random_range(1..40);
            let pace = Pace::new(events, PERIOD);
            let (mut window, mut now, mut passed) = (Window::new(0), Duration::from_secs(7), Vec::new());
            for _ in 0..400 {
                now += Duration::from_millis(random.random_range(0..4_000));
                let since = |from: Duration| passed.iter().filter(|at| **at + from > now).count();
                let (within, remembered) = (since(PERIOD), since(PERIOD + LATE));
                match window.take(1, pace, now) {
                    Ok(_) => {
                        assert!(within < events as usize, "{events} passed already");
                        passed.push(now);
                    }
                    Err(wait) => {
                        assert!(remembered >= events as usize, "refused though only {remembered} of {events} passed");
                        assert!(wait > Duration::ZERO && wait <= PERIOD + LATE, "{wait:?}");
                        let (mut later, mut sooner) = (window.clone(), window.clone());
                        assert!(later.take(1, pace, now + wait).is_ok());
                        let sooner = sooner.take(1, pace, now + wait.saturating_sub(Duration::from_millis(1)));
                        assert!(sooner.is_err() || wait <= Duration::from_millis(1), "{wait:?} is longer than needed");
                    }
                }
            }
        }
    }

    #[test]
    fn an_event_given_back_is_not_counted() {
        let pace = Pace::new(2, PERIOD);
        let mut window = Window::new(0);
        let at = Duration::from_secs;
        assert_eq!((window.take(1, pace, at(1)), window.take(1, pace, at(20))), (Ok(0), Ok(6)));
        assert!(window.take(1, pace, at(30)).is_err());
        window.give_back(0, 1);
        assert_eq!(window.take(1, pace, at(30)), Ok(10));
        assert!(window.take(1, pace, at(30)).is_err());
        window.give_back(100, 1);
        window.give_back(0, 1);
        assert_eq!(window.total(), 2, "what fell into no part that is remembered changes nothing");
    }

    #[test]
    fn a_late_clock_expires_nothing_and_a_pause_expires_all() {
        let pace = Pace::new(1, PERIOD);
        let mut window = Window::new(0);
        assert_eq!(window.take(1, pace, Duration::from_secs(50)), Ok(16));
        assert!(window.take(1, pace, Duration::from_secs(40)).is_err());
        assert!(window.take(1, pace, Duration::from_secs(109)).is_err());
        assert_eq!(window.total_at(pace.part_at(Duration::from_secs(500))), 0);
        assert_eq!(window.take(1, pace, Duration::from_secs(500)), Ok(166));
        assert!(window.take(1, pace, Duration::from_secs(559)).is_err());
    }

    #[test]
    fn a_request_passes_whole_or_not_at_all() {
        let pace = Pace::new(100, PERIOD);
        let mut window = Window::new(0);
        let at = Duration::from_secs;
        assert!(window.take(60, pace, at(1)).is_ok());
        let wait = window.take(41, pace, at(2)).expect_err("one too many");
        assert_eq!(window.total(), 60, "none of it counts");
        assert!(wait > at(58) && wait <= at(58) + LATE, "{wait:?}");
        assert_eq!(window.take(40, pace, at(3)), Ok(1), "what fits passes meanwhile");
        window.give_back(1, 40);
        assert_eq!(window.total(), 60);
        assert!(window.take(41, pace, at(2) + wait).is_ok());
        for cost in [101, u32::MAX] {
            assert!(window.take(cost, pace, at(500)).is_err_and(|wait| wait <= PERIOD + LATE), "never passes");
        }
        let (widest, mut window) = (Pace::new(u32::MAX, PERIOD), Window::new(0));
        assert!(window.take(u32::MAX, widest, at(1)).is_ok());
        assert!(window.take(1, widest, at(1)).is_err());
    }
}
