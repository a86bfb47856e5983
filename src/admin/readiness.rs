//! Whether the gateway takes requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// A phase of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No bundle is loaded yet.
    Starting,
    /// Requests are judged and forwarded.
    Ready,
    /// Requests in flight are finished; new ones should go to another instance.
    Draining,
}

impl Phase {
    /// The body of the probe's response.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "no policy bundle is loaded yet",
            Self::Ready => "ok",
            Self::Draining => "draining: the gateway is shutting down",
        }
    }
}

/// The shared phase. Starts as [`Phase::Starting`] and only moves forward. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicU8>);

impl Readiness {
    /// Moves to [`Phase::Ready`], unless the process is draining.
    pub fn ready(&self) {
        // the maximum: a bundle that loads while the process drains must not make it ready again
        self.0.fetch_max(1, Ordering::Relaxed);
    }

    /// Moves to [`Phase::Draining`].
    pub fn draining(&self) {
        self.0.fetch_max(2, Ordering::Relaxed);
    }

    /// The current phase.
    pub fn phase(&self) -> Phase {
        // relaxed: the number stands alone, and no other memory is published by it
        match self.0.load(Ordering::Relaxed) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Phase, Readiness};

    #[test]
    fn the_phase_only_goes_forward() {
        let readiness = Readiness::default();
        assert_eq!(readiness.phase(), Phase::Starting);
        readiness.ready();
        assert_eq!(readiness.clone().phase(), Phase::Ready);
        readiness.draining();
        readiness.ready();
        assert_eq!(readiness.phase(), Phase::Draining);
    }
}
