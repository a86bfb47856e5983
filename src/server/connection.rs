//! One client's connection, from first byte to last.

use super::activity::{ActiveBody, Activity};
use super::balance::Accepted;
use super::http::Http;
use super::opening::{Open, Stream, Unopened, open};
use super::passed::Passed;
use super::service::Answers;
use super::watched::Watched;
use crate::peer::Client;
use crate::peer::LocalEndpoint;
use crate::telemetry::{RefusedConnection, ServerMetrics};
use crate::transport::Gathered;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

/// Who is at the client's end of a connection, and which is our end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client.
    pub client: Arc<Client>,
    /// Where it reached us.
    pub endpoint: LocalEndpoint,
}

/// What all connections of a worker share.
pub(super) struct Reception<M> {
    pub(super) http: Http,
    pub(super) metrics: ServerMetrics,
    /// Makes the service of a connection.
    pub(super) service_for: M,
}

impl<M, S> Reception<M>
where
    M: Fn(Peer) -> S,
    S: Answers,
{
    /// Serves the connection until either side closes it, or until `draining` ends: then it finishes what it has
    /// begun, tells the client so, and closes.
    pub(super) async fn serve(self: Arc<Self>, accepted: Accepted, mut draining: oneshot::Receiver<()>) {
        let Accepted { socket, tls, place: _place } = accepted;
        let socket = match socket.attach() {
            Ok(socket) => socket,
            Err(error) => return tracing::debug!(%error, "a connection could not be taken over"),
        };
        let opened = tokio::select! {
            // what has arrived when the drain begins is seen first, for it counts as begun
            biased;
            opened = open(socket, tls, self.http.bounds) => opened,
            _ = &mut draining => return,
        };
        let Open { stream, is_http2, peer } = match opened {
            Ok(open) => open,
            Err(Unopened::Gone(error)) => return tracing::debug!(%error, "a connection ended before a request"),
            Err(Unopened::Refused(why)) => return self.refused(why),
        };
        let service = (self.service_for)(peer);
        match (stream, is_http2) {
            (Stream::Plain(stream), false) => self.version1(stream, service, draining).await,
            (Stream::Plain(stream), true) => self.version2(stream, service, draining).await,
            (Stream::Tls(stream), false) => self.version1(stream, service, draining).await,
            (Stream::Tls(stream), true) => self.version2(stream, service, draining).await,
        }
    }

    fn refused(&self, why: RefusedConnection) {
        self.metrics.connection_refused(why);
        tracing::debug!(reason = why.as_str(), "a connection was refused");
    }

    async fn version1<T>(&self, stream: T, service: S, draining: oneshot::Receiver<()>)
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let passed = Arc::new(Passed::default());
        let stream = TokioIo::new(Gathered(Watched::new(stream, self.http.bounds, Arc::clone(&passed))));
        let service = service_fn(move |request| call_unless_defect(service.clone(), &passed, request));
        let mut connection = pin!(self.http.version1.serve_connection(stream, service));
        let ended = tokio::select! {
            // asked first, so that an answer which becomes ready together with the signal says `connection: close`
            biased;
            _ = draining => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            ended = connection.as_mut() => ended,
        };
        tell(ended);
    }

    /// A client that sends no request, or takes nothing of an answer, is told to end, and cut off if it does not.
    async fn version2<T>(&self, stream: T, service: S, draining: oneshot::Receiver<()>)
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let activity = Activity::new();
        let counting = Arc::clone(&activity);
        let service = service_fn(move |request| call_counted(service.clone(), request, Arc::clone(&counting)));
        let mut connection = pin!(self.http.version2.serve_connection(TokioIo::new(stream), service));
        let limit = self.http.bounds.stall;
        tokio::select! {
            biased;
            _ = draining => {}
            ended = connection.as_mut() => return tell(ended),
            () = activity.useless_for(limit) => {}
        }
        connection.as_mut().graceful_shutdown();
        activity.touch();
        tokio::select! {
            biased;
            ended = connection => tell(ended),
            () = activity.useless_for(limit) => {}
        }
    }
}

fn tell(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        // hyper's errors print their own level only, which holds nothing of the request
        tracing::debug!(%error, "a connection broke");
    }
}

async fn call<S: Answers>(mut service: S, request: Request<Incoming>) -> Result<Response<S::Body>, Infallible> {
    poll_fn(|context| service.poll_ready(context)).await?;
    service.call(request).await
}

/// Asks the service for its answer. Behind a head that cannot be trusted nothing on the connection can.
fn call_unless_defect<S: Answers>(
    service: S,
    passed: &Passed,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<S::Body>, Infallible>> + use<S> {
    let defect = passed.next_request();
    if let Some(defect) = defect {
        request.extensions_mut().insert(defect);
    }
    async move {
        let mut response = call(service, request).await?;
        if defect.is_some() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}

async fn call_counted<S: Answers>(
    service: S,
    request: Request<Incoming>,
    activity: Arc<Activity>,
) -> Result<Response<ActiveBody<S::Body>>, Infallible> {
    let active = activity.request();
    let answer = call(service, request).await?;
    Ok(answer.map(|body| ActiveBody::new(body, active)))
}
