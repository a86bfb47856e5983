//! The body of an answer, ours or the upstream's; when it ends, so does the record.

use super::observe::Observation;
use super::time_left::TimeLeft;
use crate::reason::Reason;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

/// The body of an answer. `U` is that of the upstream's.
#[derive(Debug)]
pub struct AnswerBody<U> {
    source: Source<U>,
    observation: Option<Observation>,
    time_left: Option<TimeLeft>,
    /// Whether all of it was handed over; whoever knows the length does not ask for more than that.
    is_whole: bool,
}

/// Why an answer broke off.
#[derive(Debug, thiserror::Error)]
pub enum BrokenOff<E> {
    /// The upstream did.
    #[error(transparent)]
    Upstream(#[from] E),
    /// It took too long, however busy both sides looked.
    #[error("the answer did not end within `limits.requestTimeout`")]
    TooLong,
}

#[derive(Debug)]
enum Source<U> {
    Own(Option<Bytes>),
    Upstream(U),
}

impl<U> AnswerBody<U> {
    /// A body of our own.
    pub(super) const fn own(bytes: Bytes) -> Self {
        Self { source: Source::Own(Some(bytes)), observation: None, time_left: None, is_whole: false }
    }

    /// The upstream's, untouched.
    pub(super) const fn upstream(body: U) -> Self {
        Self { source: Source::Upstream(body), observation: None, time_left: None, is_whole: false }
    }
}

impl<U: Body<Data = Bytes> + Unpin> AnswerBody<U> {
    /// Ends `observation` when the body ends, which it must before `end`.
    #[must_use]
    pub(super) fn observed(mut self, observation: Observation, end: Instant) -> Self {
        self.observation = Some(observation);
        self.time_left = Some(TimeLeft::until(end));
        self.is_whole = self.has_ended();
        self
    }

    fn has_ended(&self) -> bool {
        self.is_end_stream() || self.size_hint().exact() == Some(0)
    }
}

impl<U> Drop for AnswerBody<U> {
    fn drop(&mut self) {
        if let Some(observation) = self.observation.as_mut().filter(|_| !self.is_whole) {
            observation.left();
        }
    }
}

impl<U: Body<Data = Bytes> + Unpin> Body for AnswerBody<U> {
    type Data = Bytes;
    type Error = BrokenOff<U::Error>;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let polled = match &mut this.source {
            Source::Own(bytes) => {
                Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))))
            }
            Source::Upstream(body) => {
                let polled = Pin::new(&mut *body).poll_frame(context).map_err(BrokenOff::Upstream);
                let time_left = this.time_left.as_mut().filter(|_| !body.is_end_stream());
                match time_left.map(|time_left| time_left.is_over(polled.is_pending(), context)) {
                    Some(true) => Poll::Ready(Some(Err(BrokenOff::TooLong))),
                    _ => polled,
                }
            }
        };
        match (&polled, &mut this.observation) {
            (Poll::Ready(Some(Ok(frame))), Some(observation)) => {
                observation.sent(frame.data_ref().map_or(0, Buf::remaining));
            }
            (Poll::Ready(Some(Err(why))), Some(observation)) => observation.broken_off(match why {
                BrokenOff::Upstream(_) => Reason::UpstreamUnreachable,
                BrokenOff::TooLong => Reason::UpstreamTimeout,
            }),
            (Poll::Ready(None), _) => this.observation = None,
            _ => {}
        }
        this.is_whole = this.has_ended();
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Source::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Source::Upstream(body) => body.size_hint(),
        }
    }
}
