//! The gateway's layers as one tower layer, for programs that want the judge in front of a service of their own.

use super::body::presence::BodyPresence;
use super::body::response::ResponseBody;
use super::call::Permitted;
use super::gate::Gate;
use super::layers::admit::{Admit, AdmitLayer};
use super::layers::inspect::{Inspect, InspectLayer};
use super::layers::meter::{Meter, MeterLayer, MeteredBody};
use super::layers::mount::{Mount, MountLayer, restore_uri};
use super::layers::observe::{Observe, ObserveLayer};
use super::recorder::{EmbeddedContext, RecordObserver, Recorder};
use super::refusal::Refusal;
use crate::budget::ClientKey;
use crate::peer::{Client, LocalEndpoint};
use crate::transport::{RequestBody, frame_by_body};
use bytes::Bytes;
use http::header::{EXPECT, TRAILER};
use http::{Request, Response};
use http_body::Body;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Judges each request before the service behind it gets it, and responds to refused ones itself.
///
/// The service behind gets a [`RequestBody`]: the very bytes that were judged, with their length in the head, or the client's
/// body if there was nothing to judge. It is polled for readiness before a request is accepted. A panic in it becomes a refusal with status 500.
///
/// # Who sends a request
///
/// Policies and limits may ask for the client. [`PolicyLayer::with_client`] names the client of all requests, as where
/// one program calls one upstream. A server that knows the client of each connection inserts an `Arc<Client>` into the
/// extensions of the request, which takes precedence. Without either the client is unknown.
///
/// # Where it is mounted
///
/// A router such as axum's `nest` removes its prefix from the path before the layer sees the request. The layer judges by the
/// path that the client sent, which axum keeps as `OriginalUri`, and by what each router has left of it: the strictest reading
/// decides. In front of other routers the layer must be outside of what changes the path.
///
/// # Records
///
/// [`PolicyLayer::with_observer`] receives the finished record of each request, for logs, metrics and spans. A record holds
/// nothing that must not be shown: no header, no query, no value of a body. Without an observer each violation is a `tracing`
/// event, so that rules that only warn or audit are not lost.
///
/// # Example
///
/// ```
/// use http::{Request, Response};
/// use http_body_util::{BodyExt, Full};
/// use portcullis::config::gateway::Limits;
/// use portcullis::contract::Contract;
/// use portcullis::contract::strictness::Strictness;
/// use portcullis::gateway::{Gate, PolicyLayer};
/// use portcullis::judge::{Bundle, PolicyText};
/// use portcullis::peer::Client;
/// use portcullis::telemetry::record::RequestRecord;
/// use portcullis::transport::RequestBody;
/// use std::{convert::Infallible, sync::Arc, sync::mpsc};
/// use tower::{Layer, Service, service_fn};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let policy = PolicyText {
///     file: "policies/no-skip-password-checks.yaml".into(),
///     text: std::fs::read_to_string("policies/no-skip-password-checks.yaml")?,
/// };
/// let bundle = Bundle::compile(Contract::built_in("2026-05-12")?, &[policy], Strictness::default())?;
/// let gate = Gate::new(Arc::new(bundle), Limits::default(), None, &[]);
/// let (sender, records) = mpsc::channel();
/// let layer = PolicyLayer::new(gate)
///     .with_client(Client { unix_uid: Some(1000), ..Client::default() })
///     .with_observer(move |record: &RequestRecord| {
///         let _ = sender.send((record.operation_id().to_owned(), record.reason, record.elapsed));
///     });
///
/// let backend = service_fn(|_: Request<RequestBody<Full<bytes::Bytes>>>| async {
///     Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::from("updated")))
/// });
/// let mut service = layer.layer(backend);
/// let request = Request::patch("/v1/users/user_1")
///     .header("host", "localhost")
///     .header("content-type", "application/json")
///     .body(Full::from(r#"{"skip_password_checks":true}"#))?;
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let response = service.call(request).await?;
/// assert_eq!(response.status(), 422);
///
/// // the record is complete with the last byte of the response
/// response.into_body().collect().await?;
/// let (operation, reason, elapsed) = records.try_recv()?;
/// assert_eq!((operation.as_str(), reason.map(|reason| reason.as_str())), ("UpdateUser", Some("policy_denied")));
/// assert!(!elapsed.is_zero());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PolicyLayer {
    gate: Arc<Gate>,
    client: Arc<Client>,
    observer: Option<Arc<dyn RecordObserver>>,
}

