//! Whether the gateway takes requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// A part of the process's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No bundle is loaded yet.
    Starting,
    /// Requests are judged and forwarded.
    Ready,
    /// Requests begun are finished; new ones should go elsewhere.
    Draining,
}

impl Phase {
    /// What an operator is told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "no policy bundle is loaded yet",
            Self::Ready => "ok",
            Self::Draining => "draining: the gateway is shutting down",
        }
    }
}

/// The phase, shared. Starts as [`Phase::Starting`] and only goes forward. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicU8>);

impl Readiness {
    /// A bundle is loaded: requests are welcome, unless the end was announced already.
    pub fn ready(&self) {
        self.0.fetch_max(1, Ordering::Relaxed);
    }

    /// The end is announced.
    pub fn draining(&self) {
        self.0.fetch_max(2, Ordering::Relaxed);
    }

    /// The phase now.
    pub fn phase(&self) -> Phase {
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
