//! The time in which an answer must end.

use pingora_timeout::sleep;
use std::fmt;
use std::pin::Pin;
use std::task::Context;
use std::time::{Duration, Instant};

/// The shortest time that pingora's timer can wait.
const SHORTEST: Duration = Duration::from_millis(1);

/// The time in which an answer must end. It has a timer only when an upstream keeps us waiting in the middle of an answer,
/// as nearly none does.
pub(in crate::gateway) struct Deadline {
    end: Instant,
    timer: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Deadline {
    pub(in crate::gateway) const fn until(end: Instant) -> Self {
        Self { end, timer: None }
    }

    /// Whether it is over. Who `waits` is woken when it is.
    pub(in crate::gateway) fn is_over(&mut self, waits: bool, context: &mut Context<'_>) -> bool {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() || !waits {
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
