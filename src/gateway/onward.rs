//! What becomes of a request at a layer that either hands it on or refuses it: no allocation for what is handed on.

use super::refuse::Refusal;
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
    pub enum Onward<F, H = ()>
    where
        F: Future,
    {
        /// Handed on.
        On {
            #[pin]
            answer: F,
            held: H,
        },
        /// Nobody knows yet.
        Undecided { deciding: Deciding<F::Output> },
        /// Refused.
        Refused { refusing: Refusing },
    }
}

impl<F: Future, H> Onward<F, H> {
    /// Hands on, and keeps `held` until there is an answer.
    pub(super) const fn on(answer: F, held: H) -> Self {
        Self::On { answer, held }
    }

    /// Becomes what `deciding` does.
    pub(super) fn undecided(deciding: impl Future<Output = F::Output> + Send + 'static) -> Self {
        Self::Undecided { deciding: Box::pin(deciding) }
    }

    /// Refuses as soon as `refusing` is done.
    pub(super) fn refused(refusing: impl Future<Output = Refusal> + Send + 'static) -> Self {
        Self::Refused { refusing: Box::pin(refusing) }
    }
}

impl<F, H, A> Future for Onward<F, H>
where
    F: Future<Output = Result<A, Refusal>>,
{
    type Output = Result<A, Refusal>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Step::On { answer, .. } => answer.poll(context),
            Step::Undecided { deciding } => deciding.as_mut().poll(context),
            Step::Refused { refusing } => refusing.as_mut().poll(context).map(Err),
        }
    }
}
