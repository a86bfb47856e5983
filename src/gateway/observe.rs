//! Observe: begins the record of a request, contains its panics, turns refusals into answers, and ends the record with the
//! last byte.

use super::answer::AnswerBody;
use super::call::{Call, SharedRecord};
use super::refuse::{Refusal, refusal};
use super::shared::Shared;
use crate::judge::Bundle;
use crate::judge::violation::{Rule, Violation};
use crate::policy::{Action, Client};
use crate::reason::Reason;
use crate::redact::method_label;
use crate::telemetry::record::{Outcome, Record};
use crate::telemetry::{InFlight, Telemetry};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version};
use http_body::Body;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Begins and ends the record of each request. One per connection: it knows the client.
#[derive(Clone)]
pub(super) struct ObserveLayer {
    pub(super) shared: Arc<Shared>,
    pub(super) client: Arc<Client>,
}

/// See [`ObserveLayer`].
#[derive(Clone)]
pub struct Observe<S> {
    shared: Arc<Shared>,
    client: Arc<Client>,
    inner: S,
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe { shared: self.shared.clone(), client: self.client.clone(), inner }
    }
}

impl<S, B, U> Service<Request<B>> for Observe<S>
where
    S: Service<Call<B>, Response = Response<U>, Error = Refusal, Future: Send> + Clone + Send + 'static,
    B: Send + 'static,
    U: Body<Data = Bytes> + Unpin + Send + 'static,
{
    type Response = Response<AnswerBody<U>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // once: record and judge must not speak of two bundles
        let bundle = self.shared.gate.bundle.load_full();
        let observation = Observation::begin(&self.shared, &bundle, &request, &self.client);
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
pub(super) struct Observation {
    telemetry: Telemetry,
    record: SharedRecord,
    _in_flight: InFlight,
}

impl Observation {
    fn begin<B>(shared: &Shared, bundle: &Bundle, request: &Request<B>, client: &Client) -> Self {
        let trace = shared.telemetry.begin(request.headers());
        let mut record = Record::begin(method_label(request.method()), trace, bundle.revision.clone());
        record.client = client.address;
        record.protocol_version = match request.version() {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            _ => "1.1",
        };
        let in_flight = shared.telemetry.in_flight();
        Self { telemetry: shared.telemetry.clone(), record: SharedRecord::new(record), _in_flight: in_flight }
    }

    /// Counts bytes sent to the client.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.record.lock().response_bytes += bytes as u64;
    }

    /// Notes that the upstream broke off in the middle of its answer.
    pub(super) fn broken_off(&mut self) {
        let mut record = self.record.lock();
        (record.outcome, record.reason) = (Outcome::Failed, Some(Reason::UpstreamUnreachable));
    }

    fn answer<U>(self, answer: Result<Response<U>, Refusal>) -> Response<AnswerBody<U>> {
        let response = match answer {
            Ok(response) => self.pass(response),
            Err(refused) => self.refuse(&refused),
        };
        self.record.lock().status = response.status().as_u16();
        response.map(|body| body.observed(self))
    }

    fn pass<U>(&self, response: Response<U>) -> Response<AnswerBody<U>> {
        let mut response = response.map(AnswerBody::upstream);
        for violation in self.record.lock().violations.iter().filter(|violation| violation.action == Action::Warn) {
            warn(violation, &mut response);
        }
        response
    }

    fn refuse<U>(&self, refused: &Refusal) -> Response<AnswerBody<U>> {
        let mut record = self.record.lock();
        record.outcome = refused.outcome;
        record.reason = (refused.outcome != Outcome::Aborted).then_some(refused.reason);
        refusal(&record, refused).map(AnswerBody::own)
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let mut record = self.record.lock();
        record.elapsed = record.clock.elapsed();
        if record.status == 0 {
            record.outcome = Outcome::Aborted;
        }
        self.telemetry.finish(&record);
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation").finish_non_exhaustive()
    }
}

/// Tells the caller of a rule that only warns, in a `Warning` (RFC 7234 section 5.5, code 299) and a header of our own.
fn warn<U>(violation: &Violation, response: &mut Response<AnswerBody<U>>) {
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
    use super::contain;

    #[tokio::test]
    async fn a_panic_ends_the_request_and_nothing_else() {
        assert_eq!(contain(async { 1 }).await, Some(1));
        let panics = async {
            tokio::task::yield_now().await;
            panic!("in the middle of a request")
        };
        assert_eq!(contain::<_>(panics).await, None::<()>);
    }
}
