//! Serves HTTP/1.1 to a client, and gives the buffers of the connection back while it is idle.

// hyper keeps two buffers of 8 KiB for each connection until it closes, of which two pages are resident. So a connection that
// has been idle for a while is taken out of hyper, and gets a new hyper connection when its client sends again.

use super::connection::ConnectionEnd;
use super::connection_memory::Backpressure;
use super::head_guard::HeadGuard;
use super::head_ledger::HeadLedger;
use super::http_settings::Http;
use crate::transport::CoalescingStream;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use pingora_timeout::{sleep, timeout};
use std::convert::Infallible;
use std::error::Error;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};

/// The shortest time that pingora's timer can wait for.
const SHORTEST: Duration = Duration::from_millis(1);

/// How long an idle connection is still read from when the gateway drains.
// closed at once, it would lose a request that is on its way
pub(super) const PARTING: Duration = Duration::from_millis(100);

// the connection in hyper; boxed, so that the task of an idle one does not hold room for it
type InHyper<T, V> = Box<http1::Connection<TokioIo<CoalescingStream<HeadGuard<T>>>, V>>;

/// Watches the age of a connection, and for how long it has been idle.
struct IdleWatch {
    opened: Instant,
    /// The connection is idle at least since then, if it is idle.
    since: Instant,
    /// The number of responses at the last look.
    answered: u64,
    ledger: Arc<HeadLedger>,
    backpressure: Arc<Backpressure>,
}

/// Serves the client of `guard` until either side closes the connection, or until `ending` resolves.
pub(super) async fn serve<T, V, B>(
    http: &Http,
    mut guard: HeadGuard<T>,
    mut service: V,
    (ledger, backpressure): (Arc<HeadLedger>, Arc<Backpressure>),
    ending: impl Future<Output = ConnectionEnd>,
) -> hyper::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
    V: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    let mut watch = IdleWatch::new(ledger, backpressure);
    let mut ending = pin!(ending);
    let mut ended = None;
    loop {
        watch.retire_if_old(http);
        let stream = TokioIo::new(CoalescingStream(guard));
        let mut connection = Box::new(http.version1.serve_connection(stream, service));
        if let Some(ended) = ended {
            return finish(connection, ended, &watch.ledger).await;
        }
        let mut look = pin!(sleep(watch.next_look(http)));
        loop {
            tokio::select! {
                // biased: a response that becomes ready together with the signal must carry `connection: close`
                biased;
                ended = ending.as_mut() => return finish(connection, ended, &watch.ledger).await,
                () = look.as_mut() => {
                    watch.retire_if_old(http);
                    if watch.is_idle(http) {
                        break;
                    }
                    look.set(sleep(watch.next_look(http)));
                }
                closed = Pin::new(&mut *connection) => return closed,
            }
        }
        (guard, service) = out_of_hyper(connection);
        let left = http.bounds.idle.saturating_sub(watch.since.elapsed());
        ended = tokio::select! {
            biased;
            ended = ending.as_mut() => Some(ended),
            woken = guard.wait_for_bytes() => match woken {
                Ok(()) => None,
                Err(error) => {
                    tracing::debug!(%error, "an idle connection broke");
                    return Ok(());
                }
            },
            () = sleep(left.max(SHORTEST)) => return Ok(()),
        };
    }
}

/// What is served, and by what, of a connection that is idle. Its buffers are empty, and are dropped here.
#[expect(clippy::boxed_local, reason = "the box is freed here, too")]
fn out_of_hyper<T, V, B>(connection: InHyper<T, V>) -> (HeadGuard<T>, V)
where
    T: AsyncRead + AsyncWrite + Unpin,
    V: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    let parts = connection.into_parts();
    (parts.io.into_inner().0, parts.service)
}

/// Finishes the requests that have begun, announces the close to the client, and closes.
async fn finish<T, V, B>(mut connection: InHyper<T, V>, ended: ConnectionEnd, ledger: &HeadLedger) -> hyper::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
    V: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    ledger.retire();
    if ended == ConnectionEnd::Drain
        && let Ok(closed) = timeout(PARTING, Pin::new(&mut *connection)).await
    {
        return closed;
    }
    Pin::new(&mut *connection).graceful_shutdown();
    connection.await
}

impl IdleWatch {
    fn new(ledger: Arc<HeadLedger>, backpressure: Arc<Backpressure>) -> Self {
        let opened = Instant::now();
        Self { opened, since: opened, answered: 0, ledger, backpressure }
    }

    /// Time until [`Self::is_idle`] may have something new.
    // one timer for both, because each one costs every poll of the connection
    fn next_look(&self, http: &Http) -> Duration {
        let left = if self.ledger.is_retired() { http.quiet } else { http.age.saturating_sub(self.opened.elapsed()) };
        left.min(http.quiet).max(SHORTEST)
    }

    /// Has the next response announce the close of a connection that is too old.
    // an idle connection is not closed: a request may be on its way
    fn retire_if_old(&self, http: &Http) {
        if self.opened.elapsed() >= http.age {
            self.ledger.retire();
        }
    }

    /// Whether the connection has been idle for so long that it gives its buffers back.
    fn is_idle(&mut self, http: &Http) -> bool {
        let now = Instant::now();
        let answered = self.ledger.answered_count();
        let is_waiting = self.ledger.is_waiting() && !self.backpressure.is_blocked();
        if !is_waiting || answered != self.answered {
            (self.since, self.answered) = (now, answered);
        }
        now.duration_since(self.since) >= http.quiet
    }
}

#[cfg(test)]
mod tests;
