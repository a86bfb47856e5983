//! The body of an answer, ours or the upstream's; when it ends, so does the record.

use crate::gateway::body::deadline::Deadline;
use crate::gateway::layers::observe::Observation;
use crate::reason::Reason;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

/// The body of an answer. `U` is that of the upstream's.
#[derive(Debug)]
pub struct ResponseBody<U> {
    source: ResponseSource<U>,
    observation: Option<Observation>,
    time_left: Option<Deadline>,
    /// Whether all of it was handed over; whoever knows the length does not ask for more than that.
    is_whole: bool,
}

/// Why an answer broke off.
#[derive(Debug, thiserror::Error)]
pub enum ResponseBodyError<E> {
    /// The upstream did.
    #[error(transparent)]
    Upstream(#[from] E),
    /// It took too long, however busy both sides looked.
    #[error("the answer did not end within `limits.requestTimeout`")]
    TooLong,
}

#[derive(Debug)]
enum ResponseSource<U> {
    Own(Option<Bytes>),
    Upstream(U),
}

impl<U> ResponseBody<U> {
    /// A body of our own.
    pub(in crate::gateway) const fn own(bytes: Bytes) -> Self {
        Self { source: ResponseSource::Own(Some(bytes)), observation: None, time_left: None, is_whole: false }
    }

    /// The upstream's, untouched.
    pub(in crate::gateway) const fn upstream(body: U) -> Self {
        Self { source: ResponseSource::Upstream(body), observation: None, time_left: None, is_whole: false }
    }
}

impl<U: Body<Data = Bytes> + Unpin> ResponseBody<U> {
    /// Ends `observation` when the body ends, which it must before `end`.
    #[must_use]
    pub(in crate::gateway) fn observed(mut self, observation: Observation, end: Instant) -> Self {
        self.observation = Some(observation);
        self.time_left = Some(Deadline::until(end));
        self.is_whole = self.has_ended();
        self
    }

    fn has_ended(&self) -> bool {
        self.is_end_stream() || self.size_hint().exact() == Some(0)
    }
}

impl<U> Drop for ResponseBody<U> {
    fn drop(&mut self) {
        if let Some(observation) = self.observation.as_mut().filter(|_| !self.is_whole) {
            observation.left();
        }
    }
}

impl<U: Body<Data = Bytes> + Unpin> Body for ResponseBody<U> {
    type Data = Bytes;
    type Error = ResponseBodyError<U::Error>;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let polled = match &mut this.source {
            ResponseSource::Own(bytes) => {
                Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))))
            }
            ResponseSource::Upstream(body) => {
                let polled = Pin::new(&mut *body).poll_frame(context).map_err(ResponseBodyError::Upstream);
                let time_left = this.time_left.as_mut().filter(|_| !body.is_end_stream());
                match time_left.map(|time_left| time_left.is_over(polled.is_pending(), context)) {
                    Some(true) => Poll::Ready(Some(Err(ResponseBodyError::TooLong))),
                    _ => polled,
                }
            }
        };
        match (&polled, &mut this.observation) {
            (Poll::Ready(Some(Ok(frame))), Some(observation)) => {
                observation.sent(frame.data_ref().map_or(0, Buf::remaining));
            }
            (Poll::Ready(Some(Err(why))), Some(observation)) => observation.broken_off(match why {
                ResponseBodyError::Upstream(_) => Reason::UpstreamUnreachable,
                ResponseBodyError::TooLong => Reason::UpstreamTimeout,
            }),
            (Poll::Ready(None), _) => this.observation = None,
            _ => {}
        }
        this.is_whole = this.has_ended();
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            ResponseSource::Own(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            ResponseSource::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            ResponseSource::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            ResponseSource::Upstream(body) => body.size_hint(),
        }
    }
}
