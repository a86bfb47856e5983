//! The body of a response, the gateway's or the upstream's. Its end ends the record.

use crate::gateway::body::response_deadline::Deadline;
use crate::gateway::layers::observe::Observation;
use crate::reason::Reason;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

/// The body of a response; `U` is the upstream's.
// concrete, not boxed: every response has one, and the gateway adds no allocation to the upstream's body
#[derive(Debug)]
pub struct ResponseBody<U> {
    source: ResponseSource<U>,
    observation: Option<Observation>,
    deadline: Option<Deadline>,
    /// Whether all of it was handed to hyper.
    // kept, because hyper does not poll for the end of a body whose length it knows
    is_complete: bool,
}

/// Why a response broke off.
#[derive(Debug, thiserror::Error)]
pub enum ResponseBodyError<E> {
    /// The upstream broke it off.
    #[error(transparent)]
    Upstream(#[from] E),
    /// It did not end in time, whether or not bytes were flowing.
    #[error("the response did not end within `limits.requestTimeout`")]
    TooLong,
}

#[derive(Debug)]
enum ResponseSource<U> {
    Gateway(Option<Bytes>),
    Upstream(U),
}

impl<U> ResponseBody<U> {
    /// The body of a refusal.
    pub(in crate::gateway) const fn gateway(bytes: Bytes) -> Self {
        Self { source: ResponseSource::Gateway(Some(bytes)), observation: None, deadline: None, is_complete: false }
    }

    /// The upstream's body, unchanged.
    pub(in crate::gateway) const fn upstream(body: U) -> Self {
        Self { source: ResponseSource::Upstream(body), observation: None, deadline: None, is_complete: false }
    }
}

impl<U: Body<Data = Bytes> + Unpin> ResponseBody<U> {
    /// Ends `observation` with the body, which breaks off at `end`.
    #[must_use]
    pub(in crate::gateway) fn with_observation(mut self, observation: Observation, end: Instant) -> Self {
        self.observation = Some(observation);
        self.deadline = Some(Deadline::until(end));
        self.is_complete = self.has_ended();
        self
    }

    fn has_ended(&self) -> bool {
        self.is_end_stream() || self.size_hint().exact() == Some(0)
    }
}

impl<U> Drop for ResponseBody<U> {
    fn drop(&mut self) {
        if let Some(observation) = self.observation.as_mut().filter(|_| !self.is_complete) {
            observation.mark_aborted();
        }
    }
}

impl<U: Body<Data = Bytes> + Unpin> Body for ResponseBody<U> {
    type Data = Bytes;
    type Error = ResponseBodyError<U::Error>;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let polled = match &mut this.source {
            ResponseSource::Gateway(bytes) => {
                Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))))
            }
            ResponseSource::Upstream(body) => {
                let polled = Pin::new(&mut *body).poll_frame(context).map_err(ResponseBodyError::Upstream);
                // a body whose last byte is here is not cut any more
                let deadline = this.deadline.as_mut().filter(|_| !body.is_end_stream());
                match deadline.map(|deadline| deadline.has_passed(polled.is_pending(), context)) {
                    Some(true) => Poll::Ready(Some(Err(ResponseBodyError::TooLong))),
                    _ => polled,
                }
            }
        };
        match (&polled, &mut this.observation) {
            (Poll::Ready(Some(Ok(frame))), Some(observation)) => {
                observation.add_sent_bytes(frame.data_ref().map_or(0, Buf::remaining));
            }
            (Poll::Ready(Some(Err(error))), Some(observation)) => observation.mark_failed(match error {
                ResponseBodyError::Upstream(_) => Reason::UpstreamUnreachable,
                ResponseBodyError::TooLong => Reason::UpstreamTimeout,
            }),
            (Poll::Ready(None), _) => this.observation = None,
            _ => {}
        }
        this.is_complete = this.has_ended();
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            ResponseSource::Gateway(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            ResponseSource::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            ResponseSource::Gateway(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            ResponseSource::Upstream(body) => body.size_hint(),
        }
    }
}
