//! The deadline of a response.

use pingora_timeout::sleep;
use std::fmt;
use std::pin::Pin;
use std::task::Context;
use std::time::{Duration, Instant};

/// The shortest time that pingora's timer can wait for.
const SHORTEST: Duration = Duration::from_millis(1);

/// The deadline of a response.
// its timer is created only when the upstream pauses in the middle of a body, so that most responses have none
pub(in crate::gateway) struct Deadline {
    end: Instant,
    timer: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Deadline {
    pub(in crate::gateway) const fn until(end: Instant) -> Self {
        Self { end, timer: None }
    }

    /// Whether it has passed. If `is_pending`, the task is woken when it does.
    pub(in crate::gateway) fn has_passed(&mut self, is_pending: bool, context: &mut Context<'_>) -> bool {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() || !is_pending {
            return left.is_zero();
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(left.max(SHORTEST))));
        timer.as_mut().poll(context).is_ready()
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadline").field("end", &self.end).finish_non_exhaustive()
    }
}
