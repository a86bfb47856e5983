//! Answers for an upstream that cannot be reached: at once, and not after one connect timeout a request.

use super::error::Unreachable;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest pause before the next attempt.
// an upstream that is back is noticed within it
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long further attempts are made beside the first one after a pause.
// a connection takes less if the upstream is back: then no request fails for the failures before
const PROBE_PATIENCE: Duration = Duration::from_millis(250);

/// Whether the upstream can be reached, by the last attempt to connect. Shared by the workers.
#[derive(Debug, Default)]
pub(super) struct Backoff(Mutex<BackoffState>);

#[derive(Debug, Default)]
struct BackoffState {
    /// The failure of the last attempt, and when the pause after it ends. `None` after a success.
    failed: Option<(Unreachable, Instant)>,
    /// The start of the first attempt after the pause, while that is under way.
    probe: Option<Instant>,
}

/// An attempt to connect. Dropping it without a result, as when the client leaves, lets another take its place.
#[derive(Debug)]
pub(super) struct ConnectAttempt<'b> {
    backoff: &'b Backoff,
    started: Instant,
    is_probe: bool,
}

impl Backoff {
    fn state(&self) -> MutexGuard<'_, BackoffState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an attempt.
    ///
    /// # Errors
    ///
    /// The failure of the last attempt, during the pause after it, or while the next one takes long.
    pub(super) fn begin(&self, now: Instant) -> Result<ConnectAttempt<'_>, Unreachable> {
        let mut state = self.state();
        let attempt = ConnectAttempt { backoff: self, started: now, is_probe: false };
        match (state.failed, state.probe) {
            (None, _) => Ok(attempt),
            (Some((error, end)), _) if now < end => Err(error),
            (Some(_), None) => {
                state.probe = Some(now);
                Ok(ConnectAttempt { is_probe: true, ..attempt })
            }
            (Some(_), Some(start)) if now.saturating_duration_since(start) < PROBE_PATIENCE => Ok(attempt),
            (Some((error, _)), Some(_)) => Err(error),
        }
    }
}

impl ConnectAttempt<'_> {
    /// Ends it with a connection.
    pub(super) fn note_success(self) {
        self.backoff.state().failed = None;
    }

    /// Ends it with `error` at `now`.
    pub(super) fn note_failure(self, error: Unreachable, now: Instant) {
        // a refusal costs little, so that the next attempt need not wait; a timeout costs a client's patience
        let pause = now.saturating_duration_since(self.started).min(LONGEST_PAUSE);
        self.backoff.state().failed = Some((error, now + pause));
    }
}

impl Drop for ConnectAttempt<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.backoff.state().probe = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Unreachable = Unreachable::ConnectTimeout;

    #[test]
    fn after_a_timeout_requests_fail_at_once_and_one_tries_again() {
        let (backoff, start) = (Backoff::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        backoff.begin(at(0)).unwrap().note_failure(TIMEOUT, at(5000));
        assert_eq!(backoff.begin(at(5999)).err(), Some(TIMEOUT));
        let probe = backoff.begin(at(6000)).unwrap();
        assert!(backoff.begin(at(6249)).is_ok(), "the upstream may be back");
        assert_eq!(backoff.begin(at(6250)).err(), Some(TIMEOUT), "it is not");
        probe.note_failure(TIMEOUT, at(11_000));
        assert_eq!(backoff.begin(at(11_500)).err(), Some(TIMEOUT));
        backoff.begin(at(12_000)).unwrap().note_success();
        assert!(backoff.begin(at(12_000)).is_ok());
    }

    #[test]
    fn a_refusal_delays_the_next_attempt_by_as_little_as_it_took() {
        let (backoff, now) = (Backoff::default(), Instant::now());
        backoff.begin(now).unwrap().note_failure(Unreachable::Refused, now + Duration::from_millis(1));
        assert!(backoff.begin(now + Duration::from_millis(2)).is_ok());
    }

    #[test]
    fn a_probe_that_is_given_up_lets_another_begin() {
        let (backoff, now) = (Backoff::default(), Instant::now());
        backoff.begin(now).unwrap().note_failure(TIMEOUT, now);
        let later = now + Duration::from_secs(3);
        drop(backoff.begin(now).unwrap());
        assert!(backoff.begin(later).unwrap().is_probe);
    }
}
