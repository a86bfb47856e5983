//! The body of an answer, ours or the upstream's; when it ends, so does the record.

use super::observe::Observation;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of an answer. `U` is that of the upstream's.
#[derive(Debug)]
pub struct AnswerBody<U> {
    source: Source<U>,
    observation: Option<Observation>,
}

#[derive(Debug)]
enum Source<U> {
    Own(Option<Bytes>),
    Upstream(U),
}

impl<U> AnswerBody<U> {
    /// A body of our own.
    pub(super) const fn own(bytes: Bytes) -> Self {
        Self { source: Source::Own(Some(bytes)), observation: None }
    }

    /// The upstream's, untouched.
    pub(super) const fn upstream(body: U) -> Self {
        Self { source: Source::Upstream(body), observation: None }
    }

    /// Ends `observation` when the body ends.
    #[must_use]
    pub(super) fn observed(mut self, observation: Observation) -> Self {
        self.observation = Some(observation);
        self
    }
}

impl<U: Body<Data = Bytes> + Unpin> Body for AnswerBody<U> {
    type Data = Bytes;
    type Error = U::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, U::Error>>> {
        let this = self.get_mut();
        let polled = match &mut this.source {
            Source::Own(bytes) => {
                Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))))
            }
            Source::Upstream(body) => Pin::new(body).poll_frame(context),
        };
        match (&polled, &mut this.observation) {
            (Poll::Ready(Some(Ok(frame))), Some(observation)) => {
                observation.sent(frame.data_ref().map_or(0, Buf::remaining));
            }
            (Poll::Ready(Some(Err(_))), Some(observation)) => observation.broken_off(),
            (Poll::Ready(None), _) => this.observation = None,
            _ => {}
        }
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
