//! Observe: begins the record of a request, contains its panics, turns refusals into responses, and reports the record after
//! the last byte.

use crate::budget::Account;
use crate::gateway::body::response::ResponseBody;
use crate::gateway::call::{Call, SharedRecord};
use crate::gateway::detach::DetachOnDrop;
use crate::gateway::recorder::Recorder;
use crate::gateway::refusal::{Refusal, refusal_response};
use crate::judge::Bundle;
use crate::judge::violation::{Rule, Violation};
use crate::peer::Client;
use crate::peer::LocalEndpoint;
use crate::policy::Action;
use crate::reason::Reason;
use crate::redact::{UserAgent, method_label};
use crate::telemetry::InFlight;
use crate::telemetry::record::{Outcome, RequestRecord};
use bytes::Bytes;
use http::header::USER_AGENT;
use http::{HeaderValue, Request, Response, Version};
use http_body::Body;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer, Service};

/// Records each request. One per connection, because it holds the client.
#[derive(Clone)]
pub(in crate::gateway) struct ObserveLayer {
    pub(in crate::gateway) recorder: Recorder,
    pub(in crate::gateway) client: Arc<Client>,
    pub(in crate::gateway) account: Arc<Account>,
    pub(in crate::gateway) endpoint: LocalEndpoint,
}

/// The service of [`ObserveLayer`].
#[derive(Clone)]
pub struct Observe<S> {
    recorder: Recorder,
    client: Arc<Client>,
    account: Arc<Account>,
    endpoint: LocalEndpoint,
    inner: S,
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        let (recorder, client, account) = (self.recorder.clone(), self.client.clone(), self.account.clone());
        Observe { recorder, client, account, endpoint: self.endpoint, inner }
    }
}

impl<S> Observe<S> {
    /// Calls the layers within for a request of `client`.
    pub(in crate::gateway) fn call_for<B, U>(
        &mut self,
        request: Request<B>,
        client: Arc<Client>,
    ) -> (ResponseFuture<U>, SharedRecord)
    where
        S: Service<Call<B>, Response = Response<U>, Error = Refusal, Future: Send> + Clone + Send + 'static,
        B: Body + Send + 'static,
        U: Body<Data = Bytes> + Unpin + Send + 'static,
    {
        // loaded once: a reload in between must not make the record name another bundle than the one that judges
        let bundle = self.recorder.gate().bundle.load_full();
        let observation = Observation::begin(&self.recorder, &bundle, &request, &client, self.endpoint);
        let record = observation.record.clone();
        let account = self.account.clone();
        let call = Call { request, client, account, bundle, record: record.clone(), probe: None };
        // called here, not when the response is polled: HTTP/2 accepts a hundred requests before it polls one, and each has to
        // be counted or refused before the next
        let called = catch_panic_now(|| self.inner.call(call));
        let response: ResponseFuture<U> = Box::pin(async move {
            let result = match called {
                Some(response) => catch_panic(response).await,
                None => None,
            };
            Ok(observation.respond(result.unwrap_or_else(|| Err(Refusal::of(Reason::Internal)))))
        });
        (response, record)
    }
}

type ResponseFuture<U> = Pin<Box<dyn Future<Output = Result<Response<ResponseBody<U>>, Infallible>> + Send>>;

impl<S, B, U> Service<Request<B>> for Observe<S>
where
    S: Service<Call<B>, Response = Response<U>, Error = Refusal, Future: Send> + Clone + Send + 'static,
    B: Body + Send + 'static,
    U: Body<Data = Bytes> + Unpin + Send + 'static,
{
    type Response = Response<ResponseBody<U>>;
    type Error = Infallible;
    type Future = DetachOnDrop<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // a layer that cannot be ready refuses the request when it is called, with a record
        self.inner.poll_ready(context).map(|_| Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (response, record) = self.call_for(request, self.client.clone());
        DetachOnDrop::new(response, record)
    }
}

