//! What limits count of the requests of a case, and of the cases that it follows.

use super::actual::ActualDecision;
use super::request::TestRequest;
use crate::judge::violation::Violation;
use crate::judge::{Bundle, above_limit, applied_waiver, waivers_of_limit};
use crate::policy::{Action, Key, LimitOutcome, Pace, Window};
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
    windows: HashMap<WindowKey, Window>,
}

/// A limit, the key of a request, and the waiver that covers it: those of a waiver are counted apart, as in the gateway.
type WindowKey = (Arc<str>, Key, Option<Arc<str>>);

/// A limit that a request is above.
#[derive(Clone, Debug)]
pub(super) struct Exceeding {
    pub(super) violation: Violation,
    /// Time until the request may pass.
    pub(super) wait: Duration,
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
            let waivers = waivers_of_limit(limit, &actual.waivers);
            let waiver = applied_waiver(&waivers).map(|waiver| waiver.name.clone());
            let (pace, window) = (Pace::new(rate.events, rate.period), (limit.name.clone(), key.clone(), waiver));
            let events = self.windows.entry(window.clone()).or_insert_with(|| Window::new(pace.part_at(self.now)));
            match events.take(*cost, pace, self.now) {
                Ok(part) => counted.push((window, part, *cost)),
                Err(wait) => {
                    let violation = above_limit(limit, *cost > rate.events, &waivers);
                    exceeded.push(Exceeding { violation, wait });
                }
            }
        }
        if exceeded.iter().any(|above| above.violation.action == Action::Deny) {
            for (window, part, cost) in counted {
                if let Some(events) = self.windows.get_mut(&window) {
                    events.give_back(part, cost);
                }
            }
        }
        exceeded
    }
}
