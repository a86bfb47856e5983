//! A tower service from a closure.

use http::{Request, Response};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Answers each request as the closure does.
#[derive(Clone)]
pub(crate) struct Handler<F>(pub(crate) F);

impl<F, R, B> tower::Service<Request<Incoming>> for Handler<F>
where
    F: Fn(Request<Incoming>) -> R,
    R: Future<Output = Response<B>> + Send + 'static,
{
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let answer = (self.0)(request);
        Box::pin(async move { Ok(answer.await) })
    }
}