/// Runs `work`. `None` if it panics.
// the payload of the panic stays unread: it may quote the request
fn catch_panic_now<T>(work: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Runs `work` to its end. `None` if it panics.
async fn catch_panic<F: Future>(work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    std::future::poll_fn(move |context| {
        catch_panic_now(|| work.as_mut().poll(context)).map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
    .await
}

/// A request under observation. Dropping it reports the record.
pub(in crate::gateway) struct Observation {
    recorder: Recorder,
    record: SharedRecord,
    request_timeout: Duration,
    _in_flight: Option<InFlight>,
}

impl Observation {
    fn begin<B: Body>(
        recorder: &Recorder,
        bundle: &Bundle,
        request: &Request<B>,
        client: &Arc<Client>,
        endpoint: LocalEndpoint,
    ) -> Self {
        let trace = recorder.trace_context(request.headers());
        let mut record = RequestRecord::begin(method_label(request.method()), trace, bundle.revision.clone());
        (record.client, record.sender) = (client.address, Some(client.clone()));
        record.endpoint = endpoint;
        record.request_bytes = request.body().is_end_stream().then_some(0);
        record.user_agent = request.headers().get(USER_AGENT).and_then(|value| UserAgent::of(value.as_bytes()));
        record.protocol_version = match request.version() {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            _ => "1.1",
        };
        let in_flight = recorder.in_flight(record.method, endpoint.scheme);
        Self {
            recorder: recorder.clone(),
            record: SharedRecord::new(record),
            request_timeout: recorder.gate().limits.request_timeout,
            _in_flight: in_flight,
        }
    }

    /// Counts bytes sent to the client.
    pub(in crate::gateway) fn add_sent_bytes(&mut self, bytes: usize) {
        self.record.lock().response_bytes += bytes as u64;
    }

    /// Records that the response broke off in the middle.
    pub(in crate::gateway) fn mark_failed(&mut self, reason: Reason) {
        let mut record = self.record.lock();
        (record.outcome, record.reason) = (Outcome::Failed, Some(reason));
    }

    /// Records that the client closed before the end of the response.
    pub(in crate::gateway) fn mark_aborted(&mut self) {
        let mut record = self.record.lock();
        // hyper never polls the body of such a response to its end, because it has none (RFC 9110 section 6.4.1)
        let has_body = record.method != "HEAD" && !matches!(record.status, 204 | 304);
        if has_body && matches!(record.outcome, Outcome::Allowed | Outcome::Exempt) {
            record.outcome = Outcome::Aborted;
        }
    }

    fn respond<U>(self, result: Result<Response<U>, Refusal>) -> Response<ResponseBody<U>>
    where
        U: Body<Data = Bytes> + Unpin,
    {
        let response = match result {
            Ok(response) => self.add_warnings(response.map(ResponseBody::upstream)),
            Err(refusal) => self.refuse(&refusal),
        };
        let end = {
            let mut record = self.record.lock();
            record.status = response.status().as_u16();
            record.clock + self.request_timeout
        };
        response.map(|body| body.with_observation(self, end))
    }

    fn add_warnings<U>(&self, mut response: Response<ResponseBody<U>>) -> Response<ResponseBody<U>> {
        for violation in self.record.lock().violations.iter().filter(|violation| violation.action == Action::Warn) {
            add_warning(violation, &mut response);
        }
        response
    }

    fn refuse<U>(&self, refusal: &Refusal) -> Response<ResponseBody<U>> {
        let mut record = self.record.lock();
        record.outcome = refusal.outcome;
        record.reason = (refusal.outcome != Outcome::Aborted).then_some(refusal.reason);
        refusal_response(&record, refusal).map(ResponseBody::gateway)
    }
}

// The record, and with it the span, the log line and the metrics, is reported by a destructor: a request ends in many places
// (the last byte, a panic, a client that resets the stream, a worker that shuts down), and hyper drops this in each of them.
impl Drop for Observation {
    fn drop(&mut self) {
        let mut record = self.record.lock();
        if self.record.has_client_left() {
            // whatever came of it, the client got none of it
            (record.status, record.outcome, record.reason) = (0, Outcome::Aborted, None);
        } else {
            record.elapsed = record.clock.elapsed();
        }
        if record.status == 0 {
            record.outcome = Outcome::Aborted;
        }
        self.recorder.finish(&mut record);
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation").finish_non_exhaustive()
    }
}

/// Adds a `Warning` (RFC 7234 section 5.5, code 299) and a `Portcullis-Warning` for a rule that only warns.
fn add_warning<U>(violation: &Violation, response: &mut Response<ResponseBody<U>>) {
    // a message is the operator's text: a line break in it must not end the header (CWE-113)
    let text: String = violation.message.chars().filter(|letter| !letter.is_control()).collect();
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
    if let Ok(value) = HeaderValue::try_from(format!("299 portcullis \"{quoted}\"")) {
        response.headers_mut().append("warning", value);
    }
    let rule = match &violation.rule {
        Rule::Policy(name) => format!("policy=\"{name}\""),
        Rule::Keyword(keyword) => format!("schema=\"{keyword}\""),
        Rule::Gateway => "gateway".to_owned(),
    };
    let field = violation.field.as_ref().map(|field| format!("; field=\"{}\"", field.for_caller())).unwrap_or_default();
    if let Ok(value) = HeaderValue::try_from(format!("{rule}{field}")) {
        response.headers_mut().append("portcullis-warning", value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::gateway::{AccessLogTarget, Limits, Logs, Sampler, Traces, UpstreamTarget};
    use crate::contract::Contract;
    use crate::contract::strictness::Strictness;
    use crate::gateway::layers::limit::ConcurrencyLimitLayer;
    use crate::gateway::{Gate, WorkerContext};
    use crate::telemetry::{Output, Setup, Telemetry};
    use http_body_util::Empty;
    use hyper::server::conn::http1;
    use hyper_util::rt::TokioIo;
    use hyper_util::service::TowerToHyperService;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn a_panic_ends_the_request_and_nothing_else() {
        assert_eq!(catch_panic(async { 1 }).await, Some(1));
        let panics = async {
            tokio::task::yield_now().await;
            panic!("in the middle of a request")
        };
        assert_eq!(catch_panic::<_>(panics).await, None::<()>);
    }

    fn shared() -> Arc<WorkerContext> {
        let setup = Setup {
            logs: &Logs { access: AccessLogTarget::Off, ..Logs::default() },
            traces: &Traces {
                sampler: Sampler::AlwaysOff,
                always_export: Vec::new(),
                slow_threshold: std::time::Duration::MAX,
                send_to_upstream: true,
            },
            upstream: &UpstreamTarget::Embedded,
            instance: &crate::policy::Instance::UNNAMED,
            output: Output::new(std::io::sink(), false),
            decisions: None,
            environment: &|_| None,
            runtime: tokio::runtime::Handle::current(),
        };
        let contract = Contract::built_in("2026-05-12").expect("a contract");
        let bundle = Bundle::compile(contract, &[], Strictness::default()).expect("a bundle");
        let gate = Gate::new(Arc::new(bundle), Limits::default(), None, &[]);
        Arc::new(WorkerContext::new(gate, Telemetry::start(setup).expect("telemetry")))
    }

    /// Panics for one path, and answers the others.
    async fn unsteady<B>(call: Call<B>) -> Result<Response<Empty<Bytes>>, Refusal> {
        tokio::task::yield_now().await;
        assert_ne!(call.request.uri().path(), "/panic", "hunter2");
        Ok(Response::new(Empty::new()))
    }

    async fn ask(client: &mut TcpStream, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
        client.write_all(request.as_bytes()).await.expect("a connection");
        let mut answer = Vec::new();
        let whole = |answer: &[u8]| {
            let text = String::from_utf8_lossy(answer).into_owned();
            text.ends_with("}]}")
                || text.ends_with("\"}")
                || text.ends_with("\r\n\r\n") && text.contains("content-length: 0")
        };
        while !whole(&answer) {
            assert!(client.read_buf(&mut answer).await.expect("an answer") > 0, "{}", String::from_utf8_lossy(&answer));
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn a_request_is_counted_or_refused_before_its_response_is_polled() {
        let shared = shared();
        let budget = crate::budget::ClientBudget::new(crate::budget::BudgetLimits {
            connections: 1,
            requests: 1,
            bytes: 1 << 20,
            client_share: 1.0,
        });
        let layer = ObserveLayer {
            recorder: Recorder::Telemetry(shared),
            client: Arc::default(),
            account: budget.account(crate::budget::ClientKey::Unnamed),
            endpoint: LocalEndpoint::default(),
        };
        let mut service = layer.layer(ConcurrencyLimitLayer.layer(tower::service_fn(unsteady)));
        let mut call = || service.call(Request::new(Empty::<Bytes>::new()));
        let (first, second) = (call(), call());
        assert_eq!(budget.requests_used(), 1);
        assert_eq!(second.await.expect("a response").status(), 429);
        assert_eq!(first.await.expect("a response").status(), 200);
    }

    #[tokio::test]
    async fn a_panic_is_answered_with_500_and_the_connection_goes_on() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = shared();
        let telemetry = shared.telemetry.clone();
        let account = shared.gate.budget.account(crate::budget::ClientKey::Unnamed);
        let service = ObserveLayer {
            recorder: Recorder::Telemetry(shared),
            client: Arc::default(),
            account,
            endpoint: LocalEndpoint::default(),
        }
        .layer(tower::service_fn(unsteady));
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).await
        });
        let mut client = TcpStream::connect(address).await.expect("a connection");
        let refused = ask(&mut client, "/panic").await;
        assert!(refused.starts_with("HTTP/1.1 500 ") && refused.contains("gateway_internal"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
        assert!(ask(&mut client, "/other").await.starts_with("HTTP/1.1 200 "));
        let metrics = telemetry.metrics_text();
        assert!(metrics.contains("portcullis_requests_total{operation=\"_OTHER\",decision=\"fail\"} 1\n"), "{metrics}");
    }
}
