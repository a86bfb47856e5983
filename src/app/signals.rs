//! The signals of the process: SIGTERM and SIGINT stop it, SIGHUP reloads.

use super::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Handlers of the signals that the gateway reacts to.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Stop,
    Reload,
}

impl Signals {
    pub(super) fn install() -> Result<Self, Error> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(Error::environment)?,
            interrupt: signal(SignalKind::interrupt()).map_err(Error::environment)?,
            hangup: signal(SignalKind::hangup()).map_err(Error::environment)?,
        })
    }

    /// Waits for the next signal. Cancel safe: a signal that came is not lost.
    pub(super) async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.terminate.recv() => Request::Stop,
            _ = self.interrupt.recv() => Request::Stop,
            _ = self.hangup.recv() => Request::Reload,
        }
    }
}
