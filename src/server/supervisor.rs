//! Starts a worker again that dies.

use crate::telemetry::ServerMetrics;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Pause before a worker is started again, so that one that dies at once does not take a core.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs `life` until it ends by itself; each time it panics or fails, it is counted and begins anew.
///
/// A panic in a request or a connection does not get here: what runs those contains it.
pub(super) fn supervise(metrics: &ServerMetrics, mut life: impl FnMut() -> io::Result<()>) {
    loop {
        match catch_unwind(AssertUnwindSafe(&mut life)) {
            Ok(Ok(())) => return,
            // the payload of a panic stays unread: it may quote what a request held
            Err(_) => tracing::error!("a worker died; its connections are closed, and it is started again"),
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
