//! Admit, Inspect and Meter as one tower layer, for programs that want the judge in front of a service of their own.

use crate::gateway::body::response::ResponseBody;
use crate::gateway::call::{Call, Permitted, SharedRecord};
use crate::gateway::gate::Gate;
use crate::gateway::layers::admit::{Admit, AdmitLayer};
use crate::gateway::layers::inspect::{Inspect, InspectLayer};
use crate::gateway::layers::meter::{Meter, MeterLayer, MeteredBody};
use crate::gateway::refusal::{Refusal, refusal};
use crate::judge::Content;
use crate::redact::method_label;
use crate::telemetry::record::RequestRecord;
use crate::telemetry::traces::{Parent, TraceContext};
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Judges each request before the service behind it sees it; refusals are answered here.
///
/// ```
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use portcullis::config::gateway::Limits;
/// use portcullis::contract::Contract;
/// use portcullis::contract::strictness::Strictness;
/// use portcullis::gateway::{Gate, Judged, PolicyLayer};
/// use portcullis::judge::{Bundle, PolicyText};
/// use std::{convert::Infallible, sync::Arc};
/// use tower::{Layer, Service, service_fn};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let policy = PolicyText {
///     file: "policies/no-skip-password-checks.yaml".into(),
///     text: std::fs::read_to_string("policies/no-skip-password-checks.yaml")?,
/// };
/// let bundle = Bundle::compile(Contract::built_in("2026-05-12")?, &[policy], Strictness::default())?;
/// let gate = Gate::new(Arc::new(bundle), Limits::default(), None, &[]);
/// let backend = service_fn(|_: Request<Judged<Full<bytes::Bytes>>>| async {
///     Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::from("updated")))
/// });
/// let mut service = PolicyLayer::new(gate).layer(backend);
///
/// let request = Request::patch("/v1/users/user_1")
///     .header("host", "localhost")
///     .header("content-type", "application/json")
///     .body(Full::from(r#"{"skip_password_checks":true}"#))?;
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// let answer = runtime.block_on(service.call(request))?;
/// assert_eq!(answer.status(), 422);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PolicyLayer {
    gate: Arc<Gate>,
}

impl PolicyLayer {
    /// Judges by `gate`.
    pub fn new(gate: Gate) -> Self {
        Self { gate: Arc::new(gate) }
    }
}

/// See [`PolicyLayer`].
#[derive(Clone)]
pub struct PolicyService<S> {
    gate: Arc<Gate>,
    inner: Admit<Inspect<Meter<ForwardToService<S>>>>,
}

impl<S> Layer<S> for PolicyLayer {
    type Service = PolicyService<S>;

    fn layer(&self, inner: S) -> PolicyService<S> {
        let meter = MeterLayer { gate: self.gate.clone() }.layer(ForwardToService { inner });
        let inspect = InspectLayer { gate: self.gate.clone() }.layer(meter);
        PolicyService { gate: self.gate.clone(), inner: AdmitLayer { gate: self.gate.clone() }.layer(inspect) }
    }
}

impl<S, B, U> Service<Request<B>> for PolicyService<S>
where
    S: Service<Request<Judged<B>>, Response = Response<U>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data = Bytes, Error: Error + 'static> + Unpin + Send + 'static,
    U: Send + 'static,
{
    type Response = Response<ResponseBody<MeteredBody<U>>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let bundle = self.gate.bundle.load_full();
        let trace = TraceContext::below(Parent::of(request.headers()).as_ref());
        let record = RequestRecord::begin(method_label(request.method()), trace, bundle.revision.clone());
        let record = SharedRecord::new(record);
        let answer = self.inner.call(Call { request, client: Arc::default(), bundle, record: record.clone() });
        Box::pin(async move {
            Ok(match answer.await {
                Ok(response) => response.map(ResponseBody::upstream),
                Err(refused) => refusal(&record.lock(), &refused).map(ResponseBody::own),
            })
        })
    }
}

/// Hands what has a permit to the service behind.
#[derive(Clone)]
struct ForwardToService<S> {
    inner: S,
}

impl<S, B, U> Service<Permitted<B>> for ForwardToService<S>
where
    S: Service<Request<Judged<B>>, Response = Response<U>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Send + 'static,
    U: Send + 'static,
{
    type Response = Response<U>;
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Response<U>, Refusal>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(context).map_err(|never| match never {})
    }

    fn call(&mut self, permitted: Permitted<B>) -> Self::Future {
        let content = permitted.permit.into_content();
        let request = permitted.call.request.map(|body| match content {
            Content::Judged(bytes) => Judged::Bytes(Some(bytes)),
            Content::Exempt => Judged::Exempt(body),
        });
        let answer = self.inner.call(request);
        Box::pin(async move { answer.await.map_err(|never| match never {}) })
    }
}

/// The body that the service behind gets: the bytes that were judged, or the client's where there was nothing to judge.
#[derive(Debug)]
pub enum Judged<B> {
    /// The bytes that were judged.
    Bytes(Option<Bytes>),
    /// The client's body.
    Exempt(B),
}

impl<B: Body<Data = Bytes> + Unpin> Body for Judged<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.get_mut() {
            Self::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Exempt(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_none(),
            Self::Exempt(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Exempt(body) => body.size_hint(),
        }
    }
}
