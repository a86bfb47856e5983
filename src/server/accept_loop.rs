//! The accept loop: the one task that owns the listening sockets.

use super::balancer::Balancer;
use super::listener::{BoundListener, IncomingConnection};
use crate::budget::{ClientBudget, Hold, prices};
use crate::telemetry::logs::RateLimitedLog;
use crate::telemetry::{RefusedConnection, ServerMetrics};
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Pause after an error that would repeat at once, such as no free file descriptor.
const BACK_OFF: Duration = Duration::from_millis(100);

/// What the acceptor asks before it accepts.
pub(super) struct Admission {
    /// What clients can hold.
    pub(super) budget: Arc<ClientBudget>,
    pub(super) metrics: ServerMetrics,
    /// The connections that are open at once.
    pub(super) limit: Arc<Semaphore>,
}

/// Accepts connections until the task is aborted.
// a permit of `limit` is taken before `accept`: at the limit, connections wait in the kernel's backlog instead of being
// accepted and closed, and nothing spins
pub(super) async fn accept(listeners: Vec<BoundListener>, mut balancer: Balancer, admission: Admission) {
    let mut turn = 0;
    let at_limit = RateLimitedLog::new();
    let accept_failed = RateLimitedLog::new();
    let above_share = RateLimitedLog::new();
    loop {
        let Some(permit) = permit(&admission.limit, &at_limit).await else { return };
        turn += 1;
        match poll_fn(|context| poll_accept(&listeners, turn, context)).await {
            Ok(incoming) => {
                // closed without a response: one would take the memory that there is none of
                let Some(hold) = admission.hold(&incoming, &above_share) else { continue };
                if let Err(error) = balancer.hand_over(incoming, permit, hold) {
                    tracing::debug!(%error, "an accepted connection could not be handed to a worker");
                }
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                if let Some(suppressed) = accept_failed.allow(Instant::now()) {
                    tracing::error!(%error, suppressed = suppressed.field(), "cannot accept connections; trying again");
                }
                pingora_timeout::sleep(BACK_OFF).await;
            }
        }
    }
}

impl Admission {
    /// What a new connection holds. `None` if its client has its share already, or there is no memory.
    fn hold(&self, incoming: &IncomingConnection, above_share: &RateLimitedLog) -> Option<Hold> {
        let account = self.budget.account(incoming.socket.client_key());
        let hold = account.connection(prices::CONNECTION);
        if hold.is_none() {
            self.metrics.connection_refused(RefusedConnection::Overloaded);
            if let Some(suppressed) = above_share.allow(Instant::now()) {
                tracing::warn!(
                    suppressed = suppressed.field(),
                    "a connection was closed: its client is at its share of `limits.connections` or `limits.memoryBytes`, \
                     or no memory is left"
                );
            }
        }
        hold
    }
}

async fn permit(limit: &Arc<Semaphore>, at_limit: &RateLimitedLog) -> Option<OwnedSemaphorePermit> {
    if limit.available_permits() == 0
        && let Some(suppressed) = at_limit.allow(Instant::now())
    {
        tracing::warn!(
            suppressed = suppressed.field(),
            "`limits.connections` reached; new connections wait until one closes"
        );
    }
    Arc::clone(limit).acquire_owned().await.ok()
}

/// Polls all sockets for a connection.
// starts with another socket each turn, so that a busy one starves no other
fn poll_accept(
    listeners: &[BoundListener],
    turn: usize,
    context: &mut Context<'_>,
) -> Poll<io::Result<IncomingConnection>> {
    let all = listeners.len();
    let first = turn.checked_rem(all).unwrap_or_default();
    for listener in listeners.iter().cycle().skip(first).take(all) {
        if let ready @ Poll::Ready(_) = listener.poll_accept(context) {
            return ready;
        }
    }
    Poll::Pending
}

/// Whether the error concerns only the connection that was to be accepted, so that the next `accept` may succeed.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_file_descriptors_is_waited_out() {
        let out_of_descriptors = io::Error::from_raw_os_error(24);
        assert!(!concerns_one_connection(&out_of_descriptors));
        assert!(concerns_one_connection(&io::ErrorKind::ConnectionAborted.into()));
    }
}
