//! Observe: begins the record of a request, contains its panics, turns refusals into answers, and ends the record with the
//! last byte.

use crate::gateway::body::response::ResponseBody;
use crate::gateway::call::{Call, SharedRecord};
use crate::gateway::refusal::{Refusal, refusal};
use crate::gateway::worker_context::WorkerContext;
use crate::judge::Bundle;
use crate::judge::violation::{Rule, Violation};
use crate::peer::Client;
use crate::peer::LocalEndpoint;
use crate::policy::Action;
use crate::reason::Reason;
use crate::redact::{UserAgent, method_label};
use crate::telemetry::record::{Outcome, RequestRecord};
use crate::telemetry::{InFlight, Telemetry};
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

/// Begins and ends the record of each request. One per connection: it knows the client.
#[derive(Clone)]
pub(in crate::gateway) struct ObserveLayer {
    pub(in crate::gateway) shared: Arc<WorkerContext>,
    pub(in crate::gateway) client: Arc<Client>,
    pub(in crate::gateway) endpoint: LocalEndpoint,
}

/// See [`ObserveLayer`].
#[derive(Clone)]
pub struct Observe<S> {
    shared: Arc<WorkerContext>,
    client: Arc<Client>,
    endpoint: LocalEndpoint,
    inner: S,
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe { shared: self.shared.clone(), client: self.client.clone(), endpoint: self.endpoint, inner }
    }
}

impl<S, B, U> Service<Request<B>> for Observe<S>
where
    S: Service<Call<B>, Response = Response<U>, Error = Refusal, Future: Send> + Clone + Send + 'static,
    B: Body + Send + 'static,
    U: Body<Data = Bytes> + Unpin + Send + 'static,
{
    type Response = Response<ResponseBody<U>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // once: record and judge must not speak of two bundles
        let bundle = self.shared.gate.bundle.load_full();
        let observation = Observation::begin(&self.shared, &bundle, &request, &self.client, self.endpoint);
        let record = observation.record.clone();
        let call = Call { request, client: self.client.clone(), bundle, record };
        let mut inner = self.inner.clone();
        Box::pin(async move {
            let answer = contain(async move { inner.call(call).await }).await;
            Ok(observation.answer(answer.unwrap_or_else(|| Err(Refusal::of(Reason::Internal)))))
        })
    }
}

/// Runs `work`; none if it panics. What the panic says stays unread: it may quote the request.
async fn contain<F: Future>(work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    std::future::poll_fn(move |context| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
    .await
}

/// A request under observation. Dropping it ends the record, whatever became of the request by then.
pub(in crate::gateway) struct Observation {
    telemetry: Telemetry,
    record: SharedRecord,
    request_timeout: Duration,
    _in_flight: InFlight,
}

impl Observation {
    fn begin<B: Body>(
        shared: &WorkerContext,
        bundle: &Bundle,
        request: &Request<B>,
        client: &Arc<Client>,
        endpoint: LocalEndpoint,
    ) -> Self {
        let trace = shared.telemetry.begin(request.headers());
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
        let in_flight = shared.telemetry.in_flight(record.method, endpoint.scheme);
        Self {
            telemetry: shared.telemetry.clone(),
            record: SharedRecord::new(record),
            request_timeout: shared.gate.limits.request_timeout,
            _in_flight: in_flight,
        }
    }

    /// LimitCounters bytes sent to the client.
    pub(in crate::gateway) fn sent(&mut self, bytes: usize) {
        self.record.lock().response_bytes += bytes as u64;
    }

    /// Notes that the answer broke off in the middle.
    pub(in crate::gateway) fn broken_off(&mut self, reason: Reason) {
        let mut record = self.record.lock();
        (record.outcome, record.reason) = (Outcome::Failed, Some(reason));
    }

    /// Notes that the client left before the end of the answer.
    pub(in crate::gateway) fn left(&mut self) {
        let mut record = self.record.lock();
        // such an answer has no body, of which nobody waits for the end
        let has_body = record.method != "HEAD" && !matches!(record.status, 204 | 304);
        if has_body && matches!(record.outcome, Outcome::Allowed | Outcome::Exempt) {
            record.outcome = Outcome::Aborted;
        }
    }

    fn answer<U>(self, answer: Result<Response<U>, Refusal>) -> Response<ResponseBody<U>>
    where
        U: Body<Data = Bytes> + Unpin,
    {
        let response = match answer {
            Ok(response) => self.pass(response),
            Err(refused) => self.refuse(&refused),
        };
        let end = {
            let mut record = self.record.lock();
            record.status = response.status().as_u16();
            record.clock + self.request_timeout
        };
        response.map(|body| body.observed(self, end))
    }

    fn pass<U>(&self, response: Response<U>) -> Response<ResponseBody<U>> {
        let mut response = response.map(ResponseBody::upstream);
        for violation in self.record.lock().violations.iter().filter(|violation| violation.action == Action::Warn) {
            warn(violation, &mut response);
        }
        response
    }

    fn refuse<U>(&self, refused: &Refusal) -> Response<ResponseBody<U>> {
        let mut record = self.record.lock();
        record.outcome = refused.outcome;
        record.reason = (refused.outcome != Outcome::Aborted).then_some(refused.reason);
        refusal(&record, refused).map(ResponseBody::own)
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let mut record = self.record.lock();
        record.elapsed = record.clock.elapsed();
        if record.status == 0 {
            record.outcome = Outcome::Aborted;
        }
        let decision_input = record.decision_input.take();
        self.telemetry.finish(&record);
        self.telemetry.log_decision(&record, decision_input);
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation").finish_non_exhaustive()
    }
}

/// Tells the caller of a rule that only warns, in a `Warning` (RFC 7234 section 5.5, code 299) and a header of our own.
fn warn<U>(violation: &Violation, response: &mut Response<ResponseBody<U>>) {
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
    use crate::gateway::Gate;
    use crate::telemetry::{Output, Setup};
    use http_body_util::Empty;
    use hyper::server::conn::http1;
    use hyper_util::rt::TokioIo;
    use hyper_util::service::TowerToHyperService;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn a_panic_ends_the_request_and_nothing_else() {
        assert_eq!(contain(async { 1 }).await, Some(1));
        let panics = async {
            tokio::task::yield_now().await;
            panic!("in the middle of a request")
        };
        assert_eq!(contain::<_>(panics).await, None::<()>);
    }

    fn shared() -> Arc<WorkerContext> {
        let setup = Setup {
            logs: &Logs { access: AccessLogTarget::Off, ..Logs::default() },
            traces: &Traces {
                sampler: Sampler::AlwaysOff,
                always_export: Vec::new(),
                slow_threshold: std::time::Duration::MAX,
            },
            upstream: &UpstreamTarget::Embedded,
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
    async fn a_panic_is_answered_with_500_and_the_connection_goes_on() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = shared();
        let telemetry = shared.telemetry.clone();
        let service = ObserveLayer { shared, client: Arc::default(), endpoint: LocalEndpoint::default() }
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
