//! A worker: one thread, one runtime, its own services and upstream connections.

use super::balancer::Accepted;
use super::connection::{ConnectionHandler, Peer};
use super::drain_report::DrainReport;
use super::freed_memory::give_back;
use super::http_service::HttpService;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::task::{Id, JoinError, JoinSet};

/// The index of a worker, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerIndex(pub usize);

/// What the thread that accepts asks of a worker.
pub(super) enum WorkerCommand {
    /// Serve this connection.
    Serve(Accepted),
    /// Drain all connections within this time, report, and end.
    Drain(Duration, oneshot::Sender<DrainReport>),
}

/// The connections of a worker. Dropping a sender has its connection finish.
// one channel a connection: polling it costs a request an atomic read, where a channel shared by all costs it a lock
#[derive(Default)]
struct ConnectionTasks {
    tasks: JoinSet<()>,
    draining: HashMap<Id, oneshot::Sender<()>>,
}

/// Runs a worker until it is drained or its command channel closes. Connections that are still open then are cut.
pub(super) async fn work<M, S>(commands: &mut UnboundedReceiver<WorkerCommand>, handler: ConnectionHandler<M>)
where
    M: Fn(Peer) -> S + Send + Sync + 'static,
    S: HttpService,
{
    let handler = Arc::new(handler);
    let mut connections = ConnectionTasks::default();
    let mut giving_back = pin!(give_back());
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(WorkerCommand::Serve(accepted)) => {
                    connections.open(|draining| Arc::clone(&handler).serve(accepted, draining));
                    // One a turn, so that new connections, however many, do not queue up before the requests of open ones:
                    // a turn polls up to 61 tasks, many more than a connection needs polls for its first request.
                    tokio::task::yield_now().await;
                }
                Some(WorkerCommand::Drain(within, report)) => {
                    let _ = report.send(connections.drain(within).await);
                    return;
                }
                None => return,
            },
            Some(ended) = connections.tasks.join_next_with_id() => connections.forget(ended),
            () = &mut giving_back => {}
        }
    }
}

impl ConnectionTasks {
    fn open<F>(&mut self, serve: impl FnOnce(oneshot::Receiver<()>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (draining, drained) = oneshot::channel();
        let task = self.tasks.spawn(serve(drained));
        self.draining.insert(task.id(), draining);
    }

    fn forget(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                if error.is_panic() {
                    // the payload stays unread: it may quote the request
                    tracing::error!("a connection's task panicked; its connection is closed, the worker goes on");
                }
                error.id()
            }
        };
        self.draining.remove(&id);
    }

    async fn drain(&mut self, within: Duration) -> DrainReport {
        // What has already arrived counts as begun: the first turn registers the newest connections with the kernel
        // and asks it for events, the second lets those connections read.
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
        self.draining.clear();
        let mut finished = 0;
        let all = async {
            while self.tasks.join_next().await.is_some() {
                finished += 1;
            }
        };
        // a zero deadline underflows inside pingora's timer
        let _ = pingora_timeout::timeout(within.max(Duration::from_millis(1)), all).await;
        DrainReport { finished, cut: self.tasks.len() }
    }
}
