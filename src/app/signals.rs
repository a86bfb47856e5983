//! The signals of the process: SIGTERM and SIGINT stop it, SIGHUP reloads, SIGUSR1 and SIGUSR2 do nothing.

use super::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Handlers of the signals that the gateway reacts to.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
    ends_with_terminal: bool,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Stop,
    Reload,
}

impl Signals {
    pub(super) fn install() -> Result<Self, Error> {
        // before the handler replaces what `nohup` has set
        let ends_with_terminal = has_terminal() && !ignores_hangup();
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(Error::environment)?,
            interrupt: signal(SignalKind::interrupt()).map_err(Error::environment)?,
            hangup: signal(SignalKind::hangup()).map_err(Error::environment)?,
            user1: signal(SignalKind::user_defined1()).map_err(Error::environment)?,
            user2: signal(SignalKind::user_defined2()).map_err(Error::environment)?,
            ends_with_terminal,
        })
    }

    /// Waits for the next signal. Cancel safe: a signal that came is not lost.
    pub(super) async fn next(&mut self) -> Request {
        loop {
            let ignored = tokio::select! {
                _ = self.terminate.recv() => return Request::Stop,
                _ = self.interrupt.recv() => return Request::Stop,
                _ = self.hangup.recv() => return self.of_hangup(),
                _ = self.user1.recv() => "SIGUSR1",
                _ = self.user2.recv() => "SIGUSR2",
            };
            // without a handler it would end the process
            tracing::warn!(signal = ignored, "a signal was ignored: SIGHUP reloads, SIGTERM stops");
        }
    }

    /// Waits for another signal that stops the gateway.
    pub(super) async fn stop(&mut self) {
        while self.next().await != Request::Stop {}
    }

    /// A hangup is what a terminal sends when it closes. A service has none, and its operator asks for a reload.
    fn of_hangup(&self) -> Request {
        if self.ends_with_terminal && !has_terminal() { Request::Stop } else { Request::Reload }
    }
}

/// Whether this process has a terminal that controls it.
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

/// Whether the process was started with hangups ignored, as `nohup` does.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // the lowest bit is signal 1, SIGHUP
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