impl PolicyLayer {
    /// Judges by `gate`.
    pub fn new(gate: Gate) -> Self {
        Self { gate: Arc::new(gate), client: Arc::default(), observer: None }
    }

    /// Names the client of the requests that have no `Arc<Client>` in their extensions.
    #[must_use]
    pub fn with_client(self, client: Client) -> Self {
        Self { client: Arc::new(client), ..self }
    }

    /// Has `observer` receive the finished record of each request.
    #[must_use]
    pub fn with_observer(self, observer: impl RecordObserver + 'static) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// The rules that requests are judged by, for [`Gate::replace`] when policies change.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }
}

impl fmt::Debug for PolicyLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyLayer").field("client", &self.client).finish_non_exhaustive()
    }
}

/// The layers behind admission, with the service that they protect.
type JudgedService<S> = Inspect<Meter<ForwardToService<S>>>;

/// The service of [`PolicyLayer`].
#[derive(Clone)]
pub struct PolicyService<S> {
    client: Arc<Client>,
    layers: Observe<Mount<Admit<JudgedService<S>>>>,
}

impl<S> Layer<S> for PolicyLayer {
    type Service = PolicyService<S>;

    fn layer(&self, inner: S) -> PolicyService<S> {
        let context = EmbeddedContext { gate: self.gate.clone(), observer: self.observer.clone() };
        let observe = ObserveLayer {
            recorder: Recorder::Observer(Arc::new(context)),
            client: self.client.clone(),
            account: self.gate.budget.account(ClientKey::Unnamed),
            endpoint: LocalEndpoint::default(),
        };
        let meter = MeterLayer { gate: self.gate.clone() }.layer(ForwardToService { inner });
        let inspect = InspectLayer { gate: self.gate.clone() }.layer(meter);
        let admit = AdmitLayer { gate: self.gate.clone() }.layer(inspect);
        PolicyService { client: self.client.clone(), layers: observe.layer(MountLayer.layer(admit)) }
    }
}

impl<S, B, U> Service<Request<B>> for PolicyService<S>
where
    S: Service<Request<RequestBody<B>>, Response = Response<U>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Body<Data = Bytes, Error: Error + 'static> + Unpin + Send + 'static,
    U: Body<Data = Bytes> + Unpin + Send + 'static,
{
    type Response = Response<ResponseBody<MeteredBody<U>>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.layers.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // an extension, not a header: only the program itself can set it, never the client
        let client = request.extensions_mut().remove::<Arc<Client>>().unwrap_or_else(|| self.client.clone());
        self.layers.call_for(request, client).0
    }
}

/// Forwards permitted requests to the service behind the layer.
#[derive(Clone)]
struct ForwardToService<S> {
    inner: S,
}

impl<S, B, U> Service<Permitted<B>> for ForwardToService<S>
where
    S: Service<Request<RequestBody<B>>, Response = Response<U>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    U: Send + 'static,
{
    type Response = Response<U>;
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Response<U>, Refusal>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(context).map_err(|never| match never {})
    }

    fn call(&mut self, permitted: Permitted<B>) -> Self::Future {
        let response = self.inner.call(judged_request(permitted));
        Box::pin(async move { response.await.map_err(|never| match never {}) })
    }
}

/// The request as the service behind gets it: at the path that it expects, and with the body of the permit.
fn judged_request<B: Body<Data = Bytes> + Unpin>(permitted: Permitted<B>) -> Request<RequestBody<B>> {
    let Permitted { call, permit, .. } = permitted;
    let mut request = call.request;
    restore_uri(&mut request);
    let is_read = request.extensions().get() == Some(&BodyPresence::Empty);
    let (mut head, body) = request.into_parts();
    let body = match permit.into_body(body) {
        // Admit has read it to its end, so that there is nothing left to stream
        RequestBody::Streamed(_) if is_read => RequestBody::Empty,
        body => body,
    };
    if !matches!(body, RequestBody::Streamed(_)) {
        // what described the body as it arrived is not true of the one that was read
        frame_by_body(&head.method, &mut head.headers, &body);
        head.headers.remove(TRAILER);
        head.headers.remove(EXPECT);
    }
    Request::from_parts(head, body)
}
