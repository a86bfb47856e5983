//! Chooses the worker of each connection.

use super::listener::IncomingConnection;
use super::socket::DetachedSocket;
use super::tls::ReloadableTls;
use super::worker::WorkerCommand;
use crate::budget::Hold;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedSender;

/// A handle of a worker.
#[derive(Clone)]
pub(super) struct Worker {
    commands: UnboundedSender<WorkerCommand>,
    open: Arc<AtomicUsize>,
}

/// A connection on its way to a worker.
pub(super) struct Accepted {
    pub(super) socket: DetachedSocket,
    pub(super) tls: Option<Arc<ReloadableTls>>,
    pub(super) place: ConnectionSlot,
    pub(super) hold: Hold,
}

/// A connection's slot in the worker's count and among those that are accepted at once. Dropping it frees the slot.
pub(super) struct ConnectionSlot {
    open: Arc<AtomicUsize>,
    _permit: OwnedSemaphorePermit,
}

/// Gives each connection to the worker with the fewest open ones, round robin among equals.
pub(super) struct Balancer {
    workers: Vec<Worker>,
    next: usize,
}

impl Worker {
    pub(super) fn new(commands: UnboundedSender<WorkerCommand>) -> Self {
        Self { commands, open: Arc::default() }
    }

    /// Sends a command. False if the worker has ended.
    pub(super) fn send(&self, command: WorkerCommand) -> bool {
        self.commands.send(command).is_ok()
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Balancer {
    pub(super) fn new(workers: Vec<Worker>) -> Self {
        Self { workers, next: 0 }
    }

    /// Hands `incoming` to a worker. `permit` is its part of the limit on connections, `hold` what it holds of the budget.
    pub(super) fn hand_over(
        &mut self,
        incoming: IncomingConnection,
        permit: OwnedSemaphorePermit,
        hold: Hold,
    ) -> std::io::Result<()> {
        let socket = incoming.socket.detach()?;
        if let Some(worker) = self.choose() {
            worker.open.fetch_add(1, Ordering::Relaxed);
            let place = ConnectionSlot { open: Arc::clone(&worker.open), _permit: permit };
            worker.send(WorkerCommand::Serve(Accepted { socket, tls: incoming.tls, place, hold }));
        }
        Ok(())
    }

    fn choose(&mut self) -> Option<Worker> {
        let all = self.workers.len();
        let in_turn = self.workers.iter().enumerate().cycle().skip(self.next).take(all);
        let alive = in_turn.filter(|(_, worker)| !worker.commands.is_closed());
        let (chosen, worker) = alive.min_by_key(|(_, worker)| worker.open.load(Ordering::Relaxed))?;
        self.next = (chosen + 1) % all;
        Some(worker.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    fn balancer(open: &[usize]) -> (Balancer, Vec<UnboundedReceiver<WorkerCommand>>) {
        let (workers, receivers) = open.iter().map(|&open| worker(open)).unzip();
        (Balancer::new(workers), receivers)
    }

    fn worker(open: usize) -> (Worker, UnboundedReceiver<WorkerCommand>) {
        let (commands, receiver) = unbounded_channel();
        let worker = Worker::new(commands);
        worker.open.store(open, Ordering::Relaxed);
        (worker, receiver)
    }

    fn chosen(balancer: &mut Balancer) -> usize {
        let worker = balancer.choose().unwrap();
        balancer.workers.iter().position(|other| Arc::ptr_eq(&other.open, &worker.open)).unwrap()
    }

    #[test]
    fn the_least_busy_worker_is_chosen() {
        let (mut balancer, _receivers) = balancer(&[3, 1, 2]);
        assert_eq!([chosen(&mut balancer), chosen(&mut balancer)], [1, 1]);
    }

    #[test]
    fn equals_take_turns() {
        let (mut balancer, _receivers) = balancer(&[0, 0, 0]);
        let order: Vec<_> = (0..4).map(|_| chosen(&mut balancer)).collect();
        assert_eq!(order, [0, 1, 2, 0]);
    }

    #[test]
    fn a_worker_that_ended_gets_nothing() {
        let (mut balancer, mut receivers) = balancer(&[0, 5]);
        drop(receivers.remove(0));
        assert_eq!(chosen(&mut balancer), 1);
        receivers.clear();
        assert!(balancer.choose().is_none());
    }
}
