//! Restarts a worker that panics.

use crate::telemetry::ServerMetrics;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Pause before a restart, so that a worker that panics at once does not take a core.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs `life` until it returns `Ok`. Each panic or error is counted and logged, and `life` runs again.
// panics of requests and connections are caught below; this is for those of the worker itself
pub(super) fn supervise(metrics: &ServerMetrics, mut life: impl FnMut() -> io::Result<()>) {
    loop {
        match catch_unwind(AssertUnwindSafe(&mut life)) {
            Ok(Ok(())) => return,
            // the payload of a panic stays unread: it may quote a request
            Err(_) => tracing::error!("a worker panicked; its connections are closed, and it is restarted"),
            Ok(Err(error)) => tracing::error!(%error, "a worker cannot be started; trying again"),
        }
        metrics.worker_restarted();
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_that_ends_badly_begins_anew_and_is_counted() {
        let metrics = ServerMetrics::default();
        let mut lives = 0;
        supervise(&metrics, || {
            lives += 1;
            match lives {
                1 => panic!("on purpose"),
                2 => Err(io::ErrorKind::OutOfMemory.into()),
                _ => Ok(()),
            }
        });
        assert_eq!((lives, metrics.worker_restarts()), (3, 2));
    }
}
