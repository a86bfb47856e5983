//! What systemd is informed of by `sd_notify`: that the gateway is ready, that it reloads or stops, and that it lives.
//!
//! Without a service manager, which `NOTIFY_SOCKET` names, nothing is sent.

use sd_notify::NotifyState;
use std::time::Duration;

/// Reports that requests are accepted, by the rules of `revision`, and whether the last reload succeeded. Ends what [`report_reload`]
/// began.
pub(super) fn report_ready(revision: &str, reloaded: bool) {
    send(&[NotifyState::Ready, NotifyState::Status(&status(revision, reloaded))]);
}

/// Reports the same of a reload that was not requested, which [`report_reload`] did not begin.
pub(super) fn report_status(revision: &str, reloaded: bool) {
    send(&[NotifyState::Status(&status(revision, reloaded))]);
}

fn status(revision: &str, reloaded: bool) -> String {
    let failure = if reloaded { "" } else { "; the last reload failed, the log has the reasons" };
    format!("enforces revision {revision}{failure}")
}

/// Reports that a reload begins.
pub(super) fn report_reload() {
    // the time by which systemd distinguishes this reload from one that began before its request
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the service manager was not informed of a reload"),
    }
}

/// Reports that the gateway stops.
pub(super) fn report_stop() {
    send(&[NotifyState::Stopping]);
}

/// Reports, twice in each period that the service manager asks for, that the thread of the caller goes on. Returns at once if it asks
/// for nothing.
pub(super) async fn feed_watchdog() {
    let Some(period) = sd_notify::watchdog_enabled() else { return };
    // an interval of zero panics
    let mut interval = tokio::time::interval((period / 2).max(Duration::from_millis(1)));
    loop {
        interval.tick().await;
        send(&[NotifyState::Watchdog]);
    }
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager was not informed");
    }
}
