//! When a running gateway reloads: on SIGHUP, and certificates also by themselves when their files change.

use super::certificates::{self, ReloadCause};
use super::reload::Reloader;
use super::signals::{Request, Signals};
use std::sync::Arc;
use std::thread;
use tokio::sync::oneshot;

/// What is to be reloaded, the more the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ReloadJob {
    Certificates,
    Everything,
}

/// Reloads until SIGTERM or SIGINT.
//
// This thread accepts connections and answers probes, so that the work is done on another. Signals that come meanwhile ask for
// one more reload, however many they are.
pub(super) async fn reload_until_stopped(signals: &mut Signals, reloader: Arc<Reloader>) {
    let mut due: Option<ReloadJob> = None;
    let mut running: Option<oneshot::Receiver<()>> = None;
    let mut interval = tokio::time::interval(certificates::INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            request = signals.next() => match request {
                Request::Stop => return,
                Request::Reload => due = Some(ReloadJob::Everything),
            },
            _ = interval.tick(), if !reloader.certificates.is_empty() => due = due.max(Some(ReloadJob::Certificates)),
            () = wait_for(&mut running), if running.is_some() => running = None,
        }
        if running.is_none() {
            running = due.take().and_then(|job| start(job, &reloader));
        }
    }
}

/// Waits for the end of the job under way.
async fn wait_for(running: &mut Option<oneshot::Receiver<()>>) {
    if let Some(running) = running {
        // an error means that the thread panicked, which the panic hook logged
        let _ = running.await;
    }
}

/// Does the job on a thread of its own. Not a blocking task: the runtime would wait for it when the gateway stops.
fn start(job: ReloadJob, reloader: &Arc<Reloader>) -> Option<oneshot::Receiver<()>> {
    let (sender, receiver) = oneshot::channel();
    let reloader = Arc::clone(reloader);
    let work = move || {
        match job {
            // its result was logged and counted
            ReloadJob::Everything => drop(reloader.reload()),
            ReloadJob::Certificates => reloader.reload_certificates(ReloadCause::Interval),
        }
        let _ = sender.send(());
    };
    match thread::Builder::new().name("reload".to_owned()).spawn(work) {
        Ok(_) => Some(receiver),
        Err(error) => {
            tracing::error!(%error, "nothing was reloaded: no thread could be started");
            None
        }
    }
}
