//! What becomes of a request at a layer that either hands it on or refuses it: no allocation for what is handed on.

use crate::gateway::refusal::Refusal;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A refusal that is on its way: what the client still sends is read away first.
type Refusing = Pin<Box<dyn Future<Output = Refusal> + Send>>;
/// Finds out, and hands on.
type Deciding<O> = Pin<Box<dyn Future<Output = O> + Send>>;

pin_project! {
    /// The answer of the layer within, while which `held` is kept; or a refusal.
    #[project = Step]
    pub enum ForwardOrRefuse<F, H = ()>
    where
        F: Future,
    {
        /// Handed on.
        Forward {
            #[pin]
            answer: F,
            held: H,
        },
        /// Nobody knows yet.
        Decide { deciding: Deciding<F::Output> },
        /// Refuse.
        Refuse { refusing: Refusing },
    }
}

impl<F: Future, H> ForwardOrRefuse<F, H> {
    /// Hands on, and keeps `held` until there is an answer.
    pub(in crate::gateway) const fn forward(answer: F, held: H) -> Self {
        Self::Forward { answer, held }
    }

    /// Becomes what `deciding` does.
    pub(in crate::gateway) fn decide(deciding: impl Future<Output = F::Output> + Send + 'static) -> Self {
        Self::Decide { deciding: Box::pin(deciding) }
    }

    /// Refuses as soon as `refusing` is done.
    pub(in crate::gateway) fn refuse(refusing: impl Future<Output = Refusal> + Send + 'static) -> Self {
        Self::Refuse { refusing: Box::pin(refusing) }
    }
}

impl<F, H, A> Future for ForwardOrRefuse<F, H>
where
    F: Future<Output = Result<A, Refusal>>,
{
    type Output = Result<A, Refusal>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Step::Forward { answer, .. } => answer.poll(context),
            Step::Decide { deciding } => deciding.as_mut().poll(context),
            Step::Refuse { refusing } => refusing.as_mut().poll(context).map(Err),
        }
    }
}
