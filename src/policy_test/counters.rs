//! What limits count of the requests of a case, and of the cases that it follows.

use super::actual::ActualDecision;
use super::request::TestRequest;
use crate::judge::Bundle;
use crate::policy::{Action, Key, Limit, LimitOutcome, Pace, Window};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The counters of limits, with a clock that only [`Self::wait`] moves.
//
// The windows are those of the gateway, so that a test sees the same `Retry-After`. Requests of a test follow each other, so
// that no two are ever in flight at once: `inFlight` has nothing to count.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    now: Duration,
    windows: HashMap<(Arc<str>, Key), Window>,
}

/// A limit that a request is above.
#[derive(Clone, Debug)]
pub(super) struct Exceeding {
    pub(super) limit: Arc<Limit>,
    /// Time until the request may pass.
    pub(super) wait: Duration,
    /// Whether it would be above the limit even as the only request.
    pub(super) is_too_large: bool,
}

impl Counters {
    /// Lets `time` pass.
    pub(crate) const fn wait(&mut self, time: Duration) {
        self.now = self.now.saturating_add(time);
    }

    /// The decision of `bundle` for the last of `repeat` requests that are sent one after another.
    pub(crate) fn decide(&mut self, request: &TestRequest, repeat: u32, bundle: &Bundle) -> ActualDecision {
        let mut actual = ActualDecision::of(request, bundle);
        // the decision itself is the same for each repetition: only limits count
        let exceeded = (0..repeat).map(|_| self.charge(&actual)).last();
        actual.exceed(exceeded.unwrap_or_default());
        actual
    }

    /// Counts a request by each limit that counts it, and returns those that it is above. A request above a limit that denies
    /// is counted by none, as in the gateway.
    fn charge(&mut self, actual: &ActualDecision) -> Vec<Exceeding> {
        let (mut exceeded, mut counted) = (Vec::new(), Vec::new());
        for (limit, outcome) in actual.limits.iter().filter(|_| actual.refused.is_none()) {
            let (LimitOutcome::Counted { key, cost }, Some(rate)) = (outcome, &limit.rate) else { continue };
            let (pace, window) = (Pace::new(rate.events, rate.period), (limit.name.clone(), key.clone()));
            let events = self.windows.entry(window.clone()).or_insert_with(|| Window::new(pace.part_at(self.now)));
            match events.take(*cost, pace, self.now) {
                Ok(part) => counted.push((window, part, *cost)),
                Err(wait) => {
                    let (limit, is_too_large) = (limit.clone(), *cost > rate.events);
                    exceeded.push(Exceeding { limit, wait, is_too_large });
                }
            }
        }
        if exceeded.iter().any(|above| above.limit.action == Action::Deny) {
            for (window, part, cost) in counted {
                if let Some(events) = self.windows.get_mut(&window) {
                    events.give_back(part, cost);
                }
            }
        }
        exceeded
    }
}
