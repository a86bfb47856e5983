//! Starts the accept loop and the workers, and ends them.

use super::accept_loop::{Admission, accept};
use super::balancer::{Balancer, Worker};
use super::connection::{ConnectionHandler, Peer};
use super::drain_report::DrainReport;
use super::http_service::HttpService;
use super::http_settings::Http;
use super::listener::BoundListener;
use super::settings::ServerSettings;
use super::supervisor::supervise;
use super::worker::{WorkerCommand, WorkerIndex, work};
use crate::budget::ClientBudget;
use crate::telemetry::ServerMetrics;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Semaphore, oneshot};

/// A running server. Dropping it cuts every connection; [`Server::drain`] lets them finish.
pub struct Server {
    acceptor: tokio::task::JoinHandle<()>,
    workers: Vec<Worker>,
    threads: Vec<JoinHandle<()>>,
}

/// A worker could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start a worker: {0}")]
pub struct ServerStartError(#[from] io::Error);

impl Server {
    /// Serves `listeners`; the acceptor runs on the caller's runtime.
    ///
    /// `factory` runs once on each worker's thread, inside its runtime, and makes what makes the services: one for each
    /// connection, which so knows its [`Peer`] without a word in each request. A worker that dies is started again. What
    /// connections hold is counted by `budget`.
    ///
    /// # Errors
    /// [`ServerStartError`] when the operating system gives no thread or no event queue.
    pub fn start<F, M, S>(
        listeners: Vec<BoundListener>,
        settings: ServerSettings,
        metrics: &ServerMetrics,
        budget: &Arc<ClientBudget>,
        factory: F,
    ) -> Result<Self, ServerStartError>
    where
        F: Fn(WorkerIndex) -> M + Send + Sync + 'static,
        M: Fn(Peer) -> S + Send + Sync + 'static,
        S: HttpService,
    {
        let factory = Arc::new(factory);
        let mut workers = Vec::new();
        let mut threads = Vec::new();
        for index in 0..settings.workers.max(1) {
            let (commands, receiver) = unbounded_channel();
            threads.push(spawn(WorkerIndex(index), settings, metrics.clone(), receiver, Arc::clone(&factory))?);
            workers.push(Worker::new(commands));
        }
        let limit = Arc::new(Semaphore::new(settings.connections.min(Semaphore::MAX_PERMITS)));
        let admission = Admission { budget: Arc::clone(budget), metrics: metrics.clone(), limit };
        let acceptor = tokio::spawn(accept(listeners, Balancer::new(workers.clone()), admission));
        Ok(Self { acceptor, workers, threads })
    }

    /// Stops accepting, lets the requests that have begun finish within `within`, and ends the workers.
    ///
    /// Idle connections close at once; answers still to come say `connection: close`.
    pub async fn drain(mut self, within: Duration) -> DrainReport {
        self.acceptor.abort();
        // until the task is gone its sockets are open; after that, what it accepted is before us in the workers' queues
        let _ = (&mut self.acceptor).await;
        let reports: Vec<_> = self.workers.iter().map(|worker| request_drain(worker, within)).collect();
        let mut drained = Vec::with_capacity(reports.len());
        for report in reports {
            drained.push(report.await.unwrap_or_default());
        }
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(|| threads.into_iter().for_each(|thread| drop(thread.join())));
        let _ = joined.await;
        drained.into_iter().sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

fn request_drain(worker: &Worker, within: Duration) -> oneshot::Receiver<DrainReport> {
    let (report, drained) = oneshot::channel();
    worker.send(WorkerCommand::Drain(within, report));
    drained
}

/// A worker's thread. Its first runtime is made here, where an error can still be returned.
fn spawn<F, M, S>(
    index: WorkerIndex,
    settings: ServerSettings,
    metrics: ServerMetrics,
    mut commands: UnboundedReceiver<WorkerCommand>,
    factory: Arc<F>,
) -> io::Result<JoinHandle<()>>
where
    F: Fn(WorkerIndex) -> M + Send + Sync + 'static,
    M: Fn(Peer) -> S + Send + Sync + 'static,
    S: HttpService,
{
    let mut first = Some(runtime()?);
    std::thread::Builder::new().name(format!("worker-{}", index.0)).spawn(move || {
        // its queue outlives the worker, so that no connection in it is lost
        supervise(&metrics, || {
            let runtime = first.take().map_or_else(runtime, Ok)?;
            runtime.block_on(async {
                let handler = ConnectionHandler {
                    http: Http::new(settings),
                    metrics: metrics.clone(),
                    service_for: factory(index),
                };
                work(&mut commands, handler).await;
            });
            // a name being resolved cannot be interrupted, and no task waits for it any more
            runtime.shutdown_background();
            Ok(())
        });
    })
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
