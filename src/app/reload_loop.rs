//! When a running gateway reloads: on SIGHUP, on a request to the admin listener, and without either when files change.

use super::certificates::{self, ReloadCause};
use super::reload::Reloader;
use super::signals::{Request, Signals};
use crate::admin::{ReloadReply, ReloadReport};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// Least time between two reloads by request. The admin listener asks for no credential, and reading the files costs CPU.
const REQUEST_PAUSE: Duration = Duration::from_secs(1);

/// How much the thread of a reload is behind the others: a tenth of their share of a processor (sched(7)).
const NICENESS: i32 = 10;

/// What is to be reloaded, the more the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ReloadJob {
    Certificates,
    /// Files that changed, certificates among them.
    Changes,
    Everything,
}

/// A job that is done on another thread.
struct RunningJob {
    job: ReloadJob,
    done: oneshot::Receiver<Option<Arc<ReloadReport>>>,
    /// The requests that asked for it.
    replies: Vec<ReloadReply>,
}

/// Reloads until SIGTERM or SIGINT.
//
// This thread accepts connections and answers probes, so that the work is done on another. Signals and requests that come meanwhile
// ask for one more reload, however many they are.
pub(super) async fn reload_until_stopped(
    signals: &mut Signals,
    mut requests: mpsc::Receiver<ReloadReply>,
    reloader: Arc<Reloader>,
) {
    let mut due: Option<ReloadJob> = None;
    let mut running: Option<RunningJob> = None;
    let mut certificates = interval(certificates::INTERVAL);
    certificates.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut pause, mut read) = (reloader.interval(), Instant::now());
    let (mut replies, mut next_request) = (Vec::new(), Instant::now());
    loop {
        tokio::select! {
            request = signals.next() => match request {
                Request::Stop => return,
                Request::Reload => due = Some(ReloadJob::Everything),
            },
            Some(reply) = requests.recv() => replies.push(reply),
            () = sleep_until(next_request), if !replies.is_empty() && running.is_none() => {
                due = Some(ReloadJob::Everything);
                next_request = Instant::now() + REQUEST_PAUSE;
            }
            _ = certificates.tick(), if !reloader.certificates.is_empty() => due = due.max(Some(ReloadJob::Certificates)),
            () = sleep_until(read + pause.unwrap_or_default()), if pause.is_some() && running.is_none() => {
                // here as well: a job that cannot be started has no end
                read = Instant::now();
                due = due.max(Some(ReloadJob::Changes));
            }
            job = end_of(&mut running), if running.is_some() => {
                running = None;
                if job > Some(ReloadJob::Certificates) {
                    // a reload may have changed the interval
                    (pause, read) = (reloader.interval(), Instant::now());
                }
            }
        }
        if running.is_none()
            && let Some(job) = due.take()
        {
            let replies = if job == ReloadJob::Everything { std::mem::take(&mut replies) } else { Vec::new() };
            running = start(job, &reloader, replies);
        }
    }
}

/// Waits for the end of the job under way, sends its result to those who asked for it, and returns which it was.
async fn end_of(running: &mut Option<RunningJob>) -> Option<ReloadJob> {
    let RunningJob { job, done, replies } = running.as_mut()?;
    // an error means that the thread panicked, which the panic hook logged
    let report = done.await.ok().flatten();
    for reply in replies.drain(..) {
        if let Some(report) = &report {
            // an error means that the client is gone
            let _ = reply.send(Arc::clone(report));
        }
    }
    Some(*job)
}

/// Does the job on a thread of its own. Not a blocking task: the runtime would wait for it when the gateway stops.
fn start(job: ReloadJob, reloader: &Arc<Reloader>, replies: Vec<ReloadReply>) -> Option<RunningJob> {
    let (sender, done) = oneshot::channel();
    let reloader = Arc::clone(reloader);
    let work = move || {
        yield_to_requests();
        let report = match job {
            ReloadJob::Everything => Some(Arc::new(reloader.reload())),
            ReloadJob::Changes => {
                reloader.reload_changed();
                None
            }
            ReloadJob::Certificates => {
                reloader.reload_certificates(ReloadCause::Interval);
                None
            }
        };
        let _ = sender.send(report);
    };
    match thread::Builder::new().name("reload".to_owned()).spawn(work) {
        Ok(_) => Some(RunningJob { job, done, replies }),
        Err(error) => {
            tracing::error!(%error, "nothing was reloaded: no thread could be started");
            None
        }
    }
}

/// Gives this thread less of a processor than the threads that serve requests, where there is not enough for both.
//
// To compile hundreds of policies and run their tests takes half a second.
fn yield_to_requests() {
    // a system that does not permit it, as a unit of systemd with a filter, loads the policies all the same
    let _ = rustix::process::nice(NICENESS);
}
