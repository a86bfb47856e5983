//! The future of a layer that either forwards a request or refuses it.

use crate::gateway::refusal::Refusal;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

type BoxFuture<O> = Pin<Box<dyn Future<Output = O> + Send>>;

/// What a layer holds while the layers within work on a request, such as a share of a limit.
pub trait Guard<R>: Default {
    /// The response with what is held, if that must last as long as its body.
    type Response;

    /// Ends the hold, or moves it into `response`.
    fn release(self, response: R) -> Self::Response;
}

impl<R> Guard<R> for () {
    type Response = R;

    fn release(self, response: R) -> R {
        response
    }
}

pin_project! {
    /// The response of the layer within, or a refusal.
    ///
    /// `guard` is held until the response is there, and dropped if the future is.
    pub struct ForwardOrRefuse<F: Future, G = ()> {
        #[pin]
        state: ForwardState<F>,
        guard: G,
    }
}

pin_project! {
    // the common case, `Forward`, is unboxed: a request that passes allocates nothing here
    #[project = ForwardStateProjection]
    enum ForwardState<F: Future> {
        Forward { #[pin] response: F },
        Decide { deciding: BoxFuture<F::Output> },
        Refuse { refusing: BoxFuture<Refusal> },
    }
}

impl<F: Future, G> ForwardOrRefuse<F, G> {
    /// Forwards; `guard` is held until `response` is there.
    pub(super) const fn forward(response: F, guard: G) -> Self {
        Self { state: ForwardState::Forward { response }, guard }
    }

    /// Forwards or refuses, as `deciding` does once it has read what it needs.
    pub(super) fn decide(deciding: impl Future<Output = F::Output> + Send + 'static) -> Self
    where
        G: Default,
    {
        Self { state: ForwardState::Decide { deciding: Box::pin(deciding) }, guard: G::default() }
    }

    /// Refuses with the output of `refusing`, which drains the client's body first.
    pub(super) fn refuse(refusing: impl Future<Output = Refusal> + Send + 'static) -> Self
    where
        G: Default,
    {
        Self { state: ForwardState::Refuse { refusing: Box::pin(refusing) }, guard: G::default() }
    }
}

impl<F, G, R> Future for ForwardOrRefuse<F, G>
where
    F: Future<Output = Result<R, Refusal>>,
    G: Guard<R>,
{
    type Output = Result<G::Response, Refusal>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = match this.state.project() {
            ForwardStateProjection::Forward { response } => ready!(response.poll(context)),
            ForwardStateProjection::Decide { deciding } => ready!(deciding.as_mut().poll(context)),
            ForwardStateProjection::Refuse { refusing } => Err(ready!(refusing.as_mut().poll(context))),
        };
        let guard = std::mem::take(this.guard);
        Poll::Ready(response.map(|response| guard.release(response)))
    }
}
