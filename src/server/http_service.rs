//! The services that a worker can serve.

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use std::convert::Infallible;
use std::error::Error;
use tower::Service;

/// A tower service for HTTP requests that cannot fail: it has a response for every error.
///
/// It must refuse requests with a [`crate::head::HeadDefect`] in their extensions, and it must always be ready: requests that
/// waited for it would take memory that no limit counts.
///
/// Implemented for every service with these bounds.
pub trait HttpService:
    Service<Request<Incoming>, Response = Response<Self::Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
    /// The body of its responses.
    type Body: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;
}

impl<S, B> HttpService for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    type Body = B;
}
